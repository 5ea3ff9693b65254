"""The periods of abbreviations, found in one pass.

pysbd searches the text once for each of its 190 abbreviations and compiles a pattern for each
that occurs. Here the word before a period is looked up instead.
"""

import re
from typing import Final

from typing_extensions import override

from workers.chunker.core.library import AbbreviationReplacer
from workers.chunker.core.rules import EnglishRules

_LONGEST = max(map(len, EnglishRules.Abbreviation.ABBREVIATIONS))
_PERIOD: Final = re.compile(r"\.(?=[\s.:?,-])")

# What must follow the period of a title, of a word for a number, and of any other abbreviation.
_TITLE: Final = re.compile(r"\s|:\d")
_NUMBER: Final = re.compile(r"\s\d|\s+\(")
_OTHER: Final = re.compile(r"[.:?,-]|\s(?:[a-z\d(]|I\s|I'm|I'll)")

_FOLLOWERS: Final = {
    **dict.fromkeys(EnglishRules.Abbreviation.ABBREVIATIONS, _OTHER),
    **dict.fromkeys(EnglishRules.Abbreviation.NUMBER_ABBREVIATIONS, _NUMBER),
    **dict.fromkeys(EnglishRules.Abbreviation.PREPOSITIVE_ABBREVIATIONS, _TITLE),
}
_HAS_SEVERAL_PERIODS: Final = re.compile(r"\.(?<=[a-zA-Z].)(?=[a-zA-Z]\.)")
_SEVERAL_PERIODS: Final = re.compile(r"\b[a-z](?:\.[a-z])++\.", re.IGNORECASE)
_STARTERS: Final = "|".join(EnglishRules.AbbreviationReplacer.SENTENCE_STARTERS)
_AT_THE_END: Final = re.compile(
    rf"(U∯S|U\.S|U∯K|E∯U|E\.U|U∯S∯A|U\.S\.A|I|i.v|I.V)∯(?=\s(?:{_STARTERS})\s)"
)


class OnePassAbbreviations(AbbreviationReplacer):
    """pysbd's abbreviation rules at a cost that is linear in the text."""

    @override
    def search_for_abbreviations_in_string(self, text: str) -> str:
        """Return the text with its abbreviations' periods marked."""
        return _PERIOD.sub(_mark, text)

    @override
    def replace_multi_period_abbreviations(self) -> None:
        """Mark the periods of abbreviations such as U.S.A."""
        if _HAS_SEVERAL_PERIODS.search(self.text):
            self.text = _SEVERAL_PERIODS.sub(lambda found: found[0].replace(".", "∯"), self.text)

    @override
    def replace_abbreviation_as_sentence_boundary(self) -> str:
        """Return the text with the periods restored that also end a sentence."""
        return _AT_THE_END.sub(r"\1.", self.text) if "∯" in self.text else self.text


def _mark(period: re.Match[str]) -> str:
    """Return the mark for the period of an abbreviation, and any other period as it is."""
    text, place = period.string, period.start()
    # One character more than an abbreviation has: a longer word's end is none.
    word = text[max(0, place - _LONGEST - 1) : place]
    if not word or word[-1].isspace():
        return "."
    follower = _FOLLOWERS.get(word.split()[-1].lower())
    return "∯" if follower and follower.match(text, place + 1) else "."
