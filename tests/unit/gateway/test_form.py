"""A form is read as it arrives, however it is cut up on the way."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

import pytest
from multipart import MultipartSegment

from gateway.documents.form import Form, body_of, boundary_of, read_form
from gateway.refusals import (
    ClientGone,
    ExpectedForm,
    InvalidRequest,
    MalformedForm,
    MissingFile,
    UploadTooLarge,
)

CONTENT = b"first\r\n--not the boundary\r\nlast"
FORM = (
    b'--xx\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{"a": 1}\r\n'
    b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\n" + CONTENT + b"\r\n"
    b'--xx\r\nContent-Disposition: form-data; name="knowledge_base"\r\n\r\nbooks\r\n--xx--\r\n'
)


def part(name: str, content: bytes = b"x") -> bytes:
    head = f'--xx\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n\r\n'
    return head.encode() + content + b"\r\n"


async def read(*pieces: bytes) -> Form[bytes]:
    async def body() -> AsyncGenerator[bytes]:
        for piece in pieces:
            yield piece

    async def keep(_: MultipartSegment, content: AsyncIterator[bytes]) -> bytes:
        return b"".join([piece async for piece in content])

    return await read_form(body(), "xx", keep)


@pytest.mark.asyncio
async def test_reads_the_same_form_wherever_it_is_cut() -> None:
    whole = Form(file=CONTENT, texts={"metadata": b'{"a": 1}', "knowledge_base": b"books"})
    for cut in range(1, len(FORM)):
        assert await read(FORM[:cut], FORM[cut:]) == whole


@pytest.mark.asyncio
async def test_every_truncation_is_seen() -> None:
    for length in range(len(FORM) - len(b"--\r\n")):
        with pytest.raises((MalformedForm, MissingFile)):
            await read(FORM[:length] or b"")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("form", "refusal"),
    [
        (part("metadata") + b"--xx--\r\n", MissingFile),
        (b"--xx--\r\n", MissingFile),
        (b"", MalformedForm),
        (b"garbage without a boundary at all", MalformedForm),
        (part("file") + part("file") + b"--xx--\r\n", InvalidRequest),
        (part("metadata") + part("metadata") + b"--xx--\r\n", InvalidRequest),
        (part("knowledgebase") + b"--xx--\r\n", InvalidRequest),
        (part("metadata", b"x" * 40_000) + b"--xx--\r\n", InvalidRequest),
        (b"--xx\r\nContent-Disposition: attachment\r\n\r\nx\r\n--xx--\r\n", MalformedForm),
        (b"--xx\r\n" + b"X: y\r\n" * 20 + b"\r\nx\r\n--xx--\r\n", MalformedForm),
        (b"--xx\r\nX: " + b"y" * 9000 + b"\r\n\r\nx\r\n--xx--\r\n", MalformedForm),
        (b'--xx\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n', MalformedForm),
    ],
)
async def test_refuses_a_form_that_is_not_an_upload(form: bytes, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        await read(form)


@pytest.mark.asyncio
async def test_an_error_in_taking_the_file_ends_the_reading() -> None:
    asked: list[int] = []

    async def body() -> AsyncGenerator[bytes]:
        yield part("file")[:-3]
        asked.append(1)
        yield b"more"

    async def refuse(_: MultipartSegment, __: AsyncIterator[bytes]) -> bytes:
        raise UploadTooLarge

    with pytest.raises(UploadTooLarge):
        await read_form(body(), "xx", refuse)
    assert not asked


def receiving(*messages: dict[str, object]):
    left = list(messages)

    async def receive() -> dict[str, object]:
        return left.pop(0)

    return receive


async def received(messages: Sequence[dict[str, object]], limit: int = 10) -> list[bytes]:
    body = body_of(receiving(*messages), limit=limit)  # type: ignore[arg-type]
    return [piece async for piece in body]


@pytest.mark.asyncio
async def test_a_body_ends_with_its_last_message() -> None:
    messages = [
        {"type": "http.request", "body": b"ab", "more_body": True},
        {"type": "http.request", "body": b"", "more_body": True},
        {"type": "http.request", "body": b"c", "more_body": False},
    ]
    assert await received(messages) == [b"ab", b"c"]


@pytest.mark.asyncio
async def test_a_body_over_the_limit_is_not_read_on() -> None:
    with pytest.raises(UploadTooLarge):
        await received([{"type": "http.request", "body": b"x" * 11, "more_body": True}])


@pytest.mark.asyncio
async def test_a_client_that_leaves_is_noticed() -> None:
    with pytest.raises(ClientGone):
        await received(
            [{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}]
        )


def test_finds_the_boundary() -> None:
    assert boundary_of('multipart/form-data; boundary="a b"') == "a b"


@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain; boundary=x"])
def test_refuses_what_is_no_form(content_type: str) -> None:
    with pytest.raises(ExpectedForm):
        boundary_of(content_type)


def test_refuses_a_form_without_a_boundary() -> None:
    with pytest.raises(MalformedForm):
        boundary_of("multipart/form-data")
