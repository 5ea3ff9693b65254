"""What an answer says that a source says, word for word: whether the source does."""

import re
from collections.abc import Iterator

#: Less may be a name, a term or irony, and no quotation.
_FEWEST_CHARACTERS = 24
_FEWEST_WORDS = 4
_QUOTATION = re.compile(
    r"“([^“”]{24,})”|„([^„“”]{24,})[“”]|«([^«»]{24,})»|「([^「」]{8,})」|『([^『』]{8,})』"
    r'|(?<![\w"])"([^"]{24,})"(?!\w)'
)
#: Where whoever quotes leaves something out, or puts something in.
_LEFT_OUT = re.compile(r"\[[^\]]*\]|…|\.{3,}")
_WITHOUT_BLANKS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff]")
_ALIKE = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u00ad": "",
    }
)
_AT_ITS_ENDS = " \"'.,;:!?-"


def quotations_behind(text: str, start: int) -> list[str]:
    """Return what ``text`` quotes that ends behind ``start``; neither names nor terms."""
    found = [
        next(filter(None, match.groups()))
        for match in _QUOTATION.finditer(text)
        if match.end() > start
    ]
    return [quotation for quotation in found if _is_long(quotation)]


def occurs(quotation: str, text: str) -> bool:
    """Say whether ``text`` has these words in this order.

    Blanks, case, kinds of quotation marks and dashes do not matter, nor what stands at the ends;
    where something was left out, each part must occur, behind the one before it.
    """
    said, at = _plain(text), 0
    for part in _parts(quotation):
        at = said.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def _is_long(quotation: str) -> bool:
    if _WITHOUT_BLANKS.search(quotation):
        return True
    return len(quotation) >= _FEWEST_CHARACTERS and len(quotation.split()) >= _FEWEST_WORDS


def _parts(quotation: str) -> Iterator[str]:
    for part in _LEFT_OUT.split(quotation):
        plain = _plain(part).strip(_AT_ITS_ENDS)
        if plain:
            yield plain


def _plain(text: str) -> str:
    return " ".join(text.translate(_ALIKE).casefold().split())
