"""`/api/v2/admin/dead-letters`: what the workers gave up, for operators."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_204_NO_CONTENT

from contracts.ids import DocumentId, TenantId
from contracts.topics import WorkerName
from gateway.auth.guards import may_operate
from gateway.dead_letters.redriving import Redriver, find
from gateway.dead_letters.schemas import (
    DeadLetterDetails,
    DeadLetterPage,
    DeadLetterShown,
    RedriveMany,
    RedriveOne,
    RedriveResult,
    in_utc,
)
from gateway.dependencies import Given
from gateway.paging import DEFAULT_LIMIT, After, Limit
from gateway.problems import documented
from store import Store
from store.dead_letters import Chosen, DeadLetterState


class DeadLettersController(Controller):
    """Shows dead letters of all tenants, redrives and discards them."""

    path = "/api/v2/admin/dead-letters"
    tags = ("admin",)
    guards = (may_operate,)

    @get(
        operation_id="listDeadLetters",
        summary="List dead letters",
        responses=documented(401, 403, 422),
    )
    async def list_dead_letters(  # noqa: PLR0913, PLR0917 - a parameter for each filter
        self,
        store: Given[Store],
        limit: Limit = DEFAULT_LIMIT,
        after: After = None,
        group: Annotated[
            WorkerName | None, QueryParameter(name="group", description="Only of this worker.")
        ] = None,
        code: Annotated[
            str | None,
            QueryParameter(name="code", max_length=100, description="Only with this code."),
        ] = None,
        document_id: Annotated[
            UUID | None, QueryParameter(name="document_id", description="Only of this document.")
        ] = None,
        tenant_id: Annotated[
            UUID | None, QueryParameter(name="tenant_id", description="Only of this tenant.")
        ] = None,
        since: Annotated[
            datetime | None,
            QueryParameter(name="since", description="Only given up at this time or later."),
        ] = None,
        in_state: Annotated[
            DeadLetterState | None,
            QueryParameter(name="state", description="Only in this state."),
        ] = None,
    ) -> DeadLetterPage:
        """Return dead letters of all tenants, newest first."""
        chosen = Chosen(
            group=group,
            code=code,
            document_id=None if document_id is None else DocumentId(document_id),
            tenant_id=None if tenant_id is None else TenantId(tenant_id),
            since=in_utc(since),
            state=in_state,
        )
        async with store.system() as tx:
            rows = await tx.dead_letters.newest(chosen, limit=limit + 1, after=after)
        return DeadLetterPage.of(rows, limit, DeadLetterShown.of)

    @get(
        "/{dead_letter_id:uuid}",
        operation_id="getDeadLetter",
        summary="Read a dead letter",
        responses=documented(401, 403, 404),
    )
    async def read(self, dead_letter_id: FromPath[UUID], store: Given[Store]) -> DeadLetterDetails:
        """Return a dead letter with its headers and its event, without the texts of documents."""
        return DeadLetterDetails.of(await find(store, dead_letter_id))

    @post(
        "/{dead_letter_id:uuid}/redrive",
        operation_id="redriveDeadLetter",
        summary="Redrive a dead letter",
        status_code=HTTP_204_NO_CONTENT,
        responses=documented(401, 403, 404, 409, 413, 422),
    )
    async def redrive(
        self,
        dead_letter_id: FromPath[UUID],
        data: JSONBody[RedriveOne],
        redriver: Given[Redriver],
    ) -> None:
        """Let the worker try it anew, ten seconds later; its failed job runs again.

        Refused after three times unless forced, and always when its document was deleted or
        uploaded again.
        """
        await redriver.redrive(dead_letter_id, force=data.force)

    @post(
        "/redrive",
        operation_id="redriveDeadLetters",
        summary="Redrive dead letters",
        status_code=HTTP_200_OK,
        responses=documented(401, 403, 413, 422),
    )
    async def redrive_many(
        self, data: JSONBody[RedriveMany], redriver: Given[Redriver]
    ) -> RedriveResult:
        """Redrive those that wait and fit, at most `limit` and `per_second`.

        It takes 30 seconds at most; where `has_more`, ask again with `last_id` as `after`.
        """
        result = await redriver.redrive_chosen(
            data.chosen(),
            limit=data.limit,
            after=data.after,
            per_second=data.per_second,
            force=data.force,
        )
        return RedriveResult.of(result)

    @post(
        "/{dead_letter_id:uuid}/discard",
        operation_id="discardDeadLetter",
        summary="Discard a dead letter",
        status_code=HTTP_204_NO_CONTENT,
        responses=documented(401, 403, 404, 409),
    )
    async def discard(self, dead_letter_id: FromPath[UUID], redriver: Given[Redriver]) -> None:
        """Give it up for good; its job stays failed."""
        await redriver.discard(dead_letter_id)
