"""The name of a chunking strategy, and what it asks for."""

import re

_SENTENCES = re.compile(r"sentence_([1-9][0-9]?)", re.ASCII)

#: More than fifty sentences never fit the length that a chunk may have.
MOST_SENTENCES = 50


class InvalidChunkingStrategy(ValueError):
    """The chunking strategy is none that the chunker knows."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} is not a chunking strategy: use sentence_N with N from 1 to "
            f"{MOST_SENTENCES}, for example sentence_5."
        )
        self.name = name


def parse_strategy(name: str) -> int:
    """Return how many sentences a chunk of this strategy has (``sentence_5`` gives 5).

    Raises:
        InvalidChunkingStrategy: the name is not ``sentence_N`` with N from 1 to 50.
    """
    found = _SENTENCES.fullmatch(name)
    if found is None or int(found[1]) > MOST_SENTENCES:
        raise InvalidChunkingStrategy(name)
    return int(found[1])
