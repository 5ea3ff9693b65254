"""Who the commands are to the API: a session that stays fresh by itself, or an API key."""

import asyncio
from http import HTTPStatus
from typing import Protocol

import httpx
import msgspec

from cli.answers import problem_of, read_as
from cli.credentials import KeptSession, SessionFile
from cli.failures import ApiProblem, CommandFailed
from runtime.clock import Clock

#: The part of an access token's life after which the next one is fetched.
FRESH_PART = 0.8


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """The API's answer to a login or a refresh."""

    access_token: str
    expires_in: float
    refresh_token: str


class Credential(Protocol):
    """Gives what goes behind ``Authorization: Bearer``."""

    async def token(self, http: httpx.AsyncClient, *, refused: str | None = None) -> str:
        """Return a token that is not ``refused``, which the API did not accept any more.

        Raises ``ApiProblem``, ``CommandFailed`` or httpx's ``TransportError`` when there is none.
        """
        ...


class ApiKey:
    """An API key: it never changes."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def token(self, http: httpx.AsyncClient, *, refused: str | None = None) -> str:
        """Return the key; ``CommandFailed`` when the API does not accept it."""
        if refused is not None:
            raise CommandFailed(
                f"{http.base_url} does not accept this API key; create another one and pass it "
                "as --api-key."
            )
        return self._key


class Session:
    """A person's session; kept in ``file`` between commands where there is one.

    With a ``password`` it logs in when nothing fresh is kept; without, it lives by refreshing.
    """

    def __init__(
        self,
        *,
        url: str,
        email: str,
        clock: Clock,
        password: str | None = None,
        file: SessionFile | None = None,
    ) -> None:
        self._url = url
        self._email = email
        self._clock = clock
        self._password = password
        self._file = file
        self._kept: KeptSession | None = None
        self._one_at_a_time = asyncio.Lock()

    async def token(self, http: httpx.AsyncClient, *, refused: str | None = None) -> str:
        """Return a fresh access token, refreshing the session or logging in when it has to."""
        async with self._one_at_a_time:
            if self._kept is None or not self._is_good(self._kept, refused):
                self._kept = await self._next(http, refused)
            return self._kept.access_token

    @property
    def kept(self) -> KeptSession:
        """The session as it is to be kept; there is one after the first ``token``."""
        if self._kept is None:
            raise RuntimeError("Nobody asked for a token yet.")
        return self._kept

    async def _next(self, http: httpx.AsyncClient, refused: str | None) -> KeptSession:
        if self._file is None:
            return await self._renew(http, self._kept)
        found = self._read(self._file)
        if found is not None and self._is_good(found, refused):
            return found
        async with self._file.locked():
            # Another command may have been faster.
            found = self._read(self._file)
            if found is None or not self._is_good(found, refused):
                found = await self._renew(http, found)
                self._file.write(found)
        return found

    def _read(self, file: SessionFile) -> KeptSession | None:
        found = file.read()
        if found is None or (found.url, found.email) != (self._url, self._email):
            return None
        return found

    def _is_good(self, kept: KeptSession, refused: str | None) -> bool:
        fresh = self._clock.now().timestamp() < kept.fresh_until
        return fresh and kept.access_token != refused

    async def _renew(self, http: httpx.AsyncClient, old: KeptSession | None) -> KeptSession:
        if old is not None:
            try:
                refreshed = await _post(http, "refresh", {"refresh_token": old.refresh_token})
                return self._keep(refreshed)
            except ApiProblem as problem:
                if problem.status != HTTPStatus.UNAUTHORIZED:
                    raise
        if self._password is None:
            raise CommandFailed(
                f"The session at {self._url} has ended; log in again with "
                f"`ragline login --url {self._url}`."
            )
        body = {"email": self._email, "password": self._password}
        return self._keep(await _post(http, "login", body))

    def _keep(self, content: bytes) -> KeptSession:
        tokens = read_as(Tokens, content)
        return KeptSession(
            url=self._url,
            email=self._email,
            access_token=tokens.access_token,
            fresh_until=self._clock.now().timestamp() + FRESH_PART * tokens.expires_in,
            refresh_token=tokens.refresh_token,
        )


async def log_out(http: httpx.AsyncClient, kept: KeptSession) -> None:
    """End a session on the server; raises ``ApiProblem`` or httpx's ``TransportError``."""
    await _post(http, "logout", {"refresh_token": kept.refresh_token})


async def _post(http: httpx.AsyncClient, action: str, body: dict[str, str]) -> bytes:
    response = await http.post(f"/api/v2/auth/{action}", json=body)
    if not response.is_success:
        raise problem_of(response)
    return response.content
