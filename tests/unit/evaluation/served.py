"""Documents in memory, behind what an evaluation asks of the API."""

import asyncio
import json
from typing import Any

from tests.fixtures.searching import Served, found, paged


class Memory:
    """Serves documents as the API does, without a network."""

    def __init__(self, *documents: Served) -> None:
        self.documents = {one.document_id: one for one in documents}
        self.searches: list[dict[str, Any]] = []
        #: How many searches ran at the same time, at most.
        self.most_at_once = 0
        self._running = 0

    async def get(self, path: str, **query: str | int | None) -> bytes:
        *_, document_id, last = path.split("/")
        if last == "chunks":
            return json.dumps(paged(self.documents[document_id].chunks, "ordinal", query)).encode()
        wanted = query.get("knowledge_base")
        listed = [
            one.shown for one in self.documents.values() if wanted in {None, one.knowledge_base}
        ]
        return json.dumps(paged(listed, "document_id", query)).encode()

    async def post(self, _path: str, body: dict[str, Any]) -> bytes:
        self.searches.append(body)
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        await asyncio.sleep(0)
        self._running -= 1
        return json.dumps(found(self.documents.values(), body)).encode()
