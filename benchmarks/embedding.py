"""Embeddings on this machine, against the bare model: ``python -m benchmarks.embedding``.

The reference is WordLlama's own ``embed`` with its texts sorted by length, as it is fastest. Both
embed the chunks of the same prose, in turns.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.corpus import prose
from benchmarks.report import Report, benchmark
from contracts.text import join_pages
from providers.embedding.local import WordLlamaEmbedding
from workers.chunker.core import chunk_text

_ROUNDS = 5
_BARE_BATCH = 64


async def measure(report: Report) -> None:
    """Embed the same chunks in turns, and see that both find the same directions."""
    texts = _chunks(report.size(2_000_000, 100_000))
    bare, model = _load_bare(), WordLlamaEmbedding()
    reference = _embed_sorted(bare, texts)
    vectors = (await model.embed(texts)).vectors
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(_ROUNDS):
        began = process_time()
        _embed_sorted(bare, texts)
        between = process_time()
        await model.embed(texts)
        theirs.append(between - began)
        ours.append(process_time() - between)
    await model.close()
    alike = float(np.min(np.sum(vectors * reference, axis=1)))
    report.figure("bare wordllama, length-sorted", len(texts) / median(theirs), unit="per CPU-s")
    report.figure("ours", len(texts) / median(ours), unit="chunks per CPU-s")
    report.figure("chunks per CPU-s, ours / bare", median(theirs) / median(ours), least=0.9)
    report.figure("least cosine similarity of the two vectors of a chunk", alike, least=0.999)


def _chunks(characters: int) -> list[str]:
    text, starts = join_pages([prose(1, characters)])
    return [chunk.text for chunk in chunk_text(text, starts)]


def _load_bare() -> Any:
    package: Any = importlib.import_module("wordllama")
    folder = Path(package.__file__).parent
    return package.WordLlama.load(cache_dir=folder, disable_download=True)


def _embed_sorted(model: Any, texts: Sequence[str]) -> NDArray[np.float32]:
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    embedded: NDArray[np.float32] = model.embed(
        [texts[index] for index in order], norm=True, batch_size=_BARE_BATCH
    )
    vectors = np.empty_like(embedded)
    vectors[order] = embedded
    return vectors


if __name__ == "__main__":
    benchmark("embedding", measure)
