"""The first user of a machine can log in, whenever its first start was broken off."""

from pathlib import Path

import pytest

from cli.local.first_user import FIRST_EMAIL, ensure_first_user
from store import Store

pytestmark = pytest.mark.asyncio


async def test_no_user_exists_whose_password_was_not_kept(
    database: str, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "connection.json").mkdir()  # it cannot be written
    with pytest.raises(OSError, match="directory"):
        await ensure_first_user(database, tmp_path, "http://127.0.0.1:1")
    async with store.system() as tx:
        assert await tx.accounts.by_email(FIRST_EMAIL) is None
    (tmp_path / "connection.json").rmdir()
    first = await ensure_first_user(database, tmp_path, "http://127.0.0.1:1")
    again = await ensure_first_user(database, tmp_path, "http://127.0.0.1:1")
    assert (first.is_new, again.is_new) == (True, False)
    assert first.password == again.password
