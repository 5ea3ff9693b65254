"""Text as it may be stored: valid UTF-8 without control characters."""

import re

# Everything up to U+001F but tab and line feed, delete, the C1 controls, byte order marks and
# two code points that no text may contain. PostgreSQL refuses NUL; the others are never seen.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")
# Every character that one of the three patterns above changes. Most pages have none.
_UNUSUAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_BLANK_LINES = re.compile(r"\n{3,}")


def make_storable(text: str) -> str:
    """Return ``text`` with the line feed as its only line end and without what cannot be stored.

    Lone surrogates become replacement characters; blank lines are reduced to one.
    """
    if _UNUSUAL.search(text):
        text = _UNWANTED.sub("", _LINE_ENDS.sub("\n", text))
        text = _LONE_SURROGATES.sub("\ufffd", text)
    text = "\n".join(map(str.rstrip, text.split("\n")))
    if "\n\n\n" in text:
        text = _BLANK_LINES.sub("\n\n", text)
    return text.strip("\n")
