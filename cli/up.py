"""``ragline up``: everything on this machine, with one command."""

import asyncio
import fcntl
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import structlog
import typer
from pydantic import SecretStr

from cli.configured import configured
from cli.console import err, fail, out
from cli.local.child import ChildBroken
from cli.local.first_user import Access, ensure_first_user
from cli.local.secrets import kept_secret, write_private
from cli.local.servers import Servers, running_servers
from cli.local.stack import Stack, running_stack
from cli.migrate import prepare_database
from cli.topics import apply_topics
from contracts.errors import RaglineError
from contracts.topics import WORKERS
from providers.embedding.factory import default_embedding_model
from runtime.embedded import EmbeddedServerError
from runtime.settings import Settings, environment_with

#: Most partitions of a topic on one machine, where Kafka has one node.
LOCAL_PARTITIONS = 6
DEMO_QUESTION = "When does the dome stay shut because of wind or humidity?"
EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "documents"


def up(
    *,
    demo: Annotated[bool, typer.Option(help="Ingest examples/ and ask a question.")] = False,
    leave: Annotated[bool, typer.Option("--exit", help="End after the demo's answer.")] = False,
    scale: Annotated[
        list[str] | None, typer.Option(help="Run several of a worker, as `embedder=3`.")
    ] = None,
) -> None:
    """Start Kafka, PostgreSQL, the gateway and the workers here; Ctrl-C stops them in order."""
    settings = configured()
    counts = _scale(scale or [])
    _say_only_what_matters()
    try:
        with _only_one(settings.data_dir):
            status = asyncio.run(_up(settings, counts, demo=demo or leave, leave=leave))
    except (EmbeddedServerError, ChildBroken, RaglineError) as error:
        fail(str(error))
    except asyncio.CancelledError:
        out.print("Stopped.")
        status = 0
    raise typer.Exit(status)


async def _up(settings: Settings, counts: dict[str, int], *, demo: bool, leave: bool) -> int:
    _cancel_on_signals()
    folder = settings.data_dir.absolute()
    settings = _with_local_values(settings, folder)
    _refuse_busy_port(settings)
    out.print("Starting the servers …")
    async with running_servers(settings, folder) as servers:
        settings = settings.with_values(**servers.where())
        await _prepare(settings)
        out.print("Starting the gateway and the workers …")
        async with running_stack(settings, folder, counts) as stack:
            access = await ensure_first_user(_dsn(settings), folder, stack.url)
            _keep_whereabouts(settings, folder, stack)
            _introduce(stack, folder, access)
            status = await _demo(settings) if demo else 0
            if not leave:
                out.print('Everything is up; in another terminal: .venv/bin/ragline ask "…"')
                out.print("Ctrl-C stops it.")
                await _until_broken(stack, servers)
            return status


async def _until_broken(stack: Stack, servers: Servers) -> None:
    """Watch over everything for as long as it can be kept running."""
    watching = [asyncio.create_task(stack.broken()), asyncio.create_task(servers.watch())]
    try:
        done, _ = await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


def _with_local_values(settings: Settings, folder: Path) -> Settings:
    """Fill in what a machine decides for itself: its secret, its partitions, a free port."""
    values: dict[str, object] = {"data_dir": folder}
    if settings.jwt_secret is None:
        values["jwt_secret"] = SecretStr(kept_secret(folder, "jwt_secret"))
    if settings.kafka_partitions is None and settings.kafka_bootstrap_servers is None:
        values["kafka_partitions"] = LOCAL_PARTITIONS
    if settings.port == 0:
        values["port"] = _free_port(settings.host)
    return settings.with_values(**values)


async def _prepare(settings: Settings) -> None:
    """Bring database and topics to this version, and say what a person must know."""
    _, generation = await prepare_database(settings)
    await apply_topics(settings)
    wanted = settings.embedding_model or default_embedding_model(settings)
    if (generation.embedding_model, generation.strategy) != (wanted, settings.chunking_strategy):
        err.print(
            f"The index was built with {generation.embedding_model} and {generation.strategy}, "
            f"and stays so; `ragline generations build` makes one with {wanted} and "
            f"{settings.chunking_strategy} beside it.",
            style="yellow",
            highlight=False,
        )


def _keep_whereabouts(settings: Settings, folder: Path, stack: Stack) -> None:
    """Write where everything is, for the commands that look at it (`ragline doctor`)."""
    whereabouts = {
        "database_url": _dsn(settings),
        "kafka_bootstrap_servers": settings.kafka_bootstrap_servers,
        "blob_url": settings.blob_url,
        "gateway_url": stack.url,
        "pids": {child.name: child.pid for child in stack.children},
    }
    write_private(folder / "stack.json", whereabouts)


def _introduce(stack: Stack, folder: Path, access: Access) -> None:
    rows = {
        "API": stack.url,
        "API docs": f"{stack.url}/schema",
        "Log in": f"{access.email}, password in {folder / 'connection.json'}",
        "Logs": str(folder / "logs"),
    }
    if access.password is None:
        rows["Log in"] = f"the password of {access.email} is lost; add a user: ragline users add"
    if access.is_new:
        rows["Log in"] = f"{access.email} with password {access.password} (shown once)"
    for name, value in rows.items():
        out.print(f"  {name:9} {value}", highlight=False, markup=False, soft_wrap=True)


async def _demo(settings: Settings) -> int:
    """Do what a person would do first: ingest the examples, ask, read the answer."""
    for command in (["ingest", str(EXAMPLES)], ["ask", DEMO_QUESTION]):
        out.print(f"\n$ ragline {command[0]} {_shown(command[1])}", style="bold", highlight=False)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cli.main",
            *command,
            env=environment_with(data_dir=str(settings.data_dir)),
        )
        if status := await process.wait():
            return status
    return 0


def _shown(argument: str) -> str:
    return "examples/documents" if argument == str(EXAMPLES) else f'"{argument}"'


def _dsn(settings: Settings) -> str:
    if settings.database_url is None:
        fail("DATABASE_URL is missing: where is PostgreSQL?", 2)
    return settings.database_url.get_secret_value()


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _scale(wanted: list[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for item in wanted:
        name, _, number = item.partition("=")
        if name not in WORKERS or not number.isdigit() or not 1 <= int(number) <= 16:
            fail(f"--scale {item} is not NAME=1…16 with one of {', '.join(WORKERS)}.", 2)
        counts[name] = int(number)
    return counts


@contextmanager
def _only_one(folder: Path) -> Generator[None]:
    """Hold the data folder; a lock of a killed process is gone with it."""
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((folder / "up.lock").open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fail(f"`ragline up` is running already on {folder}; stop it first, or set DATA_DIR.")
        except OSError as error:
            fail(f"The folder {folder} cannot be used ({error.strerror}); set DATA_DIR to another.")
        yield


def _cancel_on_signals() -> None:
    """Let Ctrl-C and SIGTERM unwind what is running, in order; a second one hurries."""
    loop, running = asyncio.get_running_loop(), asyncio.current_task()
    if running is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, running.cancel)


def _say_only_what_matters() -> None:
    """Keep the log of this process to what a person at the terminal must know."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("warning"),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


def _refuse_busy_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError:
            fail(f"Port {settings.port} is in use; stop what uses it, or set PORT to another.")
