"""What PostgreSQL and the network say, in the words of ``contracts.errors``."""

from collections.abc import Generator
from contextlib import contextmanager

import asyncpg

from contracts.errors import Misconfigured, StoreUnavailable

# Classes of SQLSTATE that say "not now": connection, rollback by the server, resources, an
# operator's intervention (shutdown, cancel), system.
_PASSING_CLASSES = frozenset({"08", "40", "53", "57", "58"})
# A standby that answers after a failover; a lock that was not to be had.
_PASSING_STATES = frozenset({"25006", "55P03"})
# Wrong user or password; no such database.
_SETTING_CLASSES = frozenset({"28", "3D"})

#: Everything that asyncpg raises when a server or a connection goes away.
CONNECTION_ERRORS = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
# asyncpg's states of a connection that was told its end and has not come to it yet.
_ENDING = ("another operation (1)", "another operation (2)")


@contextmanager
def translated() -> Generator[None]:
    """Raise StoreUnavailable for whatever passes by itself, and everything else as it is."""
    try:
        yield
    except OSError as error:  # also every time-out
        raise StoreUnavailable(f"The database cannot be reached: {_sentence(error)}.") from error
    except asyncpg.InvalidCachedStatementError as error:
        raise StoreUnavailable("The database was migrated meanwhile; try again.") from error
    except asyncpg.PostgresError as error:
        if _passes(error):
            raise StoreUnavailable(f"The database is not ready: {_sentence(error)}.") from error
        raise
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        if _says_closed(error):
            raise StoreUnavailable("The connection to the database was lost.") from error
        raise


@contextmanager
def blames_the_setting() -> Generator[None]:
    """Raise Misconfigured where the server refuses who or what the address names."""
    try:
        yield
    except asyncpg.PostgresError as error:
        if (error.sqlstate or "")[:2] in _SETTING_CLASSES:
            raise Misconfigured(f"DATABASE_URL is refused: {_sentence(error)}.") from error
        raise
    except (asyncpg.ClientConfigurationError, ValueError) as error:
        raise Misconfigured(f"DATABASE_URL is not usable: {_sentence(error)}.") from error


@contextmanager
def blames_the_owner() -> Generator[None]:
    """Raise Misconfigured where the server lacks a right or an extension that a migration needs."""
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise Misconfigured(
            f"The database does not allow the migration: {_sentence(error)}. Connect as the owner "
            "of the database with CREATEROLE, and let a superuser create the extension vector."
        ) from error
    except (asyncpg.FeatureNotSupportedError, asyncpg.UndefinedFileError) as error:
        raise Misconfigured(
            f"The server lacks what the migration needs: {_sentence(error)}. Install pgvector 0.8 "
            "or newer on it."
        ) from error


def _passes(error: asyncpg.PostgresError) -> bool:
    state = error.sqlstate or ""
    return state[:2] in _PASSING_CLASSES or state in _PASSING_STATES


def _says_closed(error: Exception) -> bool:
    """Tell a connection that died between two statements from misuse, which has the same class."""
    said = str(error)
    signs = ("closed", "closing", "released back to the pool", *_ENDING)
    return any(sign in said for sign in signs)


def _sentence(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
