"""What holds for every embedding model, the local twin and the real protocol alike."""

import asyncio

import numpy as np
import pytest

from contracts.errors import ProviderRefused
from providers.embedding.protocol import EmbeddingModel

#: Remote providers do not compute to the last bit.
TOLERANCE = 2e-3


@pytest.mark.asyncio
async def test_gives_a_unit_vector_for_each_text(embedding: EmbeddingModel) -> None:
    embedded = await embedding.embed(["one text", "another text", "and a third one"])
    assert embedded.vectors.shape == (3, embedding.card.dimensions)
    assert embedded.vectors.dtype == np.float32
    assert np.linalg.norm(embedded.vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)


@pytest.mark.asyncio
async def test_puts_like_texts_nearer_than_unlike_ones(embedding: EmbeddingModel) -> None:
    texts = ["A cat sleeps on the mat.", "The cat lay on a mat.", "Revenue grew by nine percent."]
    cat, same_cat, revenue = (await embedding.embed(texts)).vectors
    assert cat @ same_cat > cat @ revenue + 0.1


@pytest.mark.asyncio
async def test_gives_the_same_vector_whatever_a_text_is_embedded_with(
    embedding: EmbeddingModel,
) -> None:
    alone = (await embedding.embed(["the same text"])).vectors[0]
    among = (await embedding.embed(["short", "the same text", "a much longer text " * 40])).vectors
    assert among[1] == pytest.approx(alone, abs=TOLERANCE)


@pytest.mark.asyncio
async def test_keeps_the_order_of_many_texts(embedding: EmbeddingModel) -> None:
    texts = [f"Part {number} weighs {number * 7} grams." for number in range(300)]
    vectors = (await embedding.embed(texts)).vectors
    for place in (0, 63, 64, 299):
        alone = (await embedding.embed([texts[place]])).vectors[0]
        assert vectors[place] == pytest.approx(alone, abs=TOLERANCE)


@pytest.mark.asyncio
async def test_embeds_any_script_and_any_character(embedding: EmbeddingModel) -> None:
    texts = ["你好世界", "Ünïcödé", "🙂🙃", "a \x00 null", "a lone \ud800 surrogate", "x" * 5_000]
    vectors = (await embedding.embed(texts)).vectors
    assert np.isfinite(vectors).all()
    assert len({vector.tobytes() for vector in vectors}) == len(texts)


@pytest.mark.asyncio
async def test_embeds_no_texts_as_no_vectors(embedding: EmbeddingModel) -> None:
    embedded = await embedding.embed([])
    assert embedded.vectors.shape == (0, embedding.card.dimensions)
    assert (embedded.tokens, embedded.calls) == (0, 0)


@pytest.mark.asyncio
@pytest.mark.parametrize("blank", ["", " ", "\n\t "])
async def test_refuses_a_blank_text(embedding: EmbeddingModel, blank: str) -> None:
    with pytest.raises(ProviderRefused, match="without any words"):
        await embedding.embed(["a text", blank])


@pytest.mark.asyncio
async def test_refuses_a_text_that_is_far_too_long(embedding: EmbeddingModel) -> None:
    limit = embedding.card.max_input_tokens
    with pytest.raises(ProviderRefused, match=f"{limit:,} tokens that {embedding.card.name}"):
        await embedding.embed(["a text", "word " * limit])


@pytest.mark.asyncio
async def test_counts_tokens(embedding: EmbeddingModel) -> None:
    short = await embedding.embed(["a few words"])
    longer = await embedding.embed(["a few words more than before, and then some more"])
    assert 0 < short.tokens < longer.tokens


@pytest.mark.asyncio
async def test_serves_many_coroutines_at_once(embedding: EmbeddingModel) -> None:
    texts = [f"text number {number}" for number in range(8)]
    alone = [(await embedding.embed([text])).vectors[0] for text in texts]
    together = await asyncio.gather(*(embedding.embed([text]) for text in texts))
    for one, other in zip(alone, together, strict=True):
        assert other.vectors[0] == pytest.approx(one, abs=TOLERANCE)
