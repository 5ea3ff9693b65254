"""``ragline login`` and ``ragline logout``: a session that later commands use."""

import httpx
import typer

from cli.client import Api
from cli.credentials import login_file
from cli.failures import ApiProblem
from cli.patience import Patience
from cli.running import read_settings, run
from cli.session import Session, log_out
from cli.target import (
    EmailOption,
    PasswordOption,
    UrlOption,
    checked_url,
    default_url,
    open_http,
    read_password,
)
from cli.terminal import say
from runtime.clock import SystemClock


def login(
    *, url: UrlOption = None, email: EmailOption = None, password_stdin: PasswordOption = False
) -> None:
    """Log in, and stay logged in for the commands that follow.

    What is kept is a session, not the password, readable by you only.
    """
    address = checked_url(url) if url is not None else default_url(read_settings())
    user = email if email is not None else str(typer.prompt("E-mail", err=True))
    password = read_password(from_stdin=password_stdin)
    run(_log_in(address, user, password))


async def _log_in(url: str, email: str, password: str) -> int:
    file = login_file()
    session = Session(url=url, email=email, password=password, clock=SystemClock())
    async with open_http(url) as http:
        await Api(http, session, Patience()).log_in()
    async with file.locked():
        file.write(session.kept)
    say(f"Logged in as {email} at {url}.")
    return 0


def logout() -> None:
    """End the session of ``ragline login``, here and on the server."""
    run(_log_out())


async def _log_out() -> int:
    file = login_file()
    async with file.locked():
        kept = file.read()
        file.remove()
    if kept is None:
        say("You were not logged in.")
        return 0
    try:
        async with open_http(kept.url) as http:
            await log_out(http, kept)
    except (ApiProblem, httpx.TransportError):
        say(f"Logged out here; {kept.url} could not be told, and forgets the session in time.")
    else:
        say(f"Logged out at {kept.url}.")
    return 0
