"""A client of HTTP/1.1 that costs little itself: the machine is shared with what it measures."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

_BOUNDARY = "ragline-benchmark"
#: Longest line of an answer that is read by lines.
_LINE_BYTES = 1 << 20


class Refused(RuntimeError):
    """A request that was not answered with 200."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status}: {body.decode(errors='replace')}")
        self.status = status


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the body of a good answer."""
        if self.status >= 400:
            raise RuntimeError(f"{self.status}: {self.body[:500].decode(errors='replace')}")
        return json.loads(self.body)


@dataclass(frozen=True)
class _Head:
    status: int
    #: None when the body comes in chunks.
    length: int | None
    closes: bool


class Client:
    """One connection that is kept; for one request at a time."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        """Connect to ``url`` when first needed; ``headers`` go with every request."""
        address = urlsplit(url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or 80
        self._headers = dict(headers or {})
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._streams is not None:
            self._streams[1].close()

    async def get(self, path: str) -> Reply:
        """Return the answer to a GET."""
        return await self._whole(await self._send("GET", path, b"", {}))

    async def post(self, path: str, content: Any) -> Reply:
        """Return the answer to a POST of JSON."""
        body = json.dumps(content).encode()
        return await self._whole(
            await self._send("POST", path, body, {"Content-Type": "application/json"})
        )

    async def upload(self, filename: str, content: bytes) -> dict[str, Any]:
        """Upload a file; return what the API accepted."""
        head = (
            f"--{_BOUNDARY}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{filename}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = b"".join([head.encode(), content, f"\r\n--{_BOUNDARY}--\r\n".encode()])
        kind = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        accepted: dict[str, Any] = (
            await self._whole(await self._send("POST", "/api/v2/upload", body, kind))
        ).json()
        return accepted

    async def followed(self, job_id: str) -> dict[str, Any]:
        """Return the job when its document is indexed, as its events tell it."""
        job: dict[str, Any] = {}
        async for _, data in self.events("GET", f"/api/v2/jobs/{job_id}/events"):
            job = json.loads(data)
        if job.get("status") != "indexed":
            raise RuntimeError(f"A document was not indexed: {job}")
        return job

    async def index(self, filename: str, content: bytes) -> dict[str, Any]:
        """Upload a file and return its job when the document is indexed."""
        return await self.followed((await self.upload(filename, content))["job_id"])

    async def events(
        self, method: str, path: str, content: Any = None
    ) -> AsyncGenerator[tuple[str, bytes]]:
        """Yield name and data of each server-sent event, to the end of the answer."""
        async for name, data, _ in self.identified_events(method, path, content):
            yield name, data

    async def identified_events(
        self, method: str, path: str, content: Any = None
    ) -> AsyncGenerator[tuple[str, bytes, str]]:
        """Yield the same with the id of each event; ``Refused`` where there is no stream."""
        body = b"" if content is None else json.dumps(content).encode()
        headers = {"Accept": "text/event-stream", "Content-Type": "application/json"}
        head = await self._send(method, path, body, headers)
        if head.status != 200:
            raise Refused(head.status, (await self._whole(head)).body[:500])
        name, event_id, rest = "message", "", b""
        async for piece in self._pieces(head):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.startswith(b"event: "):
                    name = line[7:].decode()
                elif line.startswith(b"id: "):
                    event_id = line[4:].decode()
                elif line.startswith(b"data: "):
                    yield name, line[6:], event_id

    async def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> _Head:
        reader, writer = await self._connected()
        every = {
            "Host": f"{self._host}:{self._port}",
            "Content-Length": str(len(body)),
            **self._headers,
            **headers,
        }
        lines = [f"{method} {path} HTTP/1.1", *(f"{key}: {every[key]}" for key in every)]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()
        return _head_of(await reader.readuntil(b"\r\n\r\n"))

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None or self._streams[1].is_closing():
            self._streams = await asyncio.open_connection(self._host, self._port, limit=_LINE_BYTES)
        return self._streams

    async def _whole(self, head: _Head) -> Reply:
        return Reply(head.status, b"".join([piece async for piece in self._pieces(head)]))

    async def _pieces(self, head: _Head) -> AsyncGenerator[bytes]:
        reader, writer = await self._connected()
        if head.length is not None:
            yield await reader.readexactly(head.length)
        else:
            while size := int(await reader.readline(), 16):
                yield (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        if head.closes:
            writer.close()


def _head_of(head: bytes) -> _Head:
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    length = headers.get("content-length")
    return _Head(
        status=int(first.split(" ", 2)[1]),
        length=None if "transfer-encoding" in headers else int(length or 0),
        closes=headers.get("connection", "") == "close",
    )
