"""What a worker promises, on the real broker."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from contracts.codec import decode, encode
from contracts.conversations import AnswerGiven
from contracts.envelope import Outgoing
from contracts.errors import (
    BrokerUnavailable,
    EncryptedDocument,
    ProviderBusy,
    ProviderUnavailable,
    StoreUnavailable,
)
from runtime.delivery import Failure, Obsolete
from runtime.delivery.intake import STUCK_SECONDS
from runtime.delivery.trials import MOST_DEATHS, SUSPICIOUS_DEATHS
from runtime.embedded import EmbeddedKafka
from tests.integration.delivery.conftest import Bench, event, until

pytestmark = pytest.mark.asyncio


async def test_handles_every_record_and_commits_it(bench: Bench) -> None:
    for number in range(50):
        await bench.send(number)
    async with bench.running(bench.worker()):
        await until(lambda: len(bench.handled) == 50)
    assert sorted(bench.handled) == list(range(50))
    assert await bench.committed() == 0
    async with bench.running(bench.worker()):
        await asyncio.sleep(1)
    assert len(bench.handled) == 50


async def test_keeps_the_order_of_a_key_and_runs_keys_in_parallel(bench: Bench) -> None:
    running = most = 0

    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        bench.handled.append(given.generation)
        running -= 1
        return ()

    for number in range(60):
        await bench.send(number, key=str(number % 6))
    async with bench.running(bench.worker(handle)):
        await until(lambda: len(bench.handled) == 60)
    for key in range(6):
        of_key = [number for number in bench.handled if number % 6 == key]
        assert of_key == sorted(of_key)
    assert most == 6


async def test_a_slow_record_does_not_hold_other_keys(bench: Bench) -> None:
    release = asyncio.Event()

    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        if given.generation == 0:
            await release.wait()
        bench.handled.append(given.generation)
        return ()

    for number in range(20):
        await bench.send(number)
    async with bench.running(bench.worker(handle)):
        await until(lambda: len(bench.handled) == 19)
        assert await bench.committed() >= 1  # nothing behind the slow one is committed
        release.set()
        await until(lambda: len(bench.handled) == 20)
    assert await bench.committed() == 0


async def test_gives_up_what_cannot_succeed_and_keeps_it_untouched(
    bench: Bench, dead_letters: str
) -> None:
    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        if given.generation == 1:
            raise EncryptedDocument
        return await bench.handle(given)

    for number in range(3):
        await bench.send(number, key="same")
    async with bench.running(bench.worker(handle)):
        await until(lambda: len(bench.handled) == 2)
    assert bench.handled == [0, 2]
    [(number, failure)] = bench.given_up
    assert (number, failure.code) == (1, "encrypted_document")
    [letter] = await _read(bench, dead_letters, 1)
    headers = dict(letter.headers)
    assert letter.key == b"same"
    assert headers["ragline-delivery-code"] == b"encrypted_document"
    assert headers["ragline-delivery-origin-topic"].decode() == bench.topic.name
    assert "ce_id" in headers
    assert await bench.committed() == 0


async def test_keeps_nothing_of_a_record_whose_subject_is_gone(
    bench: Bench, dead_letters: str
) -> None:
    async def handle(_: AnswerGiven) -> Sequence[Outgoing]:
        raise EncryptedDocument

    async def give_up(given: AnswerGiven, failure: Failure) -> Sequence[Outgoing]:
        if given.generation == 1:
            raise Obsolete
        return await bench.give_up(given, failure)

    for number in (1, 2):
        await bench.send(number, key="same")
    async with bench.running(replace(bench.worker(handle), give_up=give_up)):
        await until(lambda: len(bench.given_up) == 1)
        [letter] = await _read(bench, dead_letters, 1)
    assert letter.value is not None
    assert decode(bench.topic, letter.value) == event(2)
    assert await bench.committed() == 0


async def test_poison_and_strange_headers_do_not_stop_a_partition(
    bench: Bench, dead_letters: str
) -> None:
    send = bench.publisher.publish_raw
    await send(topic=bench.topic.name, key="k", value=b"\xff{", headers={}, partition=0)
    wrong_type = b'{"type":"answer_given","generation":"2"}'
    await send(topic=bench.topic.name, key="k", value=wrong_type, headers={}, partition=0)
    await send(topic=bench.topic.name, key="k", value=None, headers={}, partition=0)
    await send(
        topic=bench.topic.name, key="k", value=b"{}", headers={"h": b"\xfe\xff"}, partition=0
    )
    await bench.send(7, key="k")
    async with bench.running(bench.worker()):
        await until(lambda: bench.handled == [7])
    letters = await _read(bench, dead_letters, 3)
    assert [letter.value for letter in letters] == [b"\xff{", wrong_type, b"{}"]
    assert dict(letters[2].headers)["h"] == b"\xfe\xff"
    assert bench.given_up == []
    assert await bench.committed() == 0


async def test_tries_a_transient_failure_again(bench: Bench) -> None:
    tries = 0

    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ProviderBusy(retry_after=0.2)
        return await bench.handle(given)

    await bench.send(1)
    async with bench.running(bench.worker(handle)):
        await until(lambda: bench.handled == [1])
    assert tries == 3


async def test_a_retry_is_never_early_and_hardly_late(bench: Bench) -> None:
    tried: list[float] = []

    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        tried.append(time.time())
        if len(tried) == 1:
            raise ProviderBusy(retry_after=9)
        return await bench.handle(given)

    await bench.send(1)
    async with bench.running(bench.worker(handle)):
        await until(lambda: len(tried) == 1)
        await bench.send(2)
        await until(lambda: bench.handled[:1] == [2])  # nothing waits behind it
        await until(lambda: bench.handled == [2, 1], seconds=30)
    assert 10 <= tried[-1] - tried[0] <= 11.5
    assert await bench.committed() == 0


async def test_a_provider_that_is_down_costs_no_tries(bench: Bench) -> None:
    tries, is_down = 0, True

    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        nonlocal tries
        tries += 1
        if is_down:
            raise ProviderUnavailable
        return await bench.handle(given)

    for number in range(40):
        await bench.send(number)
    async with bench.running(bench.worker(handle)):
        await until(lambda: tries >= 5)
        await asyncio.sleep(2)
        while_down = tries
        assert while_down < 20  # held back, and not spent on 40 records
        is_down = False
        await until(lambda: len(bench.handled) == 40, seconds=30)
    assert await bench.committed() == 0
    assert bench.given_up == []


async def test_a_bad_release_does_not_empty_a_topic_into_the_dead_letters(bench: Bench) -> None:
    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        raise ZeroDivisionError(given.generation)

    for number in range(60):
        await bench.send(number)
    async with bench.running(bench.worker(handle, concurrency=4)):
        await asyncio.sleep(8)
    assert len(bench.given_up) <= 8
    async with bench.running(bench.worker()):
        await until(lambda: len(bench.handled) + len(bench.given_up) == 60)


async def test_a_leaked_cancellation_is_a_failure_and_not_the_end(
    bench: Bench, dead_letters: str
) -> None:
    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        if given.generation == 1:
            raise asyncio.CancelledError
        return await bench.handle(given)

    for number in range(3):
        await bench.send(number, key="same")
    async with bench.running(bench.worker(handle)):
        await until(lambda: bench.handled == [0, 2])
    [letter] = await _read(bench, dead_letters, 1)
    assert dict(letter.headers)["ragline-delivery-attempts"] == b"3"
    assert await bench.committed() == 0


async def test_a_try_that_hangs_is_ended(bench: Bench) -> None:
    tries = 0

    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        nonlocal tries
        tries += 1
        if tries == 1:
            await asyncio.sleep(3600)
        return await bench.handle(given)

    await bench.send(1)
    worker = replace(bench.worker(handle), try_seconds=0.5)
    async with bench.running(worker):
        await until(lambda: bench.handled == [1])


async def test_a_record_in_work_at_a_crash_comes_again(bench: Bench) -> None:
    started: list[int] = []

    async def never_ends(given: AnswerGiven) -> Sequence[Outgoing]:
        started.append(given.generation)
        await asyncio.sleep(3600)
        return ()

    await bench.send(1)
    async with bench.running(bench.worker(never_ends), orderly=False):
        await until(lambda: started == [1])
    async with bench.running(bench.worker()):
        await until(lambda: bench.handled == [1])


async def test_what_was_complete_behind_an_open_record_is_not_executed_again(bench: Bench) -> None:
    async def one_never_ends(given: AnswerGiven) -> Sequence[Outgoing]:
        if given.generation == 0:
            await asyncio.sleep(3600)
        return await bench.handle(given)

    for number in range(200):
        await bench.send(number)
    async with bench.running(bench.worker(one_never_ends), orderly=False):
        await until(lambda: len(bench.handled) == 199)
        await until(lambda: bench.subscribers[0].intake.is_committed)
    for number in range(200, 210):
        await bench.send(number)
    async with bench.running(bench.worker()):
        await until(lambda: len(bench.handled) == 210)
    assert sorted(bench.handled) == list(range(210))
    assert await bench.committed() == 0


async def test_a_record_that_ends_its_worker_again_and_again_is_given_up(bench: Bench) -> None:
    began: list[int] = []

    async def ends_the_worker(given: AnswerGiven) -> Sequence[Outgoing]:
        began.append(given.generation)
        if given.generation == 0:
            await asyncio.sleep(3600)
        return await bench.handle(given)

    await bench.send(0)
    for deaths in range(MOST_DEATHS):
        for number in (10 * deaths + 1, 10 * deaths + 2):
            await bench.send(number)
        async with bench.running(bench.worker(ends_the_worker), orderly=False):
            await until(lambda: began.count(0) == deaths + 1)  # noqa: B023 - waited for in here
            if deaths >= SUSPICIOUS_DEATHS:
                await asyncio.sleep(0.5)
                assert began[-1] == 0  # it is alone
            await until(lambda: bench.subscribers[0].intake.is_committed)
    async with bench.running(bench.worker(ends_the_worker)):
        await until(lambda: len(set(bench.handled)) == 2 * MOST_DEATHS)
        await until(lambda: len(bench.given_up) == 1)
    number, failure = bench.given_up[0]
    assert (number, failure.code) == (0, "ends_its_worker")
    assert began.count(0) == MOST_DEATHS
    assert len(bench.handled) == 2 * MOST_DEATHS
    assert await bench.committed() == 0


async def test_ends_with_no_record_in_work_are_held_against_none(bench: Bench) -> None:
    await bench.send(0)
    for _ in range(MOST_DEATHS + 1):
        async with bench.running(bench.worker(), orderly=False):
            await until(lambda: bench.handled == [0])
            await until(lambda: bench.subscribers[0].intake.is_committed)
    for number in range(1, 5):
        await bench.send(number)
    async with bench.running(bench.worker()):
        await until(lambda: sorted(bench.handled) == [0, 1, 2, 3, 4])
    assert bench.given_up == []


async def test_a_worker_that_stops_during_a_rebalance_begins_nothing_more(bench: Bench) -> None:
    began, release, late = asyncio.Event(), asyncio.Event(), list[int]()

    async def waits(given: AnswerGiven) -> Sequence[Outgoing]:
        began.set()
        await release.wait()
        return await bench.handle(given)

    async def counted(given: AnswerGiven) -> Sequence[Outgoing]:
        if given.generation >= 100:
            late.append(given.generation)
        return await bench.handle(given)

    async with bench.running(bench.worker(waits)):
        async with bench.running(bench.worker(counted)):
            stops = bench.subscribers[0]
            for number in itertools.count():  # until one is of the other's partition
                await bench.send(number)
                if began.is_set():
                    break
                await asyncio.sleep(0.1)
            third = bench.running(bench.worker(waits))
            join = asyncio.create_task(third.__aenter__())
            # The rebalance that the third asks for waits for the record in work.
            await until(lambda: stops.intake.longest_silence > STUCK_SECONDS)
            stops.intake.close()  # as at the beginning of a stop, while a read may be under way
            for number in range(100, 120):
                await bench.send(number)
            release.set()
            await join
            await asyncio.sleep(1)
            assert late == []
            assert not set(range(100, 120)) <= set(bench.handled)  # its own wait for its end
        await until(lambda: set(range(100, 120)) <= set(bench.handled))
        await third.__aexit__(None, None, None)
    assert late == []


async def test_a_joining_and_a_leaving_worker_repeat_nothing(bench: Bench) -> None:
    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        await asyncio.sleep(0.05)
        return await bench.handle(given)

    for number in range(200):
        await bench.send(number)
    async with bench.running(bench.worker(handle, concurrency=4)):
        await until(lambda: len(bench.handled) > 20)
        async with bench.running(bench.worker(handle, concurrency=4)):
            await until(lambda: len(bench.handled) > 120)
        await until(lambda: len(set(bench.handled)) == 200)
    assert sorted(bench.handled) == list(range(200))


async def test_work_that_a_lease_guards_goes_on_through_a_rebalance(bench: Bench) -> None:
    ended: list[int] = []
    release = asyncio.Event()

    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        bench.handled.append(given.generation)
        if bench.handled.count(given.generation) == 1:
            await release.wait()
        ended.append(given.generation)
        return ()

    worker = replace(bench.worker(handle), drains_on_revoke=False)
    for number in range(4):
        await bench.send(number)
    async with bench.running(worker):
        await until(lambda: len(bench.handled) == 4)
        async with bench.running(worker):
            # What the other was given ends there; the first ones are not cancelled.
            await until(lambda: len(ended) > 0)
            release.set()
            await until(lambda: len(ended) == 8)
    assert sorted(ended) == [0, 0, 1, 1, 2, 2, 3, 3]


async def test_a_rebalance_that_waits_for_slow_work_is_not_a_stuck_process(bench: Bench) -> None:
    began = asyncio.Event()

    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        began.set()
        await asyncio.sleep(6)
        return await bench.handle(given)

    await bench.send(1)
    async with bench.running(bench.worker(handle)) as first:
        await began.wait()
        async with bench.running(bench.worker(handle)):
            assert bench.handled == [1]
            assert first.problem() is None
            await until(lambda: first.longest_silence == STUCK_SECONDS)
    assert await bench.committed() == 0


async def test_two_drains_at_once_are_one(bench: Bench) -> None:
    began = asyncio.Event()

    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        began.set()
        await asyncio.sleep(1)
        return await bench.handle(given)

    await bench.send(1)
    async with bench.running(bench.worker(handle)) as intake:
        await began.wait()
        await asyncio.gather(intake.drain(), intake.drain())
    assert bench.handled == [1]


async def test_a_header_without_a_value_does_not_stop_a_partition(bench: Bench) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bench.connection.servers)
    await producer.start()
    headers = cast("list[tuple[str, bytes]]", [("x", None)])
    acknowledged = await producer.send(
        bench.topic.name, encode(event(7)), key=b"k", headers=headers
    )
    await acknowledged
    await producer.stop()
    async with bench.running(bench.worker()):
        await until(lambda: bench.handled == [7])
    assert await bench.committed() == 0


async def test_a_stop_does_not_wait_for_what_only_waits(bench: Bench) -> None:
    tries = 0

    async def handle(_: AnswerGiven) -> Sequence[Outgoing]:
        nonlocal tries
        tries += 1
        raise StoreUnavailable

    await bench.send(1)
    async with bench.running(bench.worker(handle)):
        await until(lambda: tries >= 5)  # by now it waits for seconds between tries
        began = time.monotonic()
    assert time.monotonic() - began < 8
    assert await bench.committed() == 1


async def test_a_stop_ends_although_kafka_is_away(
    bench: Bench, kafka_server: EmbeddedKafka
) -> None:
    began, release = asyncio.Event(), asyncio.Event()

    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        began.set()
        await release.wait()
        return await bench.handle(given)

    await bench.send(1)
    async with bench.running(bench.worker(handle)) as intake:
        await began.wait()
        os.kill(kafka_server.pid, signal.SIGSTOP)
        try:
            release.set()
            async with asyncio.timeout(15):
                await intake.drain()
        finally:
            os.kill(kafka_server.pid, signal.SIGCONT)
            await _until_kafka_is_back(bench)


async def test_reading_goes_on_while_the_window_is_full(bench: Bench) -> None:
    release = asyncio.Event()

    async def handle(given: AnswerGiven) -> Sequence[Outgoing]:
        await release.wait()
        return await bench.handle(given)

    for number in range(100):
        await bench.send(number, key="one")
    async with bench.running(bench.worker(handle, concurrency=2)) as intake:
        await until(lambda: intake.open_records > 0)
        await asyncio.sleep(1)
        ticked = time.monotonic()
        assert intake.problem() is None
        release.set()
        await until(lambda: len(bench.handled) == 100)
        assert time.monotonic() - ticked < 15
    assert bench.handled == list(range(100))


async def _read(bench: Bench, topic: str, count: int) -> list[ConsumerRecord]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bench.connection.servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    found: list[ConsumerRecord] = []
    try:
        async with asyncio.timeout(20):
            while len(found) < count:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found.extend(records)
    finally:
        await consumer.stop()
    return found


async def _until_kafka_is_back(bench: Bench) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await bench.committed()
            except BrokerUnavailable:
                await asyncio.sleep(0.5)
            else:
                return
