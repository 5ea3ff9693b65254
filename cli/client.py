"""The REST API as the commands use it: authenticated, patient, and streamed both ways."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, BinaryIO

import httpx

from cli.answers import Uploaded, problem_of, read_as
from cli.failures import ApiProblem
from cli.patience import Patience, Waiting, connection_failure
from cli.session import Credential
from cli.sse import ServerEvent, read_events

BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
#: Makes a request anew for every try, and releases what it reads from.
MakeRequest = Callable[[], AbstractContextManager[httpx.Request]]


@dataclass(frozen=True, slots=True)
class EventStream:
    """A stream of events that is open, and where what it tells of can be found again."""

    location: str | None
    events: AsyncIterator[ServerEvent]


class Api:
    """The API at one address, as one user.

    Every method raises ``ApiProblem`` for an answer that is an error, ``Unreachable`` or
    ``BrokenOff`` for a connection, ``CommandFailed`` where there is no way to log in.
    """

    def __init__(self, http: httpx.AsyncClient, credential: Credential, patience: Patience) -> None:
        self._http = http
        self._credential = credential
        self._patience = patience

    async def log_in(self) -> None:
        """Make sure that there is a token, so that a wrong password is noticed before the work."""
        try:
            await self._credential.token(self._http)
        except httpx.TransportError as error:
            raise connection_failure(self._http.base_url, error) from error

    async def get(self, path: str, **query: str | int | None) -> bytes:
        """Return the body of the answer, JSON."""
        asked = {name: value for name, value in query.items() if value is not None}
        return await self._read(lambda: self._request("GET", path, params=asked))

    async def post(self, path: str, body: dict[str, Any]) -> bytes:
        """Return the body of the answer, JSON."""
        return await self._read(lambda: self._request("POST", path, json=body))

    async def delete(self, path: str) -> None:
        """Delete what is there."""
        await self._read(lambda: self._request("DELETE", path))

    async def upload(
        self, file: Callable[[], BinaryIO], name: str, *, form: dict[str, str], key: str
    ) -> Uploaded:
        """Send a file as it is read; ``file`` opens it for each try, ``key`` makes them one."""
        make = self._file_request(file, name, form, key)
        return read_as(Uploaded, await self._read(make))

    @asynccontextmanager
    async def events(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        after: str | None = None,
    ) -> AsyncGenerator[EventStream]:
        """Open a stream of events, behind the event ``after``; it ends when the connection does."""
        headers = {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = after
        response = await self._send(lambda: self._request(method, path, json=body, headers=headers))
        try:
            yield EventStream(response.headers.get("Location"), self._events_of(response))
        finally:
            await response.aclose()

    async def _events_of(self, response: httpx.Response) -> AsyncIterator[ServerEvent]:
        try:
            async for event in read_events(response.aiter_bytes()):
                yield event
        except httpx.TransportError as error:
            raise connection_failure(self._http.base_url, error) from error

    async def _read(self, make: MakeRequest) -> bytes:
        response = await self._send(make)
        return response.content

    async def _send(self, make: MakeRequest) -> httpx.Response:
        """Return a good answer: read, or open where it is a stream of events."""
        waiting = Waiting(self._patience)
        while True:
            try:
                return await self._send_as_user(make)
            except httpx.TransportError as error:
                await waiting.out_lost(connection_failure(self._http.base_url, error))
            except ApiProblem as problem:
                if problem.status not in BUSY:
                    raise
                await waiting.out_busy(problem)

    async def _send_as_user(self, make: MakeRequest) -> httpx.Response:
        token = await self._credential.token(self._http)
        response = await self._try(make, token)
        if response.status_code == HTTPStatus.UNAUTHORIZED:  # it may have expired just now
            token = await self._credential.token(self._http, refused=token)
            response = await self._try(make, token)
        if not response.is_success:
            raise problem_of(response)
        return response

    async def _try(self, make: MakeRequest, token: str) -> httpx.Response:
        with make() as request:
            request.headers["Authorization"] = f"Bearer {token}"
            response = await self._http.send(request, stream=True)
            kind = response.headers.get("Content-Type", "")
            if not (response.is_success and kind.startswith("text/event-stream")):
                try:
                    await response.aread()
                finally:
                    await response.aclose()
            return response

    @contextmanager
    def _request(self, method: str, path: str, **parts: Any) -> Generator[httpx.Request]:
        yield self._http.build_request(method, path, **parts)

    def _file_request(
        self, file: Callable[[], BinaryIO], name: str, form: dict[str, str], key: str
    ) -> MakeRequest:
        @contextmanager
        def make() -> Generator[httpx.Request]:
            with file() as opened:
                yield self._http.build_request(
                    "POST",
                    "/api/v2/upload",
                    # The server looks at the content; a guess by name could only contradict it.
                    files={"file": (name, opened, "application/octet-stream")},
                    data=form,
                    headers={"Idempotency-Key": key},
                )

        return make
