"""What the embedder decides: which texts still need a vector."""

import hashlib
from collections.abc import Collection, Iterable

from contracts.documents import ChunkText


def text_hash(text: str) -> bytes:
    """Return the SHA-256 of the text in UTF-8: the key under which its vector is kept."""
    return hashlib.sha256(text.encode()).digest()


def without_vector(chunks: Iterable[ChunkText], known: Collection[bytes]) -> dict[bytes, str]:
    """Return the texts to embed, each once, by their hash, in the order of the chunks."""
    texts = {text_hash(chunk.text): chunk.text for chunk in chunks}
    return {key: text for key, text in texts.items() if key not in known}
