"""Plain text, Markdown and CSV into text."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import charset_normalizer

from contracts.artefacts import ParsedPage
from contracts.errors import DocumentTooLarge

#: Decoding takes several times the file in memory.
MAX_BYTES = 128 * 1024 * 1024

_MARKS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_META_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([a-zA-Z0-9_:-]{2,40})""")
_SAMPLE = 64 * 1024
#: One cell may be a whole text; the default of ``csv`` is 128 KB.
_LONGEST_CELL = 16 * 1024 * 1024


def read_plain(path: Path) -> Iterator[ParsedPage]:
    """Yield the text as one page."""
    yield ParsedPage(number=1, text=decode(read_bytes(path)))


def read_csv(path: Path) -> Iterator[ParsedPage]:
    """Yield one page with a line for each row, every cell beside the name of its column."""
    text = decode(read_bytes(path))
    csv.field_size_limit(_LONGEST_CELL)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), _dialect(text)))
    except csv.Error:
        rows = [[line] for line in text.splitlines()]
    yield ParsedPage(number=1, text="\n".join(describe_rows(rows)))


def describe_rows(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Yield a line for each row; where the first row names the columns, each cell has its name.

    So a line can be understood (and cited) without the head of the table.
    """
    filled = [[" ".join(cell.split()) for cell in row] for row in rows if any(map(str.strip, row))]
    if not filled:
        return
    names = filled[0]
    if len(filled) == 1 or len(names) == 1 or not all(names) or any(map(_is_number, names)):
        yield from ("; ".join(filter(None, row)) for row in filled)
        return
    for row in filled[1:]:
        named = zip(names, row, strict=False)
        cells = [f"{name}: {cell}" for name, cell in named if cell] + row[len(names) :]
        yield "; ".join(filter(None, cells))


def read_bytes(path: Path) -> bytes:
    """Return the file; ``DocumentTooLarge`` when decoding it would take too much memory."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise DocumentTooLarge(f"The text has {size} bytes and the limit is {MAX_BYTES}; split it.")
    return path.read_bytes()


def decode(data: bytes, *, declared: str | None = None) -> str:
    """Return the text of ``data``: by its byte order mark, else UTF-8, else the likeliest.

    ``declared`` is an encoding that the file says it has. Never fails; what no encoding explains
    becomes replacement characters.
    """
    for mark, marked in _MARKS.items():
        if data.startswith(mark):
            return data.decode(marked, "replace").removeprefix("\ufeff")
    for encoding in ("utf-8", declared):
        try:
            return data.decode(encoding) if encoding else _guess(data)
        except (UnicodeDecodeError, LookupError):
            continue
    return _guess(data)


def decode_html(data: bytes) -> str:
    """Return the text of an HTML file, in the encoding that it declares where that fits."""
    found = _META_CHARSET.search(data[:1024])
    return decode(data, declared=found.group(1).decode("ascii") if found else None)


def _guess(data: bytes) -> str:
    best = charset_normalizer.from_bytes(data[:_SAMPLE]).best()
    return data.decode(best.encoding if best else "cp1252", "replace")


def _dialect(text: str) -> type[csv.Dialect]:
    try:
        return csv.Sniffer().sniff(text[:_SAMPLE], delimiters=",;\t|")
    except csv.Error:
        return csv.excel


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"[+-]?[\d.,]*\d[\d.,]*%?", cell))
