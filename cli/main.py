"""The command ``ragline`` and its subcommands."""

from importlib.metadata import version
from typing import Annotated

import typer

import cli.doctor
import cli.jobs
import cli.login
import cli.topics
import cli.users
from cli.ask import ask
from cli.console import out
from cli.gateway import gateway
from cli.ingest import ingest
from cli.migrate import migrate
from cli.search import search
from cli.up import up
from cli.worker import worker

app = typer.Typer(
    name="ragline",
    help="Documents in, cited answers out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line."""
    app()


@app.callback()
def ragline(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True)
    ] = False,
) -> None:
    """Documents in, cited answers out."""
    if show_version:
        out.print(version("ragline"))
        raise typer.Exit


for command in (up, gateway, worker, migrate, ingest, ask, search):
    app.command()(command)
app.command(name="login")(cli.login.login)
app.command(name="logout")(cli.login.logout)
app.command(name="doctor")(cli.doctor.doctor)
app.add_typer(cli.topics.app, name="topics")
app.add_typer(cli.users.app, name="users")
app.add_typer(cli.jobs.app, name="jobs")

if __name__ == "__main__":
    main()
