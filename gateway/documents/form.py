"""Reading an upload's form as it arrives: nothing of it is held but the piece at hand."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, TypeVar

from litestar.types import Receive
from multipart import (
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from gateway.refusals import (
    ClientGone,
    ExpectedForm,
    InvalidRequest,
    MalformedForm,
    MissingFile,
    UploadStalled,
    UploadTooLarge,
)

#: A client that sends nothing for so long is not coming back.
PATIENCE_SECONDS = 60.0
#: The form around the file: boundaries, headers, metadata.
FORM_BYTES = 128 * 1024
MAX_TEXT_BYTES = 32 * 1024
MAX_FIELDS = 8
TEXT_FIELDS = ("metadata", "knowledge_base")

Stored = TypeVar("Stored")
Event = MultipartSegment | bytes | None


@dataclass(frozen=True, kw_only=True)
class Form(Generic[Stored]):
    """The fields of an upload."""

    file: Stored
    #: The other fields' bytes, by name.
    texts: dict[str, bytes]


def boundary_of(content_type: str) -> str:
    """Return the boundary of a form; ``ExpectedForm`` or ``MalformedForm`` without one."""
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data":
        raise ExpectedForm
    if not options.get("boundary"):
        raise MalformedForm("The Content-Type has no boundary; let your HTTP client set it.")
    return options["boundary"]


async def body_of(receive: Receive, *, limit: int) -> AsyncGenerator[bytes]:
    """Yield the body; ``UploadTooLarge``, ``UploadStalled`` or ``ClientGone`` end it early."""
    total = 0
    while True:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                message = await receive()
        except TimeoutError:
            raise UploadStalled from None
        if message["type"] != "http.request":
            raise ClientGone
        total += len(message["body"])
        if total > limit:
            raise UploadTooLarge
        if message["body"]:
            yield message["body"]
        if not message["more_body"]:
            return


async def read_form(
    body: AsyncGenerator[bytes],
    boundary: str,
    store_file: Callable[[MultipartSegment, AsyncIterator[bytes]], Awaitable[Stored]],
) -> Form[Stored]:
    """Read the whole form; ``store_file`` takes the file's bytes as they come.

    Raises ``MalformedForm``, ``MissingFile``, ``InvalidRequest`` and what ``store_file`` raises.
    """
    file: Stored | None = None
    texts: dict[str, bytes] = {}
    async with aclosing(_events(body, boundary)) as events:
        async for segment in events:
            if not isinstance(segment, MultipartSegment):
                continue
            name = segment.name or ""
            if name in texts or (name == "file" and file is not None):
                raise InvalidRequest("Send each field once: one file per upload.", field=name)
            if name == "file":
                file = await store_file(segment, _content(events))
            elif name in TEXT_FIELDS:
                texts[name] = await _text(events, name)
            else:
                raise InvalidRequest(
                    "The form takes `file`, `metadata` and `knowledge_base`.", field=name
                )
    if file is None:
        raise MissingFile
    return Form(file=file, texts=texts)


async def _events(body: AsyncGenerator[bytes], boundary: str) -> AsyncGenerator[Event]:
    try:
        with PushMultipartParser(boundary, max_segment_count=MAX_FIELDS) as parser:
            async with aclosing(body):
                async for piece in body:
                    for event in parser.parse(piece):
                        yield event
    except MultipartError as error:
        raise MalformedForm(f"The form data is damaged or was cut off: {error}.") from None


async def _content(events: AsyncGenerator[Event]) -> AsyncIterator[bytes]:
    async for event in events:
        if not isinstance(event, bytes):
            return
        yield event


async def _text(events: AsyncGenerator[Event], name: str) -> bytes:
    text = bytearray()
    async for piece in _content(events):
        text += piece
        if len(text) > MAX_TEXT_BYTES:
            raise InvalidRequest(f"{name} is longer than {MAX_TEXT_BYTES} bytes.", field=name)
    return bytes(text)
