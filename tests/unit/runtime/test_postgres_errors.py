import asyncpg
import pytest

from contracts.errors import Misconfigured, StoreUnavailable
from runtime.postgres_errors import blames_the_setting, translated


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("refused"),
        TimeoutError(),
        asyncpg.AdminShutdownError("terminating connection"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.DiskFullError("no space left on device"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.ReadOnlySQLTransactionError("cannot execute UPDATE in a read-only transaction"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.InvalidCachedStatementError("cached statement plan is invalid"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError(
            "cannot switch to state 15; another operation (2) is in progress"
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_passes_by_itself_is_unavailable(error: Exception) -> None:
    with pytest.raises(StoreUnavailable) as raised, translated():
        raise error
    assert raised.value.message.endswith((".", "again."))
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError("duplicate key"),
        asyncpg.PostgresSyntaxError("syntax error"),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        asyncpg.InternalClientError("unexpected"),
        KeyError("ours"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_wrong_with_a_statement_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, translated():
        raise error
    assert raised.value is error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InvalidPasswordError("password authentication failed"),
        asyncpg.InvalidCatalogNameError('database "x" does not exist'),
        ValueError("invalid port"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_refused_address_is_a_wrong_setting(error: Exception) -> None:
    with pytest.raises(Misconfigured, match="DATABASE_URL"), translated(), blames_the_setting():
        raise error
