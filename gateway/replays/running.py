"""Carrying out replays in the gateway that leads: some records again, or everything from the log.

A replay goes on where it was: its positions are noted after its records are published, so that some
may be published twice. They carry the same replay's id, and the workers' ledgers know them.
"""

import asyncio

import structlog
from aiokafka import ConsumerRecord

from contracts.codec import decode
from contracts.delivery_headers import PREFIX, REPLAY
from contracts.documents import DocumentParsed, DocumentUploaded
from contracts.errors import Rejected, UndecodableEvent
from contracts.ids import TenantId
from contracts.topics import DOCUMENTS_PARSED, DOCUMENTS_UPLOADED, replay_topic
from gateway.replays.choosing import is_chosen
from runtime.kafka import KafkaConnection, Publisher, RangeReader
from store import Store
from store.replays import Positions, Replay

log = structlog.get_logger(__name__)

#: Records whose acknowledgements are awaited together.
TOGETHER = 50


class ReplayRuns:
    """Works on the replays that are under way, the oldest first."""

    def __init__(self, *, store: Store, kafka: KafkaConnection, publisher: Publisher) -> None:
        self._store = store
        self._kafka = kafka
        self._publisher = publisher

    async def run_replays(self) -> None:
        """Carry out what was ordered.

        Raises ``BrokerUnavailable`` or ``StoreUnavailable``; then it goes on where it was.
        """
        async with self._store.system() as system:
            running = await system.replays.running()
        for replay in running:
            try:
                await self._run(replay)
            except Rejected as error:
                await self._finish(replay, error.message)
            else:
                await self._finish(replay, None)

    async def _run(self, replay: Replay) -> None:
        positions = {topic: dict(found) for topic, found in replay.positions.items()}
        async with RangeReader(self._kafka) as reader:
            for topic, ranges in replay.ranges.items():
                for partition, (first, end) in ranges.items():
                    at = positions.setdefault(topic, {}).get(partition, first)
                    if replay.kind == "rebuild":
                        await self._rebuild(replay, reader, topic, partition, (at, end), positions)
                    else:
                        await self._select(replay, reader, topic, partition, (at, end), positions)

    async def _select(
        self,
        replay: Replay,
        reader: RangeReader,
        topic: str,
        partition: str,
        bounds: tuple[int, int],
        positions: Positions,
    ) -> None:
        """Publish the chosen records of a range again, portion by portion."""
        async for records, position in reader.read(topic, int(partition), *bounds):
            chosen = [record for record in records if is_chosen(record, replay.chosen)]
            await self._publish(replay, chosen)
            positions[topic][partition] = position
            await self._note(replay, positions, len(records), len(chosen))

    async def _rebuild(
        self,
        replay: Replay,
        reader: RangeReader,
        topic: str,
        partition: str,
        bounds: tuple[int, int],
        positions: Positions,
    ) -> None:
        """Bring back what the last record of each key says; a tombstone says nothing."""
        if bounds[0] >= bounds[1]:
            return
        last: dict[bytes | None, ConsumerRecord] = {}
        async for records, _ in reader.read(topic, int(partition), *bounds):
            for record in records:
                last[record.key] = record
        kept = [record for record in last.values() if record.value is not None]
        again = [record for record in kept if await self._restore(topic, record)]
        await self._publish(replay, again)
        positions[topic][partition] = bounds[1]
        await self._note(replay, positions, len(kept), len(again))

    async def _restore(self, topic: str, record: ConsumerRecord) -> bool:
        """Write the rows that a record tells of; true when its chunks are to be made again."""
        try:
            if topic == DOCUMENTS_UPLOADED.name:
                await self._restore_document(decode(DOCUMENTS_UPLOADED, record.value or b""))
                return False
            return await self._restore_derived(decode(DOCUMENTS_PARSED, record.value or b""))
        except UndecodableEvent:
            log.error("record_not_rebuilt", topic=topic, offset=record.offset)  # noqa: TRY400 - nothing to trace
            return False

    async def _restore_document(self, event: DocumentUploaded) -> None:
        if not await self._has_tenant(event.tenant_id):
            log.warning("document_without_tenant", document_id=str(event.document_id))
            return
        async with self._store.tenant(event.tenant_id) as tx:
            if await tx.rebuilding.restore_document(event):
                log.info("document_restored", document_id=str(event.document_id))

    async def _restore_derived(self, event: DocumentParsed) -> bool:
        async with self._store.tenant(event.tenant_id) as tx:
            if not await tx.documents.lock_current(event.document_id, event.version):
                return False  # deleted, or a later version's
            await tx.rebuilding.restore_progress(event)
            await tx.rebuilding.forget_what_is_not_whole(event.document_id, event.version)
        return True

    async def _has_tenant(self, tenant_id: TenantId) -> bool:
        async with self._store.system() as system:
            return await system.builds.has_tenant(tenant_id)

    async def _publish(self, replay: Replay, records: list[ConsumerRecord]) -> None:
        for start in range(0, len(records), TOGETHER):
            await asyncio.gather(
                *(self._again(replay, one) for one in records[start : start + TOGETHER])
            )

    async def _again(self, replay: Replay, record: ConsumerRecord) -> None:
        own = {name: value for name, value in record.headers if not name.startswith(PREFIX)}
        await self._publisher.publish_raw(
            topic=replay_topic(replay.consumer_group),
            key=record.key,
            value=record.value,
            headers={**own, REPLAY: replay.replay_id.encode()},
        )

    async def _note(
        self, replay: Replay, positions: Positions, records: int, published: int
    ) -> None:
        async with self._store.system() as system:
            await system.replays.note(
                replay.replay_id, positions, records=records, published=published
            )

    async def _finish(self, replay: Replay, problem: str | None) -> None:
        async with self._store.system() as system:
            await system.replays.finish(replay.replay_id, problem=problem)
        log.info("replay_published", replay_id=replay.replay_id, problem=problem)
