"""Text as it may be stored: valid UTF-8 without control characters."""

import re

# Everything up to U+001F but tab and line feed, delete, the C1 controls, byte order marks and
# two code points that no text may contain. PostgreSQL refuses NUL; the others are never seen.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")
_BLANK_LINES = re.compile(r"\n{3,}")


def make_storable(text: str) -> str:
    """Return ``text`` with the line feed as its only line end and without what cannot be stored.

    Lone surrogates become replacement characters; blank lines are reduced to one.
    """
    text = _UNWANTED.sub("", _LINE_ENDS.sub("\n", text))
    text = _LONE_SURROGATES.sub("\ufffd", text)
    text = "\n".join(map(str.rstrip, text.split("\n")))
    return _BLANK_LINES.sub("\n\n", text).strip("\n")
