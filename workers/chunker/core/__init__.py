"""How a parsed text becomes chunks, without any input or output."""

from contracts.text import join_pages
from workers.chunker.core.chunks import Chunk, PageText
from workers.chunker.core.cutting import MAX_CHUNK_BYTES
from workers.chunker.core.grouping import MAX_CHUNK_CHARS, chunk_text, group_sentences
from workers.chunker.core.parts import plan_parts
from workers.chunker.core.sentences import split_sentences
from workers.chunker.core.strategy import InvalidChunkingStrategy, parse_strategy

__all__ = [
    "MAX_CHUNK_BYTES",
    "MAX_CHUNK_CHARS",
    "Chunk",
    "InvalidChunkingStrategy",
    "PageText",
    "chunk_text",
    "group_sentences",
    "join_pages",
    "parse_strategy",
    "plan_parts",
    "split_sentences",
]
