"""What people do meanwhile: upload documents, ask questions."""

import asyncio
from collections.abc import Callable

import httpx

WORDS = (
    "The observatory keeps its mirror dry when the fog comes up from the lake. "
    "Nobody opens the dome before the wind has fallen below the limit of the handbook. "
    "A log of every night is written by hand and copied in the morning. "
)
#: Sentences of a document: 15 kB, some forty chunks, one part.
REPEATS = 70
AT_ONCE = 8
#: A gateway that goes is missed for some seconds; a client tries again as it is told to.
TRIES = 120


class Client:
    """A user; the gateway may move between two requests."""

    def __init__(self, where: Callable[[], str | None], email: str, password: str) -> None:
        self._where = where
        self._login = {"email": email, "password": password}
        self._http = httpx.AsyncClient(timeout=60, trust_env=False)
        self._asked = asyncio.Semaphore(AT_ONCE)
        self._token = ""
        self.tries = 0

    async def upload(self, name: str, number: int) -> None:
        """Upload one document; it is accepted once, however often this has to try."""
        text = f"Document {name} {number}. " + WORDS * REPEATS + f"The end of {name} {number}."
        file = {"file": (f"{name}-{number}.txt", text.encode())}
        async with self._asked:
            await self._until_done("/api/v2/upload", files=file, key=f"{name}-{number}")

    async def ask(self, number: int) -> None:
        """Ask one question and wait for its answer."""
        body = {"message": f"Question {number}: when is the dome opened?"}
        await self._until_done("/chat", json=body, key=f"question-{number}")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _until_done(self, path: str, *, key: str, **what: object) -> None:
        for _ in range(TRIES):
            try:
                answer = await self._post(path, {"Idempotency-Key": key}, **what)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.is_success:
                return
            if answer is not None and answer.status_code == httpx.codes.UNAUTHORIZED:
                self._token = ""
            elif answer is not None and answer.status_code not in {429, 502, 503, 504}:
                raise AssertionError(f"{path}: {answer.status_code} {answer.text[:300]}")
            self.tries += 1
            await asyncio.sleep(0.5)
        raise AssertionError(f"{path} was not done after {TRIES} tries.")

    async def _post(
        self, path: str, headers: dict[str, str], **what: object
    ) -> httpx.Response | None:
        if (url := self._where()) is None:
            return None
        if not self._token:
            entered = await self._http.post(f"{url}/api/v2/auth/login", json=self._login)
            if not entered.is_success:
                return entered
            self._token = entered.json()["access_token"]
        headers |= {"Authorization": f"Bearer {self._token}"}
        return await self._http.post(f"{url}{path}", headers=headers, **what)  # type: ignore[arg-type]
