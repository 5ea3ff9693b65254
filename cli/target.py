"""Which server a command talks to, and as whom."""

import fcntl
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

import httpx
import msgspec
import typer

from cli.client import Api
from cli.console import fail
from cli.credentials import SessionFile, login_file
from cli.local.secrets import read_private
from cli.patience import Patience
from cli.running import WRONG_USAGE
from cli.session import ApiKey, Credential, Session
from runtime.clock import SystemClock
from runtime.settings import Settings

CONNECT_SECONDS = 5.0
#: Longer than the pause between two signs of life on a stream of events.
SILENCE_SECONDS = 60.0
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_GROUP = "Where and as whom"
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Address of the API; default what runs here, else where you logged in.",
        rich_help_panel=_GROUP,
    ),
]
EmailOption = Annotated[
    str | None,
    typer.Option("--email", help="Log in as this user for this command.", rich_help_panel=_GROUP),
]
PasswordOption = Annotated[
    bool,
    typer.Option(
        "--password-stdin",
        help="Read the password from standard input instead of asking.",
        rich_help_panel=_GROUP,
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        help="Use an API key; `-` reads it from standard input.",
        rich_help_panel=_GROUP,
    ),
]


@dataclass(frozen=True, kw_only=True)
class Target:
    """An address, and who we are there."""

    url: str
    credential: Credential


class RunningStack(msgspec.Struct, frozen=True, kw_only=True):
    """What ``ragline up`` says about itself."""

    url: str
    email: str
    password: str


def choose_target(
    settings: Settings,
    *,
    url: str | None,
    email: str | None,
    password_stdin: bool,
    api_key: str | None,
) -> Target:
    """Return where to go and as whom; ends the command where that is not known."""
    if api_key is not None and (email is not None or password_stdin):
        fail("Use either --api-key or --email, not both.", WRONG_USAGE)
    if password_stdin and email is None:
        fail("--password-stdin needs --email: whose password is it?", WRONG_USAGE)
    address = checked_url(url) if url is not None else default_url(settings)
    if api_key is not None:
        return Target(
            url=address, credential=ApiKey(_line_of_stdin() if api_key == "-" else api_key)
        )
    if email is not None:
        password = read_password(from_stdin=password_stdin)
        session = Session(url=address, email=email, password=password, clock=SystemClock())
        return Target(url=address, credential=session)
    return Target(url=address, credential=_known_session(settings, address))


def checked_url(url: str) -> str:
    """Return the address without a slash at its end; a wrong one ends the command."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        fail(f"--url {url} is not an address like http://127.0.0.1:8000.", WRONG_USAGE)
    return url.rstrip("/")


def default_url(settings: Settings) -> str:
    """Return where to go when nobody says: what runs here, else where the user logged in."""
    here, kept = running_stack(settings), login_file().read()
    if here is not None and (kept is None or is_up(settings)):
        return here.url
    return kept.url if kept is not None else f"http://127.0.0.1:{settings.port or 8000}"


def running_stack(settings: Settings) -> RunningStack | None:
    """Return how to log in to what ``ragline up`` started here, None before its first start."""
    try:
        return msgspec.convert(read_private(settings.data_dir / "connection.json"), RunningStack)
    except (msgspec.ValidationError, OSError):
        return None


def is_up(settings: Settings) -> bool:
    """Tell whether ``ragline up`` is running on this data folder: it holds a lock as long."""
    try:
        with (settings.data_dir / "up.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def read_password(*, from_stdin: bool) -> str:
    """Return the password, asked for on the terminal or read from standard input."""
    if from_stdin:
        return _line_of_stdin()
    if not sys.stdin.isatty():
        fail("There is no terminal to ask for the password on; use --password-stdin.", WRONG_USAGE)
    return str(typer.prompt("Password", hide_input=True, err=True))


@asynccontextmanager
async def connected(
    target: Target, *, patience: Patience | None = None, silence: float = SILENCE_SECONDS
) -> AsyncGenerator[Api]:
    """Yield the API of the target; nothing is sent yet. ``silence`` is the longest, in seconds."""
    async with open_http(target.url, silence=silence) as http:
        yield Api(http, target.credential, patience or Patience())


def open_http(url: str, *, silence: float = SILENCE_SECONDS) -> httpx.AsyncClient:
    """Return a client for this address; a proxy of the environment is not asked for loopback."""
    return httpx.AsyncClient(
        base_url=url,
        timeout=httpx.Timeout(silence, connect=CONNECT_SECONDS, pool=None),
        trust_env=urlsplit(url).hostname not in LOOPBACK,
        headers={"User-Agent": "ragline"},
    )


def _known_session(settings: Settings, url: str) -> Credential:
    here = running_stack(settings)
    if here is not None and here.url == url:
        return Session(
            url=url,
            email=here.email,
            password=here.password,
            clock=SystemClock(),
            file=SessionFile(settings.data_dir / "session.json"),
        )
    file = login_file()
    kept = file.read()
    if kept is None or kept.url != url:
        fail(
            f"You are not logged in at {url}: run `ragline login --url {url}`, or start a server "
            "here with `ragline up`."
        )
    return Session(url=url, email=kept.email, clock=SystemClock(), file=file)


def _line_of_stdin() -> str:
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        fail("Standard input is empty; the secret was to come from there.", WRONG_USAGE)
    return line
