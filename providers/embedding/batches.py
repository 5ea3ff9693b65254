"""How texts are divided into requests of an embedding model."""

from collections.abc import Sequence

from contracts.errors import ProviderRefused
from providers.embedding.protocol import ModelCard

#: English prose has four to five characters a token, tables and code two to three.
_ASCII_CHARS_PER_TOKEN_AT_LEAST = 2
#: Longer on average is only a text made of long runs of blanks.
_BYTES_PER_TOKEN_AT_MOST = 4


def most_tokens(text: str) -> int:
    """Return a number of tokens that ``text`` hardly ever exceeds, without a tokenizer.

    A byte-level tokenizer never makes more tokens than the text has bytes of UTF-8; for scripts
    other than Latin that bound is taken as it is, for ASCII half of it.
    """
    non_ascii_bytes = len(text.encode("utf-8", "surrogatepass")) - len(text)
    if not non_ascii_bytes:
        return -(-len(text) // _ASCII_CHARS_PER_TOKEN_AT_LEAST)
    ascii_chars = sum(map(str.isascii, text))
    return -(-ascii_chars // _ASCII_CHARS_PER_TOKEN_AT_LEAST) + (
        len(text) + non_ascii_bytes - ascii_chars
    )


def least_tokens(text: str) -> int:
    """Return a number of tokens that ``text`` has at the very least, without a tokenizer."""
    return len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN_AT_MOST


def plan_batches(texts: Sequence[str], max_inputs: int, max_tokens: int) -> list[slice]:
    """Divide ``texts``, in their order, into the fewest slices that keep to both limits.

    Tokens are counted by ``most_tokens``; a text over ``max_tokens`` has a slice of its own.
    """
    batches: list[slice] = []
    start = tokens = 0
    for place, text in enumerate(texts):
        size = most_tokens(text)
        if place > start and (place - start >= max_inputs or tokens + size > max_tokens):
            batches.append(slice(start, place))
            start, tokens = place, 0
        tokens += size
    if start < len(texts):
        batches.append(slice(start, len(texts)))
    return batches


def require_embeddable(texts: Sequence[str], card: ModelCard) -> None:
    """Raise ``ProviderRefused`` for a blank text, or one surely longer than the model takes."""
    for text in texts:
        if not text.strip():
            raise ProviderRefused("A text without any words cannot be embedded.")
        if least_tokens(text) > card.max_input_tokens:
            raise ProviderRefused(
                f"A text of {len(text):,} characters is longer than the {card.max_input_tokens:,} "
                f"tokens that {card.name} takes; shorten it."
            )


def encodable(text: str) -> str:
    """Return ``text`` with lone surrogates, which UTF-8 cannot hold, as question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
