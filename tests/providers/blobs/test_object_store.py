import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from contracts.errors import BlobsUnavailable, Misconfigured, MissingBlob
from providers.blobs.factory import create_blobs
from providers.blobs.protocol import BlobStore

MIB = 1024 * 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "my blobs"


@pytest.fixture
def blobs(folder: Path) -> BlobStore:
    return create_blobs(folder.as_uri())


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def holds_only(folder: Path, *expected: str) -> None:
    """Wait until the parts of an upload are gone: a thread removes them."""
    async with asyncio.timeout(10):
        while files(folder) != list(expected):  # noqa: ASYNC110  # nothing tells us
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_gives_back_what_was_put(blobs: BlobStore):
    await blobs.put("t/d/1/original", b"first")
    await blobs.put("t/d/1/original", b"second")
    assert await blobs.get("t/d/1/original") == b"second"


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [0, 1, MIB, 12 * MIB + 7])
async def test_streams_in_and_out(blobs: BlobStore, size: int):
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    parts = [data[start : start + 70_000] for start in range(0, size, 70_000)]
    assert await blobs.put_stream("t/d/1/original", chunks(*parts)) == size
    steps = [step async for step in blobs.stream("t/d/1/original")]
    assert b"".join(steps) == data
    assert all(len(step) < 4 * MIB for step in steps)


@pytest.mark.asyncio
async def test_an_upload_that_breaks_off_leaves_nothing(blobs: BlobStore, folder: Path):
    async def broken() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield b"x" * MIB
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await blobs.put_stream("t/d/1/original", broken())
    with pytest.raises(MissingBlob):
        await blobs.get("t/d/1/original")
    await holds_only(folder)


@pytest.mark.asyncio
async def test_an_upload_that_is_cancelled_leaves_what_was_there(blobs: BlobStore, folder: Path):
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * MIB
            await asyncio.sleep(0.001)

    await blobs.put("t/d/1/original", b"old")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await blobs.put_stream("t/d/1/original", endless())
    assert await blobs.get("t/d/1/original") == b"old"
    await holds_only(folder, "t/d/1/original")


@pytest.mark.asyncio
async def test_memory_does_not_grow_with_the_upload(blobs: BlobStore):
    async def large(steps: int) -> AsyncIterator[bytes]:
        chunk = bytes(64 * 1024)
        for _ in range(steps):
            yield chunk

    await blobs.put_stream("warm", large(400))
    idle = psutil.Process().memory_info().rss
    most = idle

    async def watched() -> AsyncIterator[bytes]:
        nonlocal most
        async for chunk in large(3200):
            most = max(most, psutil.Process().memory_info().rss)
            yield chunk

    assert await blobs.put_stream("large", watched()) == 200 * MIB
    assert most - idle <= 16 * MIB


@pytest.mark.asyncio
async def test_says_what_is_missing(blobs: BlobStore):
    with pytest.raises(MissingBlob, match="t/d/1/original"):
        await blobs.get("t/d/1/original")
    with pytest.raises(MissingBlob):
        _ = [step async for step in blobs.stream("t/d/1/original")]
    with pytest.raises(MissingBlob):
        await blobs.rename("t/d/1/original", "t/d/2/original")
    await blobs.delete("t/d/1/original")


@pytest.mark.asyncio
async def test_moves_and_deletes(blobs: BlobStore, folder: Path):
    await blobs.put("t/incoming/1", b"new")
    await blobs.put("t/d/1/original", b"old")
    await blobs.rename("t/incoming/1", "t/d/1/original")
    assert await blobs.get("t/d/1/original") == b"new"
    await blobs.delete("t/d/1/original")
    assert files(folder) == []


@pytest.mark.asyncio
async def test_deletes_by_prefix(blobs: BlobStore, folder: Path):
    for key in ("t/d/1/original", "t/d/1/parsed", "t/d/10/original", "t/e/1/original"):
        await blobs.put(key, b"x")
    assert await blobs.delete_prefix("t/d/1/") == 2
    assert files(folder) == ["t/d/10/original", "t/e/1/original"]
    assert await blobs.delete_prefix("t/d") == 1
    assert await blobs.delete_prefix("t/nothing/") == 0
    assert files(folder) == ["t/e/1/original"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/t",
        "t/",
        "t//d",
        "../t",
        "t/../d",
        ".",
        "t/.hidden",
        "t\n",
        "t\x00",
        "t d",
        "ü",
        "t\\d",
        "t#1",
        "t%2e",
        "t" * 513,
    ],
)
async def test_refuses_a_key_that_is_no_plain_path(blobs: BlobStore, key: str):
    with pytest.raises(ValueError, match="not a key"):
        await blobs.put(key, b"x")
    with pytest.raises(ValueError, match="not a key"):
        await blobs.get(key)
    with pytest.raises(ValueError, match="not a key"):
        await blobs.put_stream(key, chunks(b"x"))
    with pytest.raises(ValueError, match="not a key"):
        await blobs.rename("t", key)


@pytest.mark.asyncio
async def test_checks_that_the_store_answers(blobs: BlobStore):
    await blobs.check()


@pytest.mark.asyncio
async def test_says_that_a_store_does_not_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    unreachable = create_blobs("s3://bucket/prefix")
    with pytest.raises(BlobsUnavailable, match="does not answer"):
        await unreachable.check()
    with pytest.raises(BlobsUnavailable):
        await unreachable.put_stream("t/d", chunks(b"x"))


def test_a_local_folder_is_private(blobs: BlobStore, folder: Path):
    assert blobs is not None
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "url", ["", "memory:///", "http://127.0.0.1/x", "file://host/x", "file:x", "s3://", "blobs"]
)
def test_refuses_a_url_that_names_no_store(url: str):
    with pytest.raises(Misconfigured, match="BLOB_URL"):
        create_blobs(url)


def test_refuses_a_folder_that_is_a_file(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Misconfigured, match="BLOB_URL"):
        create_blobs((tmp_path / "file").as_uri())
