"""What every embedding model offers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What is known of an embedding model."""

    name: str
    dimensions: int
    #: Cosine similarity below which a chunk is no context, found by measuring; a setting overrides.
    default_threshold: float
    #: What its ranking counts where the ranking by words counts 1, found by measuring.
    vector_weight: float = 1.0
    #: Longest text that one input may be, in tokens.
    max_input_tokens: int
    #: Bounds of one request.
    max_batch_inputs: int
    max_batch_tokens: int


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """Vectors in the order of the texts, and what they cost."""

    #: Shape (len(texts), dimensions), float32, each row of length 1.
    vectors: NDArray[np.float32]
    tokens: int
    calls: int


class EmbeddingModel(Protocol):
    """Turns texts into unit vectors; questions and chunks use the same one."""

    @property
    def card(self) -> ModelCard:
        """Name, dimensions, default threshold and limits."""
        ...

    @property
    def is_local_twin(self) -> bool:
        """Whether this serves one machine in place of the real provider."""
        ...

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Embed any number of non-blank texts, in as few provider calls as the limits allow.

        Raises ``ProviderUnauthorized``, ``ProviderRefused``, ``ProviderBusy`` (with
        ``retry_after`` where the provider said it) or ``ProviderUnavailable``.
        """
        ...

    async def close(self) -> None:
        """Release connections and threads."""
        ...
