"""The end of what Kafka will never take: whoever waits for it is told."""

from typing import Any

import structlog

from contracts.codec import decode
from contracts.conversations import QuestionAsked
from contracts.documents import DocumentUploaded
from contracts.errors import RaglineError, UndecodableEvent
from contracts.statuses import status_changed
from contracts.topics import TOPICS_BY_NAME
from gateway.outbox_headers import outbox_headers
from runtime import metrics, telemetry
from runtime.clock import Clock
from store import Store
from store.relay import OutboxRow

log = structlog.get_logger(__name__)


async def end_unpublishable(
    row: OutboxRow, error: RaglineError, *, store: Store, clock: Clock
) -> None:
    """Fail the job or the turn that this row was to begin; ``StoreUnavailable``.

    For a row that begins nothing, the log and a metric say that it is lost.
    """
    match _event_in(row):
        case DocumentUploaded() as event:
            trace = telemetry.extract(row.headers)
            with telemetry.tracer().start_as_current_span("refuse", context=trace):
                await _fail_job(event, error, store, clock)
        case QuestionAsked() as event:
            async with store.tenant(event.tenant_id) as tx:
                await tx.turns.fail_unowned(event.turn_id, error.code, error.message)
        case _:
            pass
    metrics.OUTBOX_REFUSED.labels(row.topic).inc()
    log.error("event_refused", outbox_id=row.outbox_id, topic=row.topic, code=error.code)


async def _fail_job(
    event: DocumentUploaded, error: RaglineError, store: Store, clock: Clock
) -> None:
    async with store.tenant(event.tenant_id) as tx:
        if not await tx.documents.lock_current(event.document_id, event.version):
            return
        code, message = error.code, error.message
        if await tx.jobs.fail(event.job_id, stage="parse", code=code, message=message):
            said = status_changed(
                event, "failed", at=clock.now(), error_code=code, error_message=message
            )
            await tx.outbox.append(said, headers=outbox_headers(said, clock))


def _event_in(row: OutboxRow) -> Any:
    topic = TOPICS_BY_NAME.get(row.topic)
    if topic is None or row.value is None:
        return None
    try:
        return decode(topic, row.value)
    except UndecodableEvent:
        return None
