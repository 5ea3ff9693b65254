"""How texts are divided into requests."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ProviderRefused
from providers.embedding.batches import (
    encodable,
    least_tokens,
    most_tokens,
    plan_batches,
    require_embeddable,
)
from providers.embedding.cards import CARDS

TEXTS = st.lists(st.text(max_size=60), max_size=40)


@given(TEXTS, st.integers(1, 9), st.integers(1, 90))
def test_keeps_every_text_in_order_and_both_limits(
    texts: list[str], max_inputs: int, max_tokens: int
) -> None:
    batches = plan_batches(texts, max_inputs, max_tokens)
    assert [text for batch in batches for text in texts[batch]] == texts
    for batch in batches:
        assert 1 <= len(texts[batch]) <= max_inputs
        assert len(texts[batch]) == 1 or sum(map(most_tokens, texts[batch])) <= max_tokens


@given(TEXTS, st.integers(1, 9), st.integers(1, 90))
def test_never_begins_a_batch_before_the_last_one_is_full(
    texts: list[str], max_inputs: int, max_tokens: int
) -> None:
    batches = plan_batches(texts, max_inputs, max_tokens)
    for batch, following in pairwise(batches):
        longer = texts[batch.start : following.start + 1]
        assert len(longer) > max_inputs or sum(map(most_tokens, longer)) > max_tokens


@given(st.text())
def test_estimates_stand_in_their_order(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    assert least_tokens(text) <= most_tokens(text) <= size


def test_counts_scripts_other_than_latin_by_their_bytes() -> None:
    assert most_tokens("word") == 2
    assert most_tokens("你好") == 6
    assert most_tokens("ab你") == 4


def test_refuses_only_what_is_surely_too_long() -> None:
    card = CARDS["text-embedding-3-small"]
    require_embeddable(["x" * 32_768], card)
    with pytest.raises(ProviderRefused, match="8,192 tokens"):
        require_embeddable(["x" * 32_772], card)


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert encodable("a\ud800b") == "a?b"
    assert encodable("ünï 你好 🙂") == "ünï 你好 🙂"
