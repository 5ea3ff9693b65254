"""``ragline users``: users made directly in the database, also where registration is closed."""

import secrets
import sys
from typing import Annotated

import msgspec
import typer

from cli.console import fail
from cli.running import WRONG_USAGE, read_settings, run
from cli.target import PasswordOption, read_password
from cli.terminal import say, say_json
from cli.whereabouts import database_url
from gateway.auth.passwords import Passwords
from gateway.auth.schemas import NewUser
from store import Store
from store.accounts import User
from store.users import Role

app = typer.Typer(help="Manage users, directly in the database.", no_args_is_help=True)

#: Bytes of randomness in a password that nobody chose.
GENERATED_BYTES = 18
#: What the schema of a new user says, for a person.
_RULES = {
    "email": "EMAIL is not an e-mail address like ada@example.org.",
    "password": "The password must have 10 to 256 characters.",
    "tenant_name": "--tenant must have 1 to 200 characters, none of them a control character.",
}


@app.callback()
def users() -> None:
    """Keep `add` a subcommand: others follow."""


@app.command("add")
def add_user(
    email: Annotated[str, typer.Argument(help="E-mail address, by which the user logs in.")],
    *,
    tenant: Annotated[
        str | None, typer.Option(help="Name of the new tenant; default the e-mail's domain.")
    ] = None,
    operator: Annotated[
        bool, typer.Option("--operator", help="Let the user operate the whole installation.")
    ] = False,
    password_stdin: PasswordOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Create a tenant with its first user, an admin or an operator.

    Without a terminal and --password-stdin, a password is made up and shown once.
    """
    dsn = database_url(read_settings())
    password, is_generated = _password(from_stdin=password_stdin)
    new = _checked(email, password, tenant)
    run(
        _add(
            dsn, new, role="operator" if operator else "admin", shows=is_generated, as_json=as_json
        )
    )


async def _add(dsn: str, new: NewUser, *, role: Role, shows: bool, as_json: bool) -> int:
    user = await _register(dsn, new, role)
    shown = {
        "user_id": str(user.user_id),
        "tenant_id": str(user.tenant_id),
        "email": user.email,
        "role": user.role,
    }
    if shows:
        shown["password"] = new.password
    if as_json:
        say_json(shown)
        return 0
    say(f"Added {user.email} as {user.role} of tenant {user.tenant_id}.")
    if shows:
        say(f"Password, shown this once: {new.password}")
    return 0


async def _register(dsn: str, new: NewUser, role: Role) -> User:
    passwords = Passwords()
    password_hash = await passwords.hash(new.password)
    passwords.close()
    store = await Store.connect(dsn, pool_size=1, application="ragline-users")
    try:
        await store.check()
        async with store.system() as tx:
            return await tx.accounts.register(
                tenant_name=new.tenant_name or new.email.rpartition("@")[2],
                email=new.email.lower(),
                password_hash=password_hash,
                role=role,
            )
    finally:
        await store.close()


def _password(*, from_stdin: bool) -> tuple[str, bool]:
    """Return the password, and whether it was made up."""
    if from_stdin:
        return read_password(from_stdin=True), False
    if sys.stdin.isatty():
        chosen = typer.prompt(
            "Password (empty: generate one)",
            default="",
            show_default=False,
            hide_input=True,
            confirmation_prompt=True,
            err=True,
        )
        if chosen:
            return str(chosen), False
    return secrets.token_urlsafe(GENERATED_BYTES), True


def _checked(email: str, password: str, tenant: str | None) -> NewUser:
    """Return the user by the rules of the API; ends the command where one is broken."""
    given = {"email": email, "password": password, "tenant_name": tenant}
    try:
        return msgspec.convert(given, NewUser)
    except msgspec.ValidationError as error:
        broken = next((rule for name, rule in _RULES.items() if f"$.{name}" in str(error)), "")
        fail(broken or "A value is wrong.", WRONG_USAGE)
