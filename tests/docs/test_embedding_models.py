"""The page about embedding models says what the code does."""

from pathlib import Path

import pytest

from providers.embedding.cards import CARDS
from providers.embedding.protocol import ModelCard

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "embedding-models.md"


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.name)
def test_every_known_model_has_a_row(card: ModelCard) -> None:
    cells = [
        f"{card.dimensions:,}",
        f"{card.default_threshold}",
        f"{card.vector_weight:g}",
        f"{card.max_input_tokens:,} tokens",
        f"{card.max_batch_inputs:,} inputs, {card.max_batch_tokens:,} tokens",
    ]
    (row,) = (line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{card.name}`"))
    assert row.endswith(f"| {' | '.join(cells)} |")
