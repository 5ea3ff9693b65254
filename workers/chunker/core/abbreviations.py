"""The periods of abbreviations, found in one pass.

pysbd searches the text once for each of its 190 abbreviations and compiles a pattern for each
that occurs. Here the word before a period is looked up instead.
"""

import re
from typing import Final

from workers.chunker.core.library import AbbreviationReplacer
from workers.chunker.core.rules import EnglishRules

_LONGEST = max(map(len, EnglishRules.Abbreviation.ABBREVIATIONS))
_WORD_AND_PERIOD = re.compile(rf"(?<!\S)(\S{{1,{_LONGEST}}}?)\.(?=[\s.:?,-])")

# What must follow the period of a title, of a word for a number, and of any other abbreviation.
_TITLE: Final = re.compile(r"\s|:\d")
_NUMBER: Final = re.compile(r"\s\d|\s+\(")
_OTHER: Final = re.compile(r"[.:?,-]|\s(?:[a-z\d(]|I\s|I'm|I'll)")

_FOLLOWERS: Final = {
    **dict.fromkeys(EnglishRules.Abbreviation.ABBREVIATIONS, _OTHER),
    **dict.fromkeys(EnglishRules.Abbreviation.NUMBER_ABBREVIATIONS, _NUMBER),
    **dict.fromkeys(EnglishRules.Abbreviation.PREPOSITIVE_ABBREVIATIONS, _TITLE),
}
_SEVERAL_PERIODS: Final = re.compile(r"\b[a-z](?:\.[a-z])++\.", re.IGNORECASE)
_STARTERS: Final = "|".join(EnglishRules.AbbreviationReplacer.SENTENCE_STARTERS)
_AT_THE_END: Final = re.compile(
    rf"(U∯S|U\.S|U∯K|E∯U|E\.U|U∯S∯A|U\.S\.A|I|i.v|I.V)∯(?=\s(?:{_STARTERS})\s)"
)


class OnePassAbbreviations(AbbreviationReplacer):
    """pysbd's abbreviation rules at a cost that is linear in the text."""

    def search_for_abbreviations_in_string(self, text: str) -> str:
        """Return the text with its abbreviations' periods marked."""
        return _WORD_AND_PERIOD.sub(_mark, text)

    def replace_multi_period_abbreviations(self) -> None:
        """Mark the periods of abbreviations such as U.S.A."""
        self.text = _SEVERAL_PERIODS.sub(lambda found: found[0].replace(".", "∯"), self.text)

    def replace_abbreviation_as_sentence_boundary(self) -> str:
        """Return the text with the periods restored that also end a sentence."""
        return _AT_THE_END.sub(r"\1.", self.text) if "∯" in self.text else self.text


def _mark(found: re.Match[str]) -> str:
    follower = _FOLLOWERS.get(found[1].lower())
    if follower is None or not follower.match(found.string, found.end()):
        return found[0]
    return f"{found[1]}∯"
