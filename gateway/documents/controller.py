"""`/api/v2/upload`, `/api/v2/documents`: from a file to a document, and back."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, post
from litestar.params import FromPath, HeaderParameter, QueryParameter
from litestar.response import Stream
from litestar.status_codes import HTTP_202_ACCEPTED

from contracts.ids import DocumentId
from gateway.auth.guards import may_read, may_write
from gateway.dependencies import Given
from gateway.documents.deletion import delete_document
from gateway.documents.filenames import attachment
from gateway.documents.form import FORM_BYTES, body_of, boundary_of
from gateway.documents.schemas import (
    ChunkPage,
    ChunkShown,
    DocumentPage,
    DocumentShown,
    UploadAccepted,
)
from gateway.documents.upload_operation import UploadOperation
from gateway.documents.uploads import Uploads
from gateway.paging import DEFAULT_LIMIT, After, Limit
from gateway.principal import Principal
from gateway.problems import documented
from gateway.refusals import NotFound, UploadTooLarge
from providers.blobs.protocol import BlobStore
from runtime.clock import Clock
from store import Store
from store.documents import Document

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key with the same upload gets the same answer.",
    ),
]
KnowledgeBase = Annotated[
    str | None,
    QueryParameter(
        name="knowledge_base",
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="Only documents of this knowledge base.",
    ),
]


class UploadController(Controller):
    """Takes files."""

    path = "/api/v2/upload"
    tags = ("documents",)
    guards = (may_write,)

    @post(
        operation_id="upload",
        summary="Upload a document",
        status_code=HTTP_202_ACCEPTED,
        operation_class=UploadOperation,
        responses=documented(400, 401, 403, 408, 413, 415, 422),
    )
    async def upload(
        self,
        request: Request[Any, Any, Any],
        principal: Given[Principal],
        uploads: Given[Uploads],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[UploadAccepted]:
        """Store a file and accept it for processing; follow the job at `Location`.

        The same bytes again are the same document and no new work, unless their processing
        failed or the document was deleted.
        """
        limit = uploads.max_bytes + FORM_BYTES
        if (request.content_length or 0) > limit:
            raise UploadTooLarge(f"The file is larger than the {uploads.max_bytes} bytes allowed.")
        boundary = boundary_of(request.headers.get("content-type", ""))
        body = body_of(request.receive, limit=limit)
        accepted = await uploads.take(body, boundary, principal, idempotency_key)
        return Response(accepted, headers={"Location": f"/api/v2/jobs/{accepted.job_id}"})


class DocumentsController(Controller):
    """Lists, shows, returns and deletes documents."""

    path = "/api/v2/documents"
    tags = ("documents",)

    @get(
        guards=(may_read,),
        operation_id="listDocuments",
        summary="List documents",
        responses=documented(400, 401, 403, 422),
    )
    async def list_documents(
        self,
        principal: Given[Principal],
        store: Given[Store],
        limit: Limit = DEFAULT_LIMIT,
        after: After = None,
        knowledge_base: KnowledgeBase = None,
    ) -> DocumentPage:
        """Return the tenant's documents, newest first."""
        async with store.tenant(principal.tenant_id) as tx:
            rows = await tx.documents.list(
                limit=limit + 1,
                after=DocumentId(after) if after else None,
                knowledge_base=knowledge_base,
            )
        return DocumentPage.of(rows, limit, DocumentShown.of)

    @get(
        "/{document_id:uuid}",
        guards=(may_read,),
        operation_id="getDocument",
        summary="Read a document's state",
        responses=documented(401, 403, 404),
    )
    async def read(
        self, document_id: FromPath[UUID], principal: Given[Principal], store: Given[Store]
    ) -> DocumentShown:
        """Return what is known of a document."""
        return DocumentShown.of(await _find(store, principal, document_id))

    @delete(
        "/{document_id:uuid}",
        guards=(may_write,),
        operation_id="deleteDocument",
        summary="Delete a document",
        responses=documented(401, 403, 404),
    )
    async def delete(
        self,
        document_id: FromPath[UUID],
        principal: Given[Principal],
        store: Given[Store],
        clock: Given[Clock],
    ) -> None:
        """Delete a document, its chunks and vectors, its file, and its events."""
        await delete_document(
            DocumentId(document_id), principal.tenant_id, store=store, clock=clock
        )

    @get(
        "/{document_id:uuid}/chunks",
        guards=(may_read,),
        operation_id="listChunks",
        summary="List a document's chunks",
        responses=documented(400, 401, 403, 404, 422),
    )
    async def chunks(
        self,
        document_id: FromPath[UUID],
        principal: Given[Principal],
        store: Given[Store],
        limit: Limit = DEFAULT_LIMIT,
        after: Annotated[
            int | None,
            QueryParameter(name="after", ge=0, le=2**31 - 1, description="The last ordinal."),
        ] = None,
    ) -> ChunkPage:
        """Return the chunks of a document in their order, with pages and character spans."""
        await _find(store, principal, document_id)
        async with store.tenant(principal.tenant_id) as tx:
            rows = await tx.documents.chunks(DocumentId(document_id), limit=limit + 1, after=after)
        return ChunkPage.of(rows, limit, ChunkShown.of)

    @get(
        "/{document_id:uuid}/content",
        guards=(may_read,),
        operation_id="getContent",
        summary="Download the original file",
        media_type="application/octet-stream",
        responses=documented(401, 403, 404),
    )
    async def content(
        self,
        document_id: FromPath[UUID],
        principal: Given[Principal],
        store: Given[Store],
        blobs: Given[BlobStore],
    ) -> Stream:
        """Return the file as it was uploaded, byte for byte, to be saved and not shown."""
        document = await _find(store, principal, document_id)
        pieces = aiter(blobs.stream(document.blob_key))
        first = await anext(pieces, b"")  # a missing file is found out before the answer starts
        return Stream(
            _chained(first, pieces),
            media_type=document.media_type,
            headers={
                "Content-Disposition": attachment(document.filename),
                "Content-Length": str(document.size),
            },
        )


async def _find(store: Store, principal: Principal, document_id: UUID) -> Document:
    async with store.tenant(principal.tenant_id) as tx:
        document = await tx.documents.get(DocumentId(document_id))
    if document is None:
        raise NotFound("There is no such document.")
    return document


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
