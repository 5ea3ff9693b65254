"""The parts in which chunks travel."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.chunker.core import MAX_CHUNK_BYTES, Chunk, chunk_text, plan_parts


def chunk_of(ordinal: int, text: str) -> Chunk:
    return Chunk(
        ordinal=ordinal, page_first=1, page_last=1, char_start=0, char_end=len(text), text=text
    )


def test_a_document_without_chunks_has_no_parts() -> None:
    assert plan_parts([]) == []


def test_a_part_has_at_most_ninety_six_chunks() -> None:
    parts = plan_parts([chunk_of(number, "short") for number in range(200)])
    assert [len(part) for part in parts] == [96, 96, 8]


def test_a_part_has_at_most_256_kilobytes_of_json() -> None:
    chunks = chunk_text("word " * 400_000, [0])
    parts = plan_parts(chunks)
    assert max(len(part) for part in parts) < 96
    assert [chunk for part in parts for chunk in part] == chunks
    assert all(len(msgspec.json.encode(part)) <= 256 * 1024 for part in parts)


@pytest.mark.parametrize("character", ["\x00", '"', "字", "😀"])
def test_the_largest_chunk_fits_into_a_part(character: str) -> None:
    text = character * (MAX_CHUNK_BYTES // len(character.encode()))
    parts = plan_parts([chunk_of(number, text) for number in range(9)])
    assert all(len(msgspec.json.encode(part)) <= 256 * 1024 for part in parts)
    assert sum(len(part) for part in parts) == 9


def test_a_chunk_that_is_too_large_travels_alone() -> None:
    chunks = [chunk_of(0, "a"), chunk_of(1, "b" * 1_000), chunk_of(2, "c")]
    assert plan_parts(chunks, max_bytes=9_500) == [[chunks[0]], [chunks[1]], [chunks[2]]]


@settings(deadline=None)
@given(st.lists(st.text(max_size=300), max_size=40), st.integers(1, 20))
def test_keeps_the_chunks_in_order(texts: list[str], max_chunks: int) -> None:
    chunks = [chunk_of(number, text) for number, text in enumerate(texts)]
    parts = plan_parts(chunks, max_chunks=max_chunks, max_bytes=12_000)
    assert [chunk for part in parts for chunk in part] == chunks
    assert all(1 <= len(part) <= max_chunks for part in parts)
