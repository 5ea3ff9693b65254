"""What brings a generation from one step to the next, in the gateway that leads.

Every step is a row's time, so whoever leads next goes on where the one before was. A step waits for
offsets that were noted, never for a lag of 0, which under live uploads might not come.
"""

from collections.abc import Mapping

import structlog

from contracts.errors import BrokerUnavailable
from contracts.topics import DOCUMENTS_CHUNKED, DOCUMENTS_PARSED, build_group, chunked_topic
from runtime.kafka import KafkaConnection, TopicAdmin
from store import Store
from store.builds import Build, Missing

log = structlog.get_logger(__name__)

#: A question that began on a generation is over by then.
DROP_AFTER_SECONDS = 600.0

#: A topic, and the group that reads it.
Reading = tuple[str, str]

LIVE: tuple[Reading, Reading] = (
    (DOCUMENTS_PARSED.name, "chunker"),
    (DOCUMENTS_CHUNKED.name, "embedder"),
)


class GenerationSteps:
    """Does the next step of every generation that has one."""

    def __init__(
        self,
        *,
        store: Store,
        kafka: KafkaConnection,
        replication: int,
        partitions_cap: int | None,
        drop_after_seconds: float = DROP_AFTER_SECONDS,
    ) -> None:
        self._store = store
        self._kafka = kafka
        self._replication = replication
        self._partitions_cap = partitions_cap
        self._drop_after_seconds = drop_after_seconds

    async def advance_generations(self) -> None:
        """Do each one's next step, if its time has come.

        Raises ``BrokerUnavailable`` or ``StoreUnavailable``; then it is tried again.
        """
        async with self._store.system() as system:
            unfinished = await system.builds.unfinished()
        if not unfinished:
            return
        async with TopicAdmin(self._kafka) as admin:
            for build in unfinished:
                await self._advance(build, admin)

    async def _advance(self, build: Build, admin: TopicAdmin) -> None:
        if build.state == "dropped":
            await self._remove(build, admin)
        elif build.topic_ready_at is None:
            await self._make_topic(build, admin)
        elif build.joined_at is None:
            await self._join(build, admin)
        elif build.built_at is None:
            await self._end_build(build, admin)
        elif build.promote_asked_at is not None:
            await self._promote(build, admin)

    async def _make_topic(self, build: Build, admin: TopicAdmin) -> None:
        topic = chunked_topic(build.generation_id)
        await admin.apply(
            [topic], replication=self._replication, partitions_cap=self._partitions_cap
        )
        async with self._store.system() as system:
            await system.builds.note_topic_ready(build.generation_id)

    async def _join(self, build: Build, admin: TopicAdmin) -> None:
        """Let live uploads go into it once it has caught up, or at once when it is wanted."""
        if build.promote_asked_at is None:
            group = build_group("chunker", build.generation_id)
            lag = await admin.lag(group, DOCUMENTS_PARSED.name)
            if not lag or any(lag.values()):
                return
        async with self._store.system() as system:
            await system.builds.join(build.generation_id)
        log.info("generation_joined", generation=build.generation_id)

    async def _end_build(self, build: Build, admin: TopicAdmin) -> None:
        """End the build when it has read what was there when live uploads joined."""
        number = build.generation_id
        own = (
            (DOCUMENTS_PARSED.name, build_group("chunker", number)),
            (chunked_topic(number).name, build_group("embedder", number)),
        )
        if await self._are_passed(build, own, admin):
            async with self._store.system() as system:
                await system.builds.note_built(number)
            log.info("generation_built", generation=number)

    async def _promote(self, build: Build, admin: TopicAdmin) -> None:
        """Make it the active one when it has all that the active one has."""
        if build.promoting_at is None:
            async with self._store.system() as system:
                await system.builds.begin_promotion(build.generation_id)
            return  # the offsets that count are those after this
        if not await self._are_passed(build, LIVE, admin):
            return
        async with self._store.system() as system:
            missing = await system.builds.missing(build.generation_id)
            if missing.documents == 0 or (build.accept_missing and _all_failed(missing)):
                await system.builds.activate(build.generation_id)
                log.info("generation_promoted", generation=build.generation_id)
            elif _all_failed(missing):
                await system.builds.end_promotion(build.generation_id, problem=_refusal(missing))
                log.warning(
                    "generation_not_promoted",
                    generation=build.generation_id,
                    missing=missing.documents,
                )

    async def _are_passed(
        self, build: Build, readings: tuple[Reading, Reading], admin: TopicAdmin
    ) -> bool:
        """Note the ends of one topic after the other; true when both groups have passed them.

        Those of the second are noted when the first is passed: what follows is in it by then.
        """
        marks = dict(build.marks or {})
        for topic, group in readings:
            if topic not in marks:
                ends = await admin.ends(topic)
                if not ends:  # its leader is being elected, or it was made just now
                    raise BrokerUnavailable(f"Kafka does not know the topic {topic} yet.")
                marks[topic] = {str(partition): end for partition, end in ends.items()}
                async with self._store.system() as system:
                    await system.builds.mark(build.generation_id, marks)
            if not await _is_passed(admin, group, topic, marks[topic]):
                return False
        return True

    async def _remove(self, build: Build, admin: TopicAdmin) -> None:
        """Remove what a dropped generation has, when nobody can be reading it any more."""
        number = build.generation_id
        async with self._store.system() as system:
            if not await system.builds.may_drop_table(
                number, after_seconds=self._drop_after_seconds
            ):
                return
            tenants = await system.builds.tenants()
        for tenant in tenants:
            async with self._store.tenant(tenant) as tx:
                await tx.dropping.forget(number, build.embedding_model)
        await admin.delete([chunked_topic(number).name])
        async with self._store.system() as system:
            await system.builds.drop_table(number)
        log.info("generation_removed", generation=number)


async def _is_passed(admin: TopicAdmin, group: str, topic: str, ends: Mapping[str, int]) -> bool:
    progress = await admin.progress(group, topic)
    return all(
        (found := progress.get(int(partition))) is not None
        and found.completed >= min(end, found.end)
        for partition, end in ends.items()
    )


def _all_failed(missing: Missing) -> bool:
    """Tell whether nothing is on its way any more: the rest may still be retried."""
    return missing.documents == missing.failed


def _refusal(missing: Missing) -> str:
    count = missing.documents
    return (
        f"{count} {'document is' if count == 1 else 'documents are'} not in it, because the work "
        "was given up: redrive the dead letters and ask again, or accept that they are missing."
    )
