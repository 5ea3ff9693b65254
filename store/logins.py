"""The login that the processes use, where it is not the owner of the tables."""

import base64
import hashlib
import hmac
import secrets
from urllib.parse import unquote, urlsplit

from contracts.errors import Misconfigured
from runtime.postgres import Connection
from runtime.postgres_errors import blames_the_owner
from runtime.postgres_sessions import connected

APPLICATION = "ragline migrate"

# PostgreSQL's own count.
SCRAM_ROUNDS = 4096

# Is there such a role?
EXISTS = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)"

# May it take on both roles of the product?
MAY_SERVE = """
SELECT pg_has_role($1, 'ragline_app', 'SET') AND pg_has_role($1, 'ragline_system', 'SET')
"""

# Statements about roles take no parameters; PostgreSQL quotes them.
CREATE = "SELECT format('CREATE ROLE %I LOGIN NOINHERIT PASSWORD %L', $1::text, $2::text)"
GRANT = """
SELECT format('GRANT ragline_app, ragline_system TO %I WITH INHERIT FALSE, SET TRUE', $1::text)
"""


async def ensure_login(owner_dsn: str, login_dsn: str) -> bool:
    """Make the login of ``login_dsn`` able to serve; True when something was changed.

    A login that is missing is created with the password of its URL, and the product's two roles
    are granted to it. One that is there keeps its password. ``Misconfigured`` when the owner may
    not do that, or the password is missing or cannot be hashed here.
    """
    login, owner = urlsplit(login_dsn), urlsplit(owner_dsn)
    if not login.username or login.username == owner.username:
        return False
    name = unquote(login.username)
    async with connected(owner_dsn, application=APPLICATION) as connection:
        with blames_the_owner():
            created = await _create(connection, name, unquote(login.password or ""))
            if not created and await connection.value(MAY_SERVE, name):
                return False
            await connection.run(await connection.value(GRANT, name))
    return True


async def _create(connection: Connection, name: str, password: str) -> bool:
    if await connection.value(EXISTS, name):
        return False
    await connection.run(await connection.value(CREATE, name, scram_verifier(password)))
    return True


def scram_verifier(password: str) -> str:
    """Return what PostgreSQL keeps of a password (SCRAM-SHA-256, RFC 5802 and 7677).

    So that neither the statement nor the server's log has the password itself.
    """
    if not password or not password.isascii():
        raise Misconfigured(
            "DATABASE_URL needs a password in ASCII, so that its login can be created."
        )
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${SCRAM_ROUNDS}:{_text(salt)}${_text(stored)}:{_text(server)}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
