"""The command ``ragline`` and its subcommands, each loaded when it is used.

Every process of ragline starts here, and none needs the modules of the others: loading them all
would cost each a second of CPU and tens of megabytes.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typing_extensions import override

from cli.console import out


@dataclass(frozen=True)
class Entry:
    """Where a command is, and what `ragline --help` says of it."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "up": Entry("cli.up", "up", "Start everything on this machine."),
    "ingest": Entry("cli.ingest", "ingest", "Upload files and folders, and wait for them."),
    "ask": Entry("cli.ask", "ask", "Ask a question; shows the answer and its sources."),
    "search": Entry("cli.search", "search", "Show the passages that fit a query."),
    "eval": Entry("cli.eval", "evaluate_dataset", "Measure what the questions of a data set find."),
    "jobs": Entry("cli.jobs", "app", "Watch what becomes of uploads."),
    "dead-letters": Entry("cli.dead_letters", "app", "See and redrive what the workers gave up."),
    "generations": Entry("cli.generations", "app", "Index in another way, beside the active one."),
    "replay": Entry("cli.replay", "app", "Let the workers read again."),
    "usage": Entry("cli.usage", "usage", "Show what was used, by day."),
    "reprocess": Entry("cli.reprocess", "reprocess", "Process documents again."),
    "login": Entry("cli.login", "login", "Log in to a deployment."),
    "logout": Entry("cli.login", "logout", "Forget the login."),
    "doctor": Entry("cli.doctor", "doctor", "Say what is configured, reachable and missing."),
    "gateway": Entry("cli.gateway", "gateway", "Run the REST API."),
    "worker": Entry("cli.worker", "worker", "Run one of the four workers."),
    "migrate": Entry("cli.migrate", "migrate", "Bring the database to this version."),
    "indexes": Entry("cli.indexes", "app", "Build vector indexes for large tenants."),
    "topics": Entry("cli.topics", "app", "Create and show the topics."),
    "users": Entry("cli.users", "app", "Add users."),
}


class LazyCommands(TyperGroup):
    """A group whose commands are loaded by name; their list needs no loading."""

    _listing = False

    @override
    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        if self._listing:
            return TyperCommand(cmd_name, help=entry.summary)
        return load(cmd_name, entry)

    @override
    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._listing = True
        super().format_help(ctx, formatter)


def load(name: str, entry: Entry) -> Any:
    """Return the command, its module loaded."""
    found: Any = getattr(import_module(entry.module), entry.attribute)
    if isinstance(found, typer.Typer):
        command: Any = typer.main.get_group(found)
    else:
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(name)(found)
        command = typer.main.get_command(single)
    command.name = name
    return command


app = typer.Typer(
    name="ragline", cls=LazyCommands, no_args_is_help=True, pretty_exceptions_enable=False
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - the shape of a callback
    if wanted:
        out.print(version("ragline"))
        raise typer.Exit


@app.callback(help="Documents in, cited answers out.")
def ragline(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and end.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    """Documents in, cited answers out."""


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
