"""Clients that do not give up: what is refused for now, or breaks off, is sent again."""

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx

from contracts.ids import TenantId
from tests.chaos.library import Book

#: Answers that say "not now".
NOT_NOW = {429, 502, 503, 504}
AGAIN_SECONDS = 0.5
#: A client that still has no answer by then never gets one.
PATIENCE_SECONDS = 240.0


@dataclass
class Client:
    """One user of a tenant of its own."""

    http: httpx.AsyncClient
    tenant: TenantId
    #: Requests that had to be sent again.
    repeated: int = 0
    #: Requests without an answer that a client may count on.
    unanswered: list[object] = field(default_factory=list[object])

    @classmethod
    async def register(cls, url: str) -> "Client":
        """Return a client that is logged in as the admin of a new tenant."""
        http = httpx.AsyncClient(base_url=url, timeout=60, trust_env=False)
        user = {"email": f"{uuid.uuid4().hex}@example.org", "password": uuid.uuid4().hex}
        created = (await http.post("/api/v2/auth/users", json=user)).raise_for_status().json()
        session = (await http.post("/api/v2/auth/login", json=user)).raise_for_status().json()
        http.headers["Authorization"] = f"Bearer {session['access_token']}"
        return cls(http, TenantId(uuid.UUID(created["tenant_id"])))

    async def upload(self, book: Book, key: str) -> dict[str, Any] | None:
        """Upload until it is accepted; the key makes that one upload, however often it is sent."""
        return await self._insist(
            f"upload {key}",
            "/api/v2/upload",
            files={"file": (book.name, book.content)},
            headers={"Idempotency-Key": key},
        )

    async def ask(self, question: str) -> dict[str, Any] | None:
        """Ask until there is an answer; a question that broke off is another turn."""
        return await self._insist("question", "/chat", json={"message": question})

    async def _insist(self, what: str, path: str, **request: Any) -> dict[str, Any] | None:
        refusal = "nothing"
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    try:
                        answer = await self.http.post(path, **request)
                    except httpx.TransportError as error:
                        refusal = type(error).__name__
                    else:
                        if answer.is_success:
                            return dict(answer.json())
                        refusal = f"{answer.status_code} {answer.text[:200]}"
                        if answer.status_code not in NOT_NOW:
                            break
                    self.repeated += 1
                    await asyncio.sleep(AGAIN_SECONDS)
        except TimeoutError:
            pass
        self.unanswered.append(f"{what}: {refusal}")
        return None
