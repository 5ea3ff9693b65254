"""Embeddings on this machine, by WordLlama: the twin of a remote provider."""

import asyncio
import importlib
import importlib.util
import logging
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from providers.embedding.batches import encodable, plan_batches, require_embeddable
from providers.embedding.cards import CARDS, LOCAL_DEFAULT
from providers.embedding.protocol import Embedded
from providers.measuring import measured

#: The package is part of the ``local`` extra alone, so it is imported by name when first used.
_PACKAGE = "wordllama"


class _Encoding(Protocol):
    @property
    def ids(self) -> list[int]: ...


class _Tokenizer(Protocol):
    def no_padding(self) -> None: ...

    def encode_batch_fast(
        self, texts: list[str], *, add_special_tokens: bool
    ) -> list[_Encoding]: ...


class _WordLlama(Protocol):
    tokenizer: _Tokenizer
    #: Shape (tokens of the vocabulary, dimensions).
    embedding: NDArray[np.float32]


class WordLlamaEmbedding:
    """Averages the word vectors of a text; needs no network, no key and no GPU.

    The same text gives the same vector bit for bit, whatever it is embedded together with.
    """

    card = CARDS[LOCAL_DEFAULT]
    is_local_twin = True

    def __init__(self) -> None:
        if importlib.util.find_spec(_PACKAGE) is None:
            raise Misconfigured(
                "The local embedding model is not installed: install ragline[local], or set "
                "OPENAI_API_KEY to embed with OpenAI."
            )
        # One thread: it loads the model once, and the tokenizer uses the other cores by itself.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=_PACKAGE)
        self._loaded: _WordLlama | None = None

    @measured("local", "embed")
    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Embed in a thread, in small batches; ``calls`` is 0, ``tokens`` are the model's own.

        Raises ``ProviderRefused`` for a blank or endless text.
        """
        require_embeddable(texts, self.card)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._embed, tuple(texts))

    async def close(self) -> None:
        """Wait for what is being embedded, then end the thread."""
        await asyncio.to_thread(self._thread.shutdown)

    def _embed(self, texts: Sequence[str]) -> Embedded:
        model = self._loaded = self._loaded or _load()
        vectors = np.empty((len(texts), self.card.dimensions), np.float32)
        tokens = 0
        for batch in plan_batches(texts, self.card.max_batch_inputs, self.card.max_batch_tokens):
            vectors[batch], counted = _average(model, texts[batch])
            tokens += counted
        return Embedded(vectors=vectors, tokens=tokens, calls=0)


def _load() -> _WordLlama:
    with _root_logger_kept():
        package = importlib.import_module(_PACKAGE)
    folder = Path(cast("str", package.__file__)).parent
    # The tokenizer is looked for under `cache_dir` alone; without this it would be downloaded.
    model = cast("_WordLlama", package.WordLlama.load(cache_dir=folder, disable_download=True))
    model.tokenizer.no_padding()
    return model


@contextmanager
def _root_logger_kept() -> Generator[None]:
    """Undo what the package does to the root logger when it is imported."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def _average(model: _WordLlama, texts: Sequence[str]) -> tuple[NDArray[np.float32], int]:
    """Return the unit vector of each text, and the tokens of all of them.

    The package pads the texts of a batch to the longest and multiplies the padding away; adding
    up each text's own rows gives the same direction at little more than half the cost.
    """
    encodings = model.tokenizer.encode_batch_fast(
        [encodable(text) for text in texts], add_special_tokens=False
    )
    lengths = [len(encoding.ids) for encoding in encodings]
    ids = np.concatenate([encoding.ids for encoding in encodings]).astype(np.int32)
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    sums = np.add.reduceat(model.embedding[ids], starts, axis=0)
    return sums / np.linalg.norm(sums, axis=1, keepdims=True), int(ids.size)
