"""The leading gateway brings generations from step to step, and tidies up what was dropped."""

import asyncio
from contextlib import suppress

import pytest

from contracts.errors import BrokerUnavailable
from contracts.topics import chunked_topic
from gateway.generations.steps import GenerationSteps
from runtime.kafka import KafkaConnection, TopicAdmin
from store import Store
from store.builds import Build

pytestmark = pytest.mark.asyncio


async def test_a_build_gets_its_topic_and_loses_it_when_it_is_dropped(
    store: Store, topics: str
) -> None:
    kafka = KafkaConnection(servers=topics)
    steps = GenerationSteps(
        store=store, kafka=kafka, replication=1, partitions_cap=2, drop_after_seconds=-1
    )
    async with store.system() as system:
        number = await system.builds.create(
            strategy="sentence_3", embedding_model="test-8", dimensions=8
        )
    topic = chunked_topic(number).name
    await steps.advance_generations()
    assert (await the(store, number)).has_workers
    await until_counted(kafka, topic, {topic: 2})
    # No document was ever parsed here: it joins and is built at once, without a worker.
    while (await the(store, number)).built_at is None:
        await advance(steps)
    assert not (await the(store, number)).has_workers
    async with store.system() as system:
        assert await system.builds.drop(number)
    while (await the(store, number)).table_dropped_at is None:
        await advance(steps)
    await until_counted(kafka, topic, {})


async def advance(steps: GenerationSteps) -> None:
    """Do a step, or try it again later, as the leading gateway does."""
    with suppress(BrokerUnavailable):  # a Kafka that was just started knows no groups yet
        await steps.advance_generations()
    await asyncio.sleep(0.1)


async def until_counted(kafka: KafkaConnection, topic: str, counts: dict[str, int]) -> None:
    """Return when Kafka says so; it does a moment after it is done."""
    async with TopicAdmin(kafka) as admin:
        for _ in range(100):
            if await admin.partition_counts([topic]) == counts:
                return
            await asyncio.sleep(0.1)
    raise AssertionError(f"{topic} has other partitions than {counts}")


async def the(store: Store, number: int) -> Build:
    async with store.system() as system:
        build = await system.builds.get(number)
    assert build is not None
    return build
