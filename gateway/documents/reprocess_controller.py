"""`/api/v2/documents/…/reprocess`: documents processed again, one or by a filter."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, post
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED
from msgspec import Meta

from contracts.errors import Rejected
from contracts.ids import DocumentId
from gateway.auth.guards import may_write
from gateway.dependencies import Given
from gateway.documents.reprocessing import Begun, Reprocessor
from gateway.principal import Principal
from gateway.problems import documented
from store import Store

MAX_LIMIT = 100


class ReprocessOne(msgspec.Struct, frozen=True, kw_only=True):
    """How to process a document again."""

    #: Parse its file anew, as the next version; else its pages are split and embedded again.
    force_parse: bool = False


class ReprocessMany(ReprocessOne, frozen=True, kw_only=True):
    """Which documents to process again, newest first."""

    knowledge_base: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    #: Only what this parser has read, as documents show it.
    parser: Annotated[str, Meta(max_length=200)] | None = None
    #: How many documents are looked at in this request.
    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT)] = 50
    #: Only those behind this one: `last_id` of the answer before.
    after: UUID | None = None


class Reprocessed(msgspec.Struct, frozen=True, kw_only=True):
    """The job in which a document is processed again."""

    document_id: UUID
    job_id: UUID
    version: int

    @classmethod
    def of(cls, begun: Begun) -> "Reprocessed":
        """Return what was begun as it is shown."""
        return cls(document_id=begun.document_id, job_id=begun.job_id, version=begun.version)


class NotReprocessed(msgspec.Struct, frozen=True, kw_only=True):
    """A document that is not processed again, and why."""

    document_id: UUID
    code: str
    message: str


class ReprocessResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request to process several again."""

    reprocessed: list[Reprocessed]
    refused: list[NotReprocessed]
    #: Pass it as `after` to go on, where `has_more`.
    last_id: UUID | None
    has_more: bool


class ReprocessController(Controller):
    """Hands documents to the workers again."""

    path = "/api/v2/documents"
    tags = ("documents",)
    guards = (may_write,)

    @post(
        "/{document_id:uuid}/reprocess",
        operation_id="reprocessDocument",
        summary="Process a document again",
        status_code=HTTP_202_ACCEPTED,
        responses=documented(401, 403, 404, 409, 413, 422),
    )
    async def one(
        self,
        document_id: FromPath[UUID],
        data: JSONBody[ReprocessOne],
        principal: Given[Principal],
        reprocessor: Given[Reprocessor],
    ) -> Reprocessed:
        """Split and embed its pages again, or parse its file anew as the next version.

        Until the next version is indexed, the one before answers questions.
        """
        begun = await reprocessor.reprocess(
            DocumentId(document_id), principal.tenant_id, force_parse=data.force_parse
        )
        return Reprocessed.of(begun)

    @post(
        "/reprocess",
        operation_id="reprocessDocuments",
        summary="Process documents again",
        status_code=HTTP_200_OK,
        responses=documented(401, 403, 413, 422),
    )
    async def many(
        self,
        data: JSONBody[ReprocessMany],
        principal: Given[Principal],
        reprocessor: Given[Reprocessor],
        store: Given[Store],
    ) -> ReprocessResult:
        """Process those of the tenant's documents again that fit; ask again where `has_more`."""
        async with store.tenant(principal.tenant_id) as tx:
            rows = await tx.documents.list(
                limit=data.limit + 1,
                after=None if data.after is None else DocumentId(data.after),
                knowledge_base=data.knowledge_base,
            )
        result = ReprocessResult(
            reprocessed=[],
            refused=[],
            last_id=rows[: data.limit][-1].document_id if rows else None,
            has_more=len(rows) > data.limit,
        )
        for row in rows[: data.limit]:
            if data.parser is not None and row.parser != data.parser:
                continue
            try:
                begun = await reprocessor.reprocess(
                    row.document_id, principal.tenant_id, force_parse=data.force_parse
                )
            except Rejected as error:
                refused = NotReprocessed(
                    document_id=row.document_id, code=error.code, message=error.message
                )
                result.refused.append(refused)
            else:
                result.reprocessed.append(Reprocessed.of(begun))
        return result
