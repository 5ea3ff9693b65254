"""Which sentences of the passages answer a question best, by the words they share."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from providers.chat.protocol import Passage

MOST_QUOTES = 3
#: A further sentence is quoted when it is at least this good, measured by the best one.
_SHARE_OF_THE_BEST = 0.6
#: A stretch without the end of a sentence is quoted in pieces of this length.
_LONGEST_QUOTE = 500
#: Headings and questions share words with the question and do not answer it.
_WEIGHT_OF_A_NON_STATEMENT = 0.5
#: Passages come ranked: the last one counts this much less than the first.
_LOSS_OF_THE_LAST_PASSAGE = 0.2
#: Between equally good sentences the earlier one wins.
_LOSS_OF_THE_LAST_SENTENCE = 0.05

_BETWEEN_SENTENCES = re.compile(
    r"(?<=[.!?])\s+(?=[\"'\u201c\u2018(\[]*[^\W_a-z])"
    r"|(?<=[.!?][\"'\u201d\u2019)\]])\s+"
    r"|(?<=[\u3002\uff01\uff1f])"
    r"|\s*\n\s*\n\s*"
)
_PIECE = re.compile(rf"\S.{{0,{_LONGEST_QUOTE - 1}}}(?=\s|$)|\S{{{_LONGEST_QUOTE}}}", re.DOTALL)
_ENDS = tuple(".!\u3002\uff01\"'\u201d\u2019)]:;")
_WORD = re.compile(r"[^\W_]+")
_WITHOUT_BLANKS = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_SUFFIXES = ("ings", "ing", "ies", "ed", "es", "ly", "s", "e", "y")
_SHORTEST_STEM = 3
_STOP_WORDS = frozenset(
    _WORD.findall(
        "a about after all also an and any are as at be been before but by can could did do "
        "does each every for from had has have he her his how i if in into is it its many may "
        "me more most much my no not of on one or our out over shall she should so some such "
        "than that the their them then there these they this those through to under up was we "
        "were what when where which while who whom whose why will with would you your"
    )
)


@dataclass(frozen=True, kw_only=True)
class Quote:
    """A sentence of the passage numbered ``index``, letter for letter."""

    index: int
    text: str


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    quote: Quote
    words: frozenset[str]
    #: Share of the score that its place and form leave it.
    weight: float


def best_quotes(question: str, passages: Sequence[Passage]) -> list[Quote]:
    """Return one to three sentences that answer the question best, the best first.

    A sentence's score is the inverse document frequency, over all sentences, of the content words
    that it shares with the question; ranked passages, early sentences and statements win. Each
    quote is a substring of its passage. Without passages there are none; when no word is shared,
    the first sentence of the first passage is quoted.
    """
    candidates = list(_candidates(passages))
    if not candidates:
        return []
    wanted = content_words(question)
    rarity = _rarity(wanted, candidates)
    scored = sorted(
        (
            (_score(candidate, rarity), -place, candidate)
            for place, candidate in enumerate(candidates)
        ),
        key=lambda item: item[:2],
        reverse=True,
    )
    best = scored[0][0]
    if best == 0:
        return [candidates[0].quote]
    good = [candidate for score, _, candidate in scored if score >= best * _SHARE_OF_THE_BEST]
    return _distinct(good)[:MOST_QUOTES]


def split_sentences(text: str) -> list[str]:
    """Return the sentences of ``text``, each a substring of at most 500 characters."""
    spans: list[str] = []
    start = 0
    for gap in _BETWEEN_SENTENCES.finditer(text):
        spans.append(text[start : gap.start()])
        start = gap.end()
    spans.append(text[start:])
    return [piece.rstrip() for span in spans for piece in _PIECE.findall(span.strip())]


def content_words(text: str) -> frozenset[str]:
    """Return the stems of the words that carry meaning; pairs of letters where no blanks are."""
    words: set[str] = set()
    for word in _WORD.findall(text.casefold()):
        if _WITHOUT_BLANKS.search(word):
            words.update(word[at : at + 2] for at in range(max(1, len(word) - 1)))
        elif word not in _STOP_WORDS:
            words.add(_stem(word))
    return frozenset(words)


def _candidates(passages: Sequence[Passage]) -> Iterator[_Candidate]:
    for rank, passage in enumerate(passages):
        sentences = split_sentences(passage.text)
        for place, sentence in enumerate(sentences):
            weight = 1 - _LOSS_OF_THE_LAST_PASSAGE * rank / len(passages)
            weight -= _LOSS_OF_THE_LAST_SENTENCE * place / len(sentences)
            if not sentence.endswith(_ENDS):
                weight *= _WEIGHT_OF_A_NON_STATEMENT
            yield _Candidate(
                quote=Quote(index=passage.index, text=sentence),
                words=content_words(sentence),
                weight=weight,
            )


def _rarity(wanted: frozenset[str], candidates: Sequence[_Candidate]) -> dict[str, float]:
    counted = Counter(word for candidate in candidates for word in candidate.words & wanted)
    return {word: math.log(1 + len(candidates) / count) for word, count in counted.items()}


def _score(candidate: _Candidate, rarity: dict[str, float]) -> float:
    return candidate.weight * sum(rarity.get(word, 0.0) for word in sorted(candidate.words))


def _distinct(candidates: Sequence[_Candidate]) -> list[Quote]:
    """Return the quotes without those that another, better one says already."""
    kept: list[_Candidate] = []
    for candidate in candidates:
        if not any(candidate.words <= other.words for other in kept):
            kept.append(candidate)
    return [candidate.quote for candidate in kept]


def _stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return word.removesuffix(suffix)
    return word
