import asyncio
from pathlib import Path

import msgspec
import pytest

from cli.credentials import KeptSession, SessionFile
from cli.failures import CommandFailed

SESSION = msgspec.convert(
    {
        "url": "http://127.0.0.1:8000",
        "email": "ada@example.org",
        "access_token": "access",
        "fresh_until": 1.5,
        "refresh_token": "refresh",
    },
    KeptSession,
)


def test_keeps_a_session_for_its_owner_only(tmp_path: Path) -> None:
    file = SessionFile(tmp_path / "ragline" / "credentials.json")

    file.write(SESSION)

    assert file.read() == SESSION
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", ["", "{", "[]", '{"url": "x"}'])
def test_takes_a_damaged_file_for_no_session(tmp_path: Path, content: str) -> None:
    file = SessionFile(tmp_path / "credentials.json")
    file.path.write_text(content)

    assert file.read() is None


def test_forgets_a_session(tmp_path: Path) -> None:
    file = SessionFile(tmp_path / "credentials.json")
    file.write(SESSION)

    file.remove()
    file.remove()

    assert file.read() is None


def test_says_where_it_cannot_keep_a_session(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CommandFailed, match="make that folder writable"):
        SessionFile(tmp_path / "file" / "credentials.json").write(SESSION)


def test_lets_one_command_at_a_time_refresh(tmp_path: Path) -> None:
    order: list[str] = []

    async def refresh(name: str) -> None:
        async with SessionFile(tmp_path / "credentials.json").locked():
            order.append(f"{name} in")
            await asyncio.sleep(0.01)
            order.append(f"{name} out")

    async def both() -> None:
        await asyncio.gather(refresh("a"), refresh("b"))

    asyncio.run(both())

    assert order in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])
