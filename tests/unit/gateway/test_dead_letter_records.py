"""Whatever is in a dead letter, it can be kept: one that could not would stop all others."""

import uuid
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from contracts import delivery_headers as names
from contracts.codec import encode
from contracts.documents import DocumentChunked
from contracts.ids import DocumentId, JobId, TenantId
from gateway.dead_letters.records import MOST, read_record

OUR_HEADERS = sorted(
    value
    for name, value in vars(names).items()
    if name.isupper() and name not in {"ORIGIN", "PREFIX"}
)
ODD = st.one_of(
    st.binary(max_size=40),
    st.integers().map(lambda number: str(number).encode()),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat().encode()),
    st.sampled_from([b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-14:00", b"\x00"]),
)


def a_record(headers: list[tuple[str, bytes]], **changes: Any) -> ConsumerRecord:
    record: Any = ConsumerRecord.__new__(ConsumerRecord)
    facts = {
        "topic": "parser.dlq.v1",
        "partition": 0,
        "offset": 7,
        "timestamp": 1_700_000_000_000,
        "key": b"key",
        "value": b"value",
        "headers": headers,
    }
    for name, fact in (facts | changes).items():
        object.__setattr__(record, name, fact)
    return cast("ConsumerRecord", record)


@given(
    st.lists(st.tuples(st.one_of(st.sampled_from(OUR_HEADERS), st.text(max_size=9)), ODD)),
    st.one_of(st.none(), st.binary(max_size=40)),
    st.one_of(st.none(), st.binary(max_size=40)),
    st.integers(-(2**63), 2**63 - 1),
)
def test_any_record_can_be_kept(
    headers: list[tuple[str, bytes]], key: bytes | None, value: bytes | None, timestamp: int
) -> None:
    kept = read_record(a_record(headers, key=key, value=value, timestamp=timestamp))
    texts = [kept.code, kept.reason, kept.worker_version, kept.origin_topic or ""]
    texts += [name for name, _ in kept.headers]
    assert all("\0" not in text for text in texts)
    numbers = [kept.attempts, kept.redrives, kept.origin_partition or 0]
    assert all(0 <= number <= MOST for number in numbers)
    for moment in (kept.recorded_at, kept.first_failure, kept.last_failure):
        assert moment.astimezone(UTC) == moment
    assert (kept.key, kept.value) == (key, value)
    assert [value for _, value in kept.headers] == [value for _, value in headers]


def test_a_record_without_headers_of_ours_says_what_is_unknown() -> None:
    kept = read_record(a_record([]))
    assert (kept.consumer_group, kept.code, kept.worker_version) == ("parser", "unknown", "unknown")
    assert kept.first_failure == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_a_redriven_record_keeps_its_own_headers_and_its_origin() -> None:
    headers = [(name, b"x") for name in OUR_HEADERS] + [("ce_id", b"\xff")]
    redriven = names.redriven_headers(headers, redrives=2)
    assert redriven == {
        "ce_id": b"\xff",
        names.GENERATION: b"x",
        names.REPLAY: b"x",
        names.REDRIVES: b"2",
        **dict.fromkeys(names.ORIGIN, b"x"),
    }


@pytest.mark.parametrize(
    ("version", "header", "expected"),
    [
        (3, [], (3, 7)),
        (3, [(names.GENERATION, b"9")], (3, 9)),
        (2**40, [], (None, 7)),
        (-1, [], (None, 7)),
    ],
)
def test_a_record_tells_its_version_and_generation_where_a_column_takes_them(
    version: int, header: list[tuple[str, bytes]], expected: tuple[int | None, int]
) -> None:
    event = DocumentChunked(
        tenant_id=TenantId(uuid.uuid4()),
        document_id=DocumentId(uuid.uuid4()),
        version=version,
        job_id=JobId(uuid.uuid4()),
        generation=7,
        part=0,
        part_count=1,
        chunks_total=1,
        strategy="sentence_5",
        chunks=(),
    )
    kept = read_record(a_record(header, topic="embedder.dlq.v1", value=encode(event)))
    assert (kept.version, kept.generation) == expected
    uploaded = read_record(a_record(header))
    assert (uploaded.version, uploaded.generation) == (None, None)
