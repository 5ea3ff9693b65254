"""What the leading gateway tidies up: deleted files, leftovers of uploads, old rows."""

from collections import Counter
from datetime import timedelta

import structlog

from gateway.documents.keys import incoming_prefix, version_prefix
from gateway.sweeping import sweep_unnamed_blobs
from providers.blobs.protocol import BlobStore
from runtime import metrics
from runtime.clock import Clock
from store import Store
from store.generations import GenerationState

log = structlog.get_logger(__name__)

#: A document's blobs go within seconds of its deletion.
PURGE_BATCH = 50
#: Published events are kept for a look back, then dropped.
PUBLISHED_KEPT_SECONDS = 3600.0
#: An upload takes less than a day; what arrived earlier and was never accepted is left over.
#: Days further back were tidied on their own day, or by a gateway that was down for so long.
LEFTOVER_DAYS = range(2, 31)
#: A blob without a row may get it yet, and a file may still be written, for so long.
SAFE_AGE = timedelta(days=1)
#: All blobs are listed for it: once a day, and not at once by each gateway that begins to lead.
UNNAMED_FIRST_SECONDS, UNNAMED_SECONDS = 3600.0, 86_400.0
#: The states of what still exists.
GENERATION_STATES: tuple[GenerationState, ...] = ("building", "active", "retired")


class Housekeeping:
    """Small works that may be done twice and must not be done never."""

    def __init__(self, *, store: Store, blobs: BlobStore, clock: Clock) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._unnamed_due = clock.monotonic() + UNNAMED_FIRST_SECONDS

    async def purge_deleted(self) -> int:
        """Remove the blobs of deleted documents, all versions up to the deleted one."""
        async with self._store.system() as tx:
            found = await tx.housekeeping.to_purge(PURGE_BATCH)
        for purge in found:
            for version in range(1, purge.version + 1):
                await self._blobs.delete_prefix(
                    version_prefix(purge.tenant_id, purge.document_id, version)
                )
            async with self._store.system() as tx:
                await tx.housekeeping.mark_purged(purge.document_id, purge.deleted_at)
            log.info("document_purged", document_id=str(purge.document_id))
        return len(found)

    async def drop_old_rows(self) -> None:
        """Drop published events, Idempotency-Keys and refresh tokens that are old enough."""
        async with self._store.system() as tx:
            await tx.relay.purge(PUBLISHED_KEPT_SECONDS)
            await tx.housekeeping.drop_old_idempotency_keys()
            await tx.housekeeping.drop_old_refresh_tokens()

    async def sweep_leftovers(self) -> int:
        """Remove what uploads left behind that were killed, and return how many files.

        Once a day also the blobs of documents that no row names.
        """
        today = self._clock.now().date()
        removed = 0
        for days in LEFTOVER_DAYS:
            removed += await self._blobs.delete_prefix(
                incoming_prefix(today - timedelta(days=days))
            )
        removed += await self._blobs.remove_unfinished(self._clock.now() - SAFE_AGE)
        if self._clock.monotonic() >= self._unnamed_due:
            older_than = self._clock.now() - SAFE_AGE
            removed += await sweep_unnamed_blobs(self._store, self._blobs, older_than=older_than)
            self._unnamed_due = self._clock.monotonic() + UNNAMED_SECONDS
        if removed:
            log.info("leftovers_removed", files=removed)
        return removed

    async def measure_backlog(self) -> None:
        """Show how much waits for Kafka."""
        async with self._store.system() as tx:
            backlog = await tx.relay.backlog()
        metrics.OUTBOX_WAITING.set(backlog.waiting)
        metrics.OUTBOX_HELD_BACK.set(backlog.held_back)
        metrics.OUTBOX_OLDEST.set(backlog.oldest_seconds)

    async def measure_generations(self) -> None:
        """Show how many generations are in which state; without an active one nobody answers."""
        async with self._store.system() as tx:
            found = Counter(generation.state for generation in await tx.generations.fed())
        for state in GENERATION_STATES:
            metrics.GENERATIONS.labels(state).set(found[state])
