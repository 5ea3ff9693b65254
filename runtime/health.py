"""Liveness, readiness and metrics of a process, and the small server that workers show them on."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from contracts.errors import RaglineError

log = structlog.get_logger(__name__)

#: A dependency that does not answer within this many seconds counts as missing.
CHECK_SECONDS = 2.0
#: A probe sends little and fast; anything else is cut off.
REQUEST_SECONDS = 5.0

Check = Callable[[], Awaitable[None]]


class Health:
    """The dependencies that a process needs before it is ready."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def add(self, name: str, check: Check) -> None:
        """Register a dependency; ``check`` raises when it is missing."""
        self._checks[name] = check

    async def ready(self) -> dict[str, str | None]:
        """Return for each dependency None, or the sentence that says what is wrong."""
        results = await asyncio.gather(*(_outcome(check) for check in self._checks.values()))
        return dict(zip(self._checks, results, strict=True))


async def _outcome(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except TimeoutError:
        return f"No answer within {CHECK_SECONDS:g} s."
    except RaglineError as error:
        return error.message
    except Exception:
        log.exception("health_check_broke")
        return "The check itself failed; see the log."
    return None


@asynccontextmanager
async def serve_health(
    health: Health, *, host: str, port: int, live: Callable[[], str | None]
) -> AsyncGenerator[int]:
    """Serve ``/livez``, ``/readyz`` and ``/metrics``; yields the port (a free one for 0).

    ``live`` returns None while the process is alive, else the sentence that says why it is not.
    """

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                status, kind, body = await _answer(head, health, live)
                writer.write(_response(status, kind, body))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            log.debug("probe_cut_off")
        finally:
            writer.close()

    server = await asyncio.start_server(respond, host, port, limit=16 * 1024)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _answer(
    head: bytes, health: Health, live: Callable[[], str | None]
) -> tuple[str, str, bytes]:
    method, path, *_ = [*head.split(b" ", 2), b"", b""]
    if method != b"GET":
        return "405 Method Not Allowed", "text/plain", b""
    match path.split(b"?")[0]:
        case b"/livez":
            reason = live()
            return _status(reason is None), "application/json", _json({"problem": reason})
        case b"/readyz":
            missing = {name: why for name, why in (await health.ready()).items() if why}
            return _status(not missing), "application/json", _json({"missing": missing})
        case b"/metrics":
            return "200 OK", CONTENT_TYPE_LATEST, generate_latest()
        case _:
            return "404 Not Found", "text/plain", b""


def _status(good: bool) -> str:  # noqa: FBT001 - it is the whole question
    return "200 OK" if good else "503 Service Unavailable"


def _json(content: dict[str, object]) -> bytes:
    return json.dumps(content).encode()


def _response(status: str, kind: str, body: bytes) -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    ).encode() + body
