"""What holds for the local embedding model alone."""

import logging

import numpy as np
import pytest

from providers.embedding.local import WordLlamaEmbedding


@pytest.mark.asyncio
async def test_gives_a_vector_that_is_the_same_bit_for_bit_in_any_batch() -> None:
    model = WordLlamaEmbedding()
    texts = [f"{'word ' * (number % 50)}number {number}" for number in range(200)]
    together = (await model.embed(texts)).vectors
    alone = np.concatenate([(await model.embed([text])).vectors for text in texts])
    await model.close()
    assert together.tobytes() == alone.tobytes()


@pytest.mark.asyncio
async def test_leaves_the_logging_of_the_process_alone() -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    model = WordLlamaEmbedding()
    await model.embed(["a text"])
    await model.close()
    assert (root.handlers, root.level) == before


def test_is_known_as_the_twin_it_is() -> None:
    assert WordLlamaEmbedding.is_local_twin
    assert WordLlamaEmbedding.card.name == "wordllama-256"
    assert WordLlamaEmbedding.card.dimensions == 256
