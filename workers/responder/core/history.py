"""What the model is told of the conversation before the question."""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.responder.core.markers import without_markers

#: A conversation's past is background; the passages are what is answered from. About 3,000 tokens.
MAX_HISTORY_CHARACTERS = 12_000
#: What stays word for word when the past is condensed, so that this is not needed at every turn.
KEPT_CHARACTERS = 6_000


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A question of this conversation and its whole answer."""

    question: str
    answer: str
    #: The turn's place in its conversation, from 1.
    ordinal: int = 0


@dataclass(frozen=True, kw_only=True)
class Past:
    """A conversation before the question: its beginning in short, then word for word."""

    summary: str = ""
    #: The exchanges after those in the summary, the oldest first.
    exchanges: tuple[Exchange, ...] = ()
    #: How many exchanges between the two are too much to be read at all.
    unread: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether the question is the first."""
        return not (self.summary or self.exchanges or self.unread)

    @property
    def fits(self) -> bool:
        """Whether a prompt has room for all of it."""
        return not self.unread and len(select_history(self.exchanges)) == len(self.exchanges)


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
        kept.append(Exchange(question=exchange.question, answer=answer, ordinal=exchange.ordinal))
    return kept[::-1]
