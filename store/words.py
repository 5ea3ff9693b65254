"""The words of a text, as the search by words counts and compares them."""

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from Stemmer import Stemmer

#: Words are numbered by a hash; two words of one tenant have the same number hardly ever. The
#: most that a `sparsevec` takes.
VOCABULARY = 1_000_000_000

#: How often a word occurs in a chunk is counted up to here. Five sentences say a word more often
#: hardly ever, and BM25 values each repetition less than the one before.
MOST_COUNTED = 3

#: Words of a question that are looked for; of more, the longest, which tend to be the rarest.
MOST_TERMS = 24

#: The length is kept in a smallint.
_LONGEST_TEXT = 32_767

_WORD = re.compile(r"[^\W_]+")
# Scripts without blanks between words: each pair of neighbouring characters counts as a word.
_WITHOUT_BLANKS = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff]+"
)
# What an apostrophe leaves of a word: it's, don't, we'll, l'eau.
_ELISION = re.compile(r"(?<=\w)['\u2019](?:s|t|d|m|re|ve|ll)\b")

# English words that tell nothing about what a text is about. For other languages the inverse
# document frequency does the same.
_ENGLISH_STOP_WORDS = """
    a about above after again against all am an and any are as at be because been before being
    below between both but by can could did do does doing don down during each few for from
    further had has have having he her here hers herself him himself his how i if in into is it
    its itself just me might more most must my myself no nor not now of off on once only or
    other our ours ourselves out over own same shall she should so some such than that the their
    theirs them themselves then there these they this those through to too under until up very
    was we were what when where which while who whom whose why will with would you your yours
    yourself yourselves
"""
_STOP_WORDS = frozenset(_ENGLISH_STOP_WORDS.split())

# Endings are taken off as English has them, from texts and questions alike: for another language
# that is of little use, and of no harm.
_ENGLISH = Stemmer("english", 100_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """How often each word occurs in a text, by its number, and how many words the text has."""

    counts: dict[int, float]
    length: int


def count_words(text: str) -> Words:
    """Return the words of a text; blank or all stop words, it has none."""
    counts = Counter(_numbered(text))
    return Words(
        counts={number: float(min(count, MOST_COUNTED)) for number, count in counts.items()},
        length=min(counts.total(), _LONGEST_TEXT),
    )


def search_terms(text: str) -> list[int]:
    """Return the different words of a question by their numbers, ``MOST_TERMS`` at most."""
    terms = dict.fromkeys(_words(text))
    if len(terms) > MOST_TERMS:
        terms = dict.fromkeys(sorted(terms, key=len, reverse=True)[:MOST_TERMS])
    return list(dict.fromkeys(map(_number, terms)))


def _numbered(text: str) -> Iterator[int]:
    return map(_number, _words(text))


def _number(word: str) -> int:
    return zlib.crc32(word.encode()) % VOCABULARY


def _words(text: str) -> list[str]:
    plain = _ELISION.sub("", unicodedata.normalize("NFKC", text).casefold())
    words = [word for word in _WORD.findall(plain) if word not in _STOP_WORDS]
    if not plain.isascii():
        words = [part for word in words for part in _parts(word)]
    return _ENGLISH.stemWords(words)


def _parts(word: str) -> Iterator[str]:
    """Yield the pairs of characters in the stretches without blanks, and what is between them."""
    end = 0
    for stretch in _WITHOUT_BLANKS.finditer(word):
        if stretch.start() > end:
            yield word[end : stretch.start()]
        run = stretch[0]
        yield from (run[at : at + 2] for at in range(max(1, len(run) - 1)))
        end = stretch.end()
    if end < len(word):
        yield word[end:]
