from typing import ClassVar

from pysbd.abbreviation_replacer import AbbreviationReplacer as _AbbreviationReplacer
from pysbd.utils import Rule

class _Rules:
    All: ClassVar[list[Rule]]

class English:
    Punctuations: ClassVar[list[str]]
    SENTENCE_BOUNDARY_REGEX: ClassVar[str]
    CONTINUOUS_PUNCTUATION_REGEX: ClassVar[str]
    NUMBERED_REFERENCE_REGEX: ClassVar[str]
    GeoLocationRule: ClassVar[Rule]
    FileFormatRule: ClassVar[Rule]
    KommanditgesellschaftRule: ClassVar[Rule]

    class Abbreviation:
        ABBREVIATIONS: ClassVar[list[str]]
        PREPOSITIVE_ABBREVIATIONS: ClassVar[list[str]]
        NUMBER_ABBREVIATIONS: ClassVar[list[str]]
        WithMultiplePeriodsAndEmailRule: ClassVar[Rule]

    class AbbreviationReplacer(_AbbreviationReplacer):
        SENTENCE_STARTERS: ClassVar[list[str]]

    class SingleLetterAbbreviationRules(_Rules): ...
    class Numbers(_Rules): ...
    class AmPmRules(_Rules): ...
    class SubSymbolsRules(_Rules): ...
    class ReinsertEllipsisRules(_Rules): ...
    class EllipsisRules(_Rules): ...
