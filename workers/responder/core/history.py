"""What the model is told of the conversation before the question."""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.responder.core.markers import without_markers

#: A conversation's past is background; the passages are what is answered from.
MAX_HISTORY_CHARACTERS = 12_000


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A question of this conversation and its whole answer."""

    question: str
    answer: str


def select_history(
    exchanges: Sequence[Exchange], max_characters: int = MAX_HISTORY_CHARACTERS
) -> list[Exchange]:
    """Return the latest exchanges that fit, in their order; an exchange is in whole or not at all.

    Numbers of citations are taken out of the answers: they number passages of another prompt.
    """
    kept: list[Exchange] = []
    room = max_characters
    for exchange in reversed(exchanges):
        answer = without_markers(exchange.answer)
        room -= len(exchange.question) + len(answer)
        if room < 0:
            break
        kept.append(Exchange(question=exchange.question, answer=answer))
    return kept[::-1]
