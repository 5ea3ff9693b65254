"""The embedding models whose dimensions and default thresholds are known."""

from providers.embedding.protocol import ModelCard

OPENAI_DEFAULT = "text-embedding-3-small"
LOCAL_DEFAULT = "wordllama-256"

#: Least cosine similarity of context with OpenAI's models.
OPENAI_THRESHOLD = 0.4


def openai_card(name: str, dimensions: int) -> ModelCard:
    """Return a card with the limits that OpenAI documents for its ``/embeddings`` endpoint."""
    return ModelCard(
        name=name,
        dimensions=dimensions,
        default_threshold=OPENAI_THRESHOLD,
        max_input_tokens=8_192,
        max_batch_inputs=2_048,
        max_batch_tokens=300_000,
    )


CARDS = {
    card.name: card
    for card in (
        openai_card("text-embedding-3-small", 1_536),
        openai_card("text-embedding-3-large", 3_072),
        openai_card("text-embedding-ada-002", 1_536),
        ModelCard(
            name=LOCAL_DEFAULT,
            dimensions=256,
            # How both were measured: docs/reference/embedding-models.md.
            default_threshold=0.2,
            vector_weight=0.2,
            # The model averages word vectors and knows no limit; this one bounds memory, at
            # 1 kB a token.
            max_input_tokens=32_768,
            max_batch_inputs=64,
            max_batch_tokens=65_536,
        ),
    )
}


def is_local(name: str) -> bool:
    """Tell whether a model of this name runs in the process itself."""
    return name == LOCAL_DEFAULT
