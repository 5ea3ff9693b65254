"""On which page a character is, for chunks that run across the end of one."""

from collections import OrderedDict
from typing import Protocol

import structlog

from contracts.artefacts import decode_artefact
from contracts.errors import BlobsUnavailable, MissingBlob
from contracts.ids import DocumentId, TenantId
from contracts.text import join_pages
from providers.blobs.protocol import BlobStore
from store import Store

log = structlog.get_logger(__name__)

#: Documents whose page starts are remembered; 10,000 pages take about 1 MB.
_REMEMBERED = 64

Starts = tuple[tuple[int, int], ...]


class OnPages(Protocol):
    """A stretch of a document's parsed text."""

    @property
    def document_id(self) -> DocumentId:
        """The document."""
        ...

    @property
    def version(self) -> int:
        """The processing of the document that the text is of."""
        ...

    @property
    def page_first(self) -> int:
        """The page on which it starts, from 1."""
        ...

    @property
    def page_last(self) -> int:
        """The page on which it ends."""
        ...

    @property
    def char_start(self) -> int:
        """Where it starts in the parsed text."""
        ...

    @property
    def char_end(self) -> int:
        """Where it ends, exclusive."""
        ...


class PageStarts:
    """Knows where the pages of parsed texts start, from their artefacts."""

    def __init__(self, store: Store, blobs: BlobStore) -> None:
        self._store = store
        self._blobs = blobs
        self._known: OrderedDict[tuple[DocumentId, int], Starts] = OrderedDict()

    async def inside(self, tenant_id: TenantId, found: OnPages) -> Starts:
        """Return offset and number of each page that starts inside of a chunk.

        Empty for most chunks, which are on one page, and where the artefact is out of reach:
        the citation then names the page on which the chunk starts.
        """
        if found.page_first == found.page_last:
            return ()
        starts = await self._starts(tenant_id, found.document_id, found.version)
        return tuple(start for start in starts if found.char_start < start[0] < found.char_end)

    async def _starts(self, tenant_id: TenantId, document_id: DocumentId, version: int) -> Starts:
        key = (document_id, version)
        if key not in self._known:
            try:
                self._known[key] = await self._read(tenant_id, document_id, version)
            except (BlobsUnavailable, MissingBlob) as error:
                log.warning("page_starts_missing", document_id=str(document_id), code=error.code)
                return ()
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    async def _read(self, tenant_id: TenantId, document_id: DocumentId, version: int) -> Starts:
        async with self._store.tenant(tenant_id) as tx:
            document = await tx.documents.get(document_id)
        if document is None or document.version != version or document.artefact_key is None:
            raise MissingBlob
        pages = decode_artefact(await self._blobs.get(document.artefact_key)).pages
        _, starts = join_pages([page.text for page in pages])
        return tuple((start, page.number) for start, page in zip(starts, pages, strict=True))
