import asyncio
import json

import pytest

from gateway.auth.passwords import Passwords
from store import Store
from store.accounts import User
from tests.integration.cli.conftest import Ragline

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _known_database(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database)


def found(database: str, email: str) -> User | None:
    async def find() -> User | None:
        store = await Store.connect(database, pool_size=1)
        try:
            async with store.system() as tx:
                return await tx.accounts.by_email(email)
        finally:
            await store.close()

    return asyncio.run(find())


def fits(password: str, user: User) -> bool:
    async def check() -> bool:
        passwords = Passwords()
        try:
            return await passwords.fits(password, user.password_hash)
        finally:
            passwords.close()

    return asyncio.run(check())


def test_adds_an_admin_of_a_new_tenant(ragline: Ragline, database: str) -> None:
    result = ragline("users", "add", "Ada@example.org", "--password-stdin", stdin=PASSWORD)

    assert result.exit_code == 0, result.output
    user = found(database, "ada@example.org")
    assert user is not None
    assert user.role == "admin"
    assert fits(PASSWORD, user)
    assert result.stdout == f"Added ada@example.org as admin of tenant {user.tenant_id}.\n"
    assert PASSWORD not in result.output


def test_adds_an_operator(ragline: Ragline, database: str) -> None:
    options = ["--operator", "--tenant", "Operations", "--json", "--password-stdin"]

    result = ragline("users", "add", "root@example.org", *options, stdin=PASSWORD)

    user = found(database, "root@example.org")
    assert user is not None
    assert json.loads(result.stdout) == {
        "user_id": str(user.user_id),
        "tenant_id": str(user.tenant_id),
        "email": "root@example.org",
        "role": "operator",
    }


def test_makes_up_a_password_and_shows_it_once(ragline: Ragline, database: str) -> None:
    result = ragline("users", "add", "bob@example.org", "--json")

    user = found(database, "bob@example.org")
    assert user is not None
    assert fits(json.loads(result.stdout)["password"], user)


def test_a_taken_address_is_a_sentence(ragline: Ragline) -> None:
    assert ragline("users", "add", "twice@example.org").exit_code == 0

    result = ragline("users", "add", "TWICE@example.org")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("There is a user with this e-mail address already")


@pytest.mark.parametrize(
    ("arguments", "stdin", "sentence"),
    [
        (["nobody"], None, "EMAIL is not an e-mail address"),
        (["a@example.org", "--password-stdin"], "short", "must have 10 to 256 characters"),
        (["a@example.org", "--tenant", "a\nb"], None, "--tenant must have"),
    ],
)
def test_wrong_usage_is_a_sentence_and_status_2(
    ragline: Ragline, database: str, arguments: list[str], stdin: str | None, sentence: str
) -> None:
    result = ragline("users", "add", *arguments, stdin=stdin)

    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert found(database, "a@example.org") is None


def test_says_that_the_database_is_not_known(
    ragline: Ragline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")

    result = ragline("users", "add", "a@example.org")

    assert result.exit_code == 2
    assert "DATABASE_URL is missing" in result.stderr


def test_says_that_the_database_does_not_answer(
    ragline: Ragline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ada:s3cret@127.0.0.1:1/rag")

    result = ragline("users", "add", "a@example.org")

    assert result.exit_code == 1
    assert result.stderr.startswith("The database cannot be reached")
    assert "s3cret" not in result.output
