"""Which sentences of a passage support a claim, as a span of the passage."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

#: A quote is to be read beside the answer; the passage itself can be opened.
MAX_QUOTE = 600
#: A neighbour joins the quote when it adds at least this share of what the best sentence has.
_SHARE_OF_THE_BEST = 0.4
#: A shorter claim may stand in a passage by chance.
_SHORTEST_REPEATED = 24

_BETWEEN_SENTENCES = re.compile(
    r"(?<=[.!?])\s+(?=[\"'\u201c\u2018(\[]*[^\W_a-z])"
    r"|(?<=[.!?][\"'\u201d\u2019)\]])\s+"
    r"|(?<=[\u3002\uff01\uff1f])\s*"
    r"|\n\s*\n\s*"
)
_PIECE = re.compile(rf"\S.{{0,{MAX_QUOTE - 1}}}(?=\s|$)|\S{{{MAX_QUOTE}}}", re.DOTALL)
_WORD = re.compile(r"[^\W_]+")
_WITHOUT_BLANKS = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True)
class Span:
    """Characters ``[start, end)`` of a passage."""

    start: int
    end: int


def best_quote(text: str, claim: str, question: str) -> Span:
    """Return the span of ``text`` that supports ``claim`` best, at most ``MAX_QUOTE`` long.

    A sentence's score is the inverse document frequency, over the sentences of ``text``, of the
    words it shares with the claim; a neighbour that adds enough joins it. Where the claim shares
    no word (another language, a paraphrase) the question's words decide, else the beginning.
    """
    sentences = sentence_spans(text)
    if not sentences:
        return Span(0, 0)
    repeated = _repeated(text, claim, sentences)
    if repeated is not None:
        return repeated
    words = [content_words(text[span.start : span.end]) for span in sentences]
    for wanted in (content_words(claim), content_words(question)):
        scores = _scores(words, wanted)
        if max(scores) > 0:
            return _widen(sentences, words, scores, wanted)
    return Span(sentences[0].start, _last_within(sentences).end)


def sentence_spans(text: str) -> list[Span]:
    """Return the spans of the sentences, blanks around them left out, ``MAX_QUOTE`` at most."""
    edges = [0, *(edge for gap in _BETWEEN_SENTENCES.finditer(text) for edge in gap.span())]
    edges.append(len(text))
    return [
        _stripped(text, piece.start(), piece.end())
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        for piece in _PIECE.finditer(text, start, end)
    ]


def content_words(text: str) -> frozenset[str]:
    """Return the words that can tell sentences apart; pairs of letters where no blanks are."""
    words: set[str] = set()
    for word in _WORD.findall(text.casefold()):
        if _WITHOUT_BLANKS.search(word):
            words.update(word[at : at + 2] for at in range(max(1, len(word) - 1)))
        else:
            words.add(word)
    return frozenset(words)


def _repeated(text: str, claim: str, sentences: Sequence[Span]) -> Span | None:
    """Return the sentences that the claim repeats letter for letter, None when it does not."""
    at = text.find(claim) if len(claim) >= _SHORTEST_REPEATED else -1
    if at < 0:
        return None
    covering = [span for span in sentences if span.start < at + len(claim) and span.end > at]
    whole = Span(covering[0].start, covering[-1].end)
    return whole if whole.end - whole.start <= MAX_QUOTE else None


def _scores(sentences: Sequence[frozenset[str]], wanted: frozenset[str]) -> list[float]:
    rarity = _rarity(sentences)
    return [_weight(words & wanted, rarity) for words in sentences]


def _rarity(sentences: Sequence[frozenset[str]]) -> dict[str, float]:
    counted = Counter(word for words in sentences for word in words)
    return {word: math.log1p(len(sentences) / count) for word, count in counted.items()}


def _weight(words: frozenset[str], rarity: dict[str, float]) -> float:
    return sum(rarity[word] for word in sorted(words))


def _widen(
    sentences: Sequence[Span],
    words: Sequence[frozenset[str]],
    scores: Sequence[float],
    wanted: frozenset[str],
) -> Span:
    """Return the best sentence, with the neighbours that support what it alone does not."""
    best = max(range(len(scores)), key=lambda place: (scores[place], -place))
    rarity = _rarity(words)
    first = last = best
    said = words[best]
    for neighbour in (best + 1, best - 1):
        if not 0 <= neighbour < len(sentences):
            continue
        adds = _weight((words[neighbour] & wanted) - said, rarity)
        low, high = min(first, neighbour), max(last, neighbour)
        fits = sentences[high].end - sentences[low].start <= MAX_QUOTE
        if fits and adds >= scores[best] * _SHARE_OF_THE_BEST:
            first, last, said = low, high, said | words[neighbour]
    return Span(sentences[first].start, sentences[last].end)


def _last_within(sentences: Sequence[Span]) -> Span:
    start = sentences[0].start
    return [span for span in sentences if span.end - start <= MAX_QUOTE][-1]


def _stripped(text: str, start: int, end: int) -> Span:
    return Span(start, start + len(text[start:end].rstrip()))
