"""What an evaluation asks of the REST API, and what it reads of the answers."""

from collections.abc import AsyncIterator
from typing import Any, Protocol, TypeVar

import msgspec

from evaluation.failures import EvaluationFailed

T = TypeVar("T")

PAGE = 100


class Client(Protocol):
    """The API as one user; raises its own errors for what cannot be answered."""

    async def get(self, path: str, **query: str | int | None) -> bytes:
        """Return the body of the answer, JSON."""
        ...

    async def post(self, path: str, body: dict[str, Any]) -> bytes:
        """Return the body of the answer, JSON."""
        ...


class StoredDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document that the server has."""

    document_id: str
    filename: str
    sha256: str
    status: str
    knowledge_base: str

    @property
    def is_indexed(self) -> bool:
        """Whether its passages can be found."""
        return self.status == "indexed"


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk of a document; ``text`` is the parsed text at its span."""

    ordinal: int
    char_start: int
    char_end: int
    text: str


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the model would read for a result: the chunk, widened by its neighbours."""

    char_start: int
    char_end: int


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that was found."""

    document_id: str
    char_start: int
    char_end: int
    is_context: bool
    context: Context | None


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a search, best first."""

    results: list[Result]
    threshold: float
    embedding_model: str
    timings: dict[str, float]


class _Documents(msgspec.Struct, frozen=True, kw_only=True):
    data: list[StoredDocument]
    has_more: bool


class _Chunks(msgspec.Struct, frozen=True, kw_only=True):
    data: list[Chunk]
    has_more: bool


async def documents_of(client: Client, knowledge_base: str | None) -> AsyncIterator[StoredDocument]:
    """Yield every document of a knowledge base, or of all."""
    after: str | None = None
    while True:
        content = await client.get(
            "/api/v2/documents", limit=PAGE, after=after, knowledge_base=knowledge_base
        )
        page = _read_as(_Documents, content)
        for document in page.data:
            yield document
        if not page.has_more:
            return
        after = page.data[-1].document_id


async def read_document(client: Client, document_id: str) -> StoredDocument:
    """Return a document that is there."""
    return _read_as(StoredDocument, await client.get(f"/api/v2/documents/{document_id}"))


async def chunks_of(client: Client, document_id: str) -> AsyncIterator[Chunk]:
    """Yield every chunk of a document, in their order."""
    after: int | None = None
    while True:
        path = f"/api/v2/documents/{document_id}/chunks"
        page = _read_as(_Chunks, await client.get(path, limit=PAGE, after=after))
        for chunk in page.data:
            yield chunk
        if not page.has_more:
            return
        after = page.data[-1].ordinal


async def search(client: Client, body: dict[str, Any]) -> Results:
    """Return what a search finds."""
    return _read_as(Results, await client.post("/api/v2/search", body))


def _read_as(kind: type[T], content: bytes) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EvaluationFailed(
            f"The server answers otherwise than this version of ragline expects ({error}); use "
            "the same version on both sides."
        ) from error
