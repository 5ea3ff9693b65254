# ruff: noqa: RUF001 -- the signs that look alike are what this file is about
"""pysbd's way from a line to its sentences, with the linear rules and without needless passes."""

import re
from typing import Final

from typing_extensions import override

from workers.chunker.core.abbreviations import OnePassAbbreviations
from workers.chunker.core.library import ExclamationWords, ListItemReplacer, Processor, Text
from workers.chunker.core.listing import break_lists
from workers.chunker.core.quotations import mark_quotations
from workers.chunker.core.rules import SENTENCE_ENDS, EnglishRules

_HAS_END = re.compile(f"[{SENTENCE_ENDS}]")
_HAS_ELLIPSIS = re.compile(r"\.\s?\.")
_REFERENCE = re.compile(EnglishRules.NUMBERED_REFERENCE_REGEX)
_BOUNDARY = re.compile(EnglishRules.SENTENCE_BOUNDARY_REGEX)
_PAREN_AFTER_QUOTE = re.compile(r'\((?<=["”]\s.)')
_PAREN_BEFORE_QUOTE = re.compile(r'\)\s["“]')
_QUOTE_BEFORE_CAPITAL = re.compile(r"\s(?<=[!?.\-][\"'“”].)(?=[A-Z])")

#: What pysbd's marks stand for.
_MEANINGS: Final = {
    rule.pattern: rule.replacement
    for rule in (*EnglishRules.SubSymbolsRules.All, *EnglishRules.ReinsertEllipsisRules.All)
}
_MARK = re.compile("|".join(_MEANINGS))


def split_line(line: str) -> list[str]:
    """Return the sentences of a line, in order; all that is dropped between them is blank."""
    return LinearProcessor(line, EnglishRules).process()


class LinearProcessor(Processor):
    """pysbd's processor at a cost that is linear in the text."""

    @override
    def process(self) -> list[str]:
        """Return the sentences of the text."""
        self.text = break_lists(self.text)
        if "." in self.text:
            self.replace_abbreviations()
            self.replace_numbers()
        if _is_loud(self.text):
            self.replace_continuous_punctuation()
        self.text = _REFERENCE.sub("∯\\1\r\\2", self.text)
        if "." in self.text:
            self.text = Text(self.text).apply(
                self.lang.Abbreviation.WithMultiplePeriodsAndEmailRule,
                self.lang.GeoLocationRule,
                self.lang.FileFormatRule,
            )
        return self.split_into_segments()

    @override
    def replace_abbreviations(self) -> None:
        """Mark the periods of abbreviations."""
        self.text = OnePassAbbreviations(self.text, self.lang).replace()

    @override
    def split_into_segments(self) -> list[str]:
        """Return the sentences of a text in which all periods that end none are marked."""
        self.check_for_parens_between_quotes()
        return [
            sentence
            for line in self.text.split("\r")
            for marked in self.check_for_punctuation(self._mark_ellipses(line))
            for sentence in _restore(marked)
        ]

    @override
    def check_for_parens_between_quotes(self) -> None:
        """Break the line around what stands in parentheses between two quotations."""
        opening = _PAREN_AFTER_QUOTE.search(self.text)
        if opening is None:
            return
        closings = [found.end() for found in _PAREN_BEFORE_QUOTE.finditer(self.text, opening.end())]
        if closings:
            start, end = opening.start() - len('" '), closings[-1]
            between = re.sub(r"\s(?=\()", "\r", self.text[start:end])
            between = re.sub(r"(?<=\))\s", "\r", between)
            self.text = self.text[:start] + between + self.text[end:]

    @override
    def check_for_punctuation(self, txt: str) -> list[str]:
        """Return the sentences of a line, still marked."""
        return self.process_text(txt) if _HAS_END.search(txt) else [txt]

    @override
    def process_text(self, txt: str) -> list[str]:
        """Return the sentences of a line that has an end of a sentence, still marked."""
        if txt[-1] not in SENTENCE_ENDS:
            txt += "ȸ"
        loud = _is_loud(txt)
        if loud:
            txt = ExclamationWords.apply_rules(txt)
        txt = mark_quotations(txt)
        if loud:
            txt = self._mark_loud_ends(txt)
        if "(" in txt:
            txt = ListItemReplacer(txt).replace_parens()
        if txt.endswith("&ᓴ&"):
            txt = txt.removesuffix("&ᓴ&") + "!"
        return [found[0] for found in _BOUNDARY.finditer(txt)]

    def _mark_loud_ends(self, text: str) -> str:
        if not re.match(self.lang.DoublePunctuationRules.DoublePunctuation, text):
            text = Text(text).apply(*self.lang.DoublePunctuationRules.All)
        return Text(text).apply(
            self.lang.QuestionMarkInQuotationRule, *self.lang.ExclamationPointRules.All
        )

    def _mark_ellipses(self, text: str) -> str:
        if not _HAS_ELLIPSIS.search(text):
            return text
        return Text(text).apply(*self.lang.EllipsisRules.All)


def _is_loud(text: str) -> bool:
    """Tell whether there are exclamation or question marks, or clicks that look like them."""
    return "!" in text or "?" in text or "ǃ" in text


def _restore(marked: str) -> list[str]:
    """Return a sentence as the text has it; two where a quotation ends before a capital."""
    if marked.isascii():
        return _QUOTE_BEFORE_CAPITAL.split(marked)
    sentence = _MARK.sub(lambda found: _MEANINGS[found[0]], marked)
    return [part.replace("&⎋&", "'") for part in _QUOTE_BEFORE_CAPITAL.split(sentence)]
