"""The names of chunking strategies."""

import pytest

from workers.chunker.core import InvalidChunkingStrategy, parse_strategy


@pytest.mark.parametrize(
    ("name", "size"), [("sentence_1", 1), ("sentence_5", 5), ("sentence_50", 50)]
)
def test_reads_how_many_sentences_a_chunk_has(name: str, size: int) -> None:
    assert parse_strategy(name) == size


@pytest.mark.parametrize(
    "name",
    [
        "",
        "sentence",
        "sentence_",
        "sentence_0",
        "sentence_05",
        "sentence_51",
        "sentence_100",
        "sentence_-5",
        "sentence_5 ",
        "sentence_5\n",
        "Sentence_5",
        "sentence_\u0665",
        "token_512",
    ],
)
def test_refuses_another_name_and_says_which_are_taken(name: str) -> None:
    with pytest.raises(InvalidChunkingStrategy) as refused:
        parse_strategy(name)
    assert repr(name) in str(refused.value)
    assert "sentence_N with N from 1 to 50" in str(refused.value)
    assert isinstance(refused.value, ValueError)
