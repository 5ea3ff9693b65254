# ruff: noqa: RUF001 -- the signs that look alike are what this file is about
"""pysbd's English rules, as patterns whose cost is linear in the text.

Each pattern finds what pysbd's own finds, but for the ends of sentences of other scripts, which
stand beside those of English so that one set of rules serves mixed text. The patterns are written
differently: a literal comes before the lookbehind, so that the search can skip to it, and a
repetition that cannot end elsewhere is possessive (``*+``), so that nothing is tried twice.
"""

from typing import ClassVar, Final

from workers.chunker.core.library import English, Rule

#: What ends a sentence: in Latin script, Chinese and Japanese, Arabic and Urdu, Indic scripts,
#: Armenian, Ethiopic, Burmese.
SENTENCE_ENDS: Final = ".!?。．！？؟۔।॥։።။"

#: The characters that pysbd puts into a text for its own use, and loses where a text brings them.
MARKERS: Final = "∯∮♨☝ȸȹ☉☈☇☄♬♭ƪ♟♝☏✂⌬⎋ᓰᓱᓳᓴᓷᓸ"

_BEFORE_CAPITAL = r"(?=\s[A-Z])"


def _quoted(opening: str, closing: str) -> str:
    """Return the pattern of a quotation without a comma at its end and with a capital after it."""
    end = closing + _BEFORE_CAPITAL
    return rf"{opening}[^{closing}]++(?:{closing}{end}|(?<!,){end})|{opening}{closing}{end}"


class EnglishRules(English):
    """The rules that sentences are split by."""

    Punctuations: ClassVar = list(SENTENCE_ENDS)

    SENTENCE_BOUNDARY_REGEX: ClassVar = "|".join(
        (
            r"（[^）]*+）(?=\s?[A-Z])",
            rf"「[^」]*+」{_BEFORE_CAPITAL}",
            rf"\([^)]{{2,}}+\){_BEFORE_CAPITAL}",
            _quoted("'", "'"),
            _quoted('"', '"'),
            _quoted("“", "”"),
            r"[。．.！!?？ ]{2,}",
            rf"\S[^{SENTENCE_ENDS}ȸȹ☉☈☇☄]*+[{SENTENCE_ENDS}ȸȹ☉☈☇☄]",
            rf"[{SENTENCE_ENDS}]",
        )
    )
    CONTINUOUS_PUNCTUATION_REGEX: ClassVar = (
        r"(?:(?<=[^\s!?])|(?<=\s[!?])|(?<=\A[!?]))[!?]{3,}+(?=\s|\Z)"
    )
    #: pysbd's own takes exponential time on ``..[111 111 111 111 111 111 111 111]``.
    NUMBERED_REFERENCE_REGEX: ClassVar = (
        r"[.∯](?<=[^\d\s].)"
        r"((?:\[(?:\d++(?:,\s?-?\s?|\s-?\s?|-\s?))*(?<!\d)\d{1,3}\])+|(?:\d{1,3}\s?)?\d{1,3})"
        r"(\s)(?=[A-Z])"
    )
    KommanditgesellschaftRule: ClassVar = Rule(r"\.(?<=Co.)(?=\sKG)", "∯")
    GeoLocationRule: ClassVar = Rule(r"°\.(?<=[a-zA-z]..)(?=\s*+\d)", "°∯")
    FileFormatRule: ClassVar = Rule(
        English.FileFormatRule.pattern.replace(r"(?<=\s)\.", r"\.(?<=\s.)"), "∯"
    )

    class Abbreviation(English.Abbreviation):
        """The periods inside names and addresses; all of ``a.b.c``, where pysbd keeps the first."""

        WithMultiplePeriodsAndEmailRule: ClassVar = Rule(
            r"\.(?<=[a-zA-Z0-9_].)(?=[a-zA-Z0-9_])", "∮"
        )

    class SingleLetterAbbreviationRules(English.SingleLetterAbbreviationRules):
        """Initials."""

        All: ClassVar = [
            Rule(r"\A([A-Z])\.(?=\s)", r"\1∯"),
            Rule(r"\.(?<=\s[A-Z].)(?=,?\s)", "∯"),
        ]

    class Numbers(English.Numbers):
        """The periods of numbers, and after the number at the start of a line."""

        All: ClassVar = [
            Rule(r"\.(?=\d)", "∯"),
            Rule(r"\.(?<=\d.)(?=\S)", "∯"),
            Rule(r"\.(?<=\r\d.)(?=\s\S|\))", "∯"),
            Rule(r"\A(\d\d?)\.(?=\s\S|\))", r"\1∯"),
        ]

    class AmPmRules(English.AmPmRules):
        """Times of day at the end of a sentence."""

        All: ClassVar = [
            Rule(rf"∯(?<={half}.)(?=\s[A-Z])", ".") for half in (" P∯M", "A∯M", "p∯m", "a∯m")
        ]
