"""How an answer that a length limit cut goes on as if it had not been cut."""

from providers.chat.protocol import Message

_GO_ON = (
    "Your answer was cut off by a length limit. Continue it exactly where it stopped, as if there "
    "had been no interruption: do not repeat anything, do not apologise and do not introduce it."
)
#: What a model says twice at a seam is its last words, line or sentence.
_LONGEST_OVERLAP = 400
#: A shorter repetition may be meant: a rule of dashes, the cells of a table.
_SHORTEST_OVERLAP = 16
#: A run of more characters without a blank is no word that could have been cut: Chinese, base64.
_LONGEST_WORD = 40


def continued(messages: tuple[Message, ...], said: str) -> tuple[Message, ...]:
    """Return the messages that ask for the rest of an answer of which ``said`` is there."""
    if not said:
        return messages
    partial = Message(role="assistant", text=said)
    return (*messages, partial, Message(role="user", text=_GO_ON))


def overlap(said: str, more: str) -> int:
    """Return how many characters of ``more`` only repeat the end of ``said``.

    The longest repetition of at most 400 characters counts; one of fewer than 16, or without a
    letter, does not.
    """
    end = said.rstrip()[-_LONGEST_OVERLAP:]
    shift = len(more) - len(more.lstrip())
    text = more[shift:]
    for length in range(min(len(end), len(text)), _SHORTEST_OVERLAP - 1, -1):
        if end.endswith(text[:length]) and any(map(str.isalpha, text[:length])):
            return shift + length
    return 0


class Seam:
    """The pieces of one part of an answer, joined to what was said before it.

    What ``feed``, then ``end`` or ``cut``, return makes the answer, in this order.
    """

    def __init__(self, said: str = "", gap: str = "") -> None:
        self._said = said
        #: The blanks that stood between ``said`` and the word that was cut.
        self._gap = gap
        #: Text that is not decided yet: the start of a continuation, or a word that may be cut.
        self._held = ""
        self._is_joined = not said

    def feed(self, piece: str) -> str:
        """Take the next piece and return the text that is certain by now, perhaps none."""
        self._held += piece
        if not self._is_joined and len(self._held) < _LONGEST_OVERLAP:
            return ""
        self._join()
        return self._release()

    def end(self) -> str:
        """Return all that is left: the model stopped by itself."""
        self._join()
        left, self._held = self._held, ""
        return left

    def cut(self) -> tuple[str, str]:
        """Return what is left, without its last word, and the blanks before that word.

        The length limit may have cut the word in two; the continuation says it again.
        """
        self._join()
        left = self._release()
        return left, self._held[: len(self._held) - len(self._held.lstrip())]

    def _join(self) -> None:
        if self._is_joined:
            return
        self._is_joined = True
        repeated = overlap(self._said, self._held)
        self._held = self._held[repeated:]
        if not repeated and not self._held[:1].isspace():
            self._held = self._gap + self._held

    def _release(self) -> str:
        words = self._held.split()
        word = words[-1] if words and not self._held[-1].isspace() else ""
        whole = self._held
        if len(word) <= _LONGEST_WORD:
            whole = self._held[: len(self._held) - len(word)].rstrip()
        self._held = self._held[len(whole) :]
        return whole
