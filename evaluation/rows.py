"""Reads lines of CSV, TSV and JSON, each with its place, so that a wrong one can be found."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from evaluation.failures import UnusableDataset

T = TypeVar("T")

#: A cell may hold every reference of a question.
_LONGEST_CELL = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its cells by column, and where it begins."""

    cells: Mapping[str, str]
    place: str

    def required(self, column: str) -> str:
        """Return a cell that may not be empty, without white space around it."""
        if value := self.cells.get(column, "").strip():
            return value
        raise UnusableDataset(f"{self.place}: the column {column!r} is empty.")

    def optional(self, *columns: str) -> str | None:
        """Return the first of these cells that has something in it."""
        values = (self.cells.get(column, "").strip() for column in columns)
        return next(filter(None, values), None)


def read_text(path: Path) -> str:
    """Return a file as it is, with its line ends; it has to be UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableDataset(
            f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8."
        ) from error
    except OSError as error:
        raise UnusableDataset(f"{path} cannot be read: {error.strerror}.") from error


def read_table(path: Path, *, columns: Iterable[str], delimiter: str = ",") -> Iterator[Row]:
    """Yield the rows of a table whose first line names the columns, at least these."""
    csv.field_size_limit(_LONGEST_CELL)
    lines = io.StringIO(read_text(path), newline="")
    # In tables with tabs, quotation marks are characters like others.
    quoted: Literal[0, 3] = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
    reader = csv.reader(lines, delimiter=delimiter, quoting=quoted, strict=True)
    names: list[str] | None = None
    begins = 1
    try:
        for cells in reader:
            place, begins = f"{path}, line {begins}", reader.line_num + 1
            if not any(map(str.strip, cells)):
                continue
            if names is None:
                names = _named(cells, columns, path)
            else:
                yield _row(names, cells, place)
    except csv.Error as error:
        raise UnusableDataset(f"{path}, line {reader.line_num}: {error}.") from error
    if names is None:
        raise UnusableDataset(f"{path} is empty; its first line has to name the columns.")


def read_columns(path: Path) -> list[str]:
    """Return the names in a table's first line; none where it is empty."""
    first = read_text(path).partition("\n")[0]
    return [cell.strip().lower() for cells in csv.reader([first]) for cell in cells]


def read_json_lines(path: Path, kind: type[T]) -> Iterator[tuple[T, str]]:
    """Yield each line as ``kind``, with its place; blank lines are passed over."""
    # Not splitlines(): JSON may hold line separators that are no end of a line.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        place = f"{path}, line {number}"
        if line.strip():
            yield read_json(line, kind, place), place


def read_json(text: str, kind: type[T], place: str) -> T:
    """Return JSON as ``kind``."""
    try:
        return msgspec.json.decode(text, type=kind, strict=False)
    except msgspec.DecodeError as error:
        reason = str(error).removesuffix(".")
        raise UnusableDataset(f"{place}: {reason[:1].lower()}{reason[1:]}.") from error


def _named(cells: list[str], columns: Iterable[str], path: Path) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    missing = [column for column in columns if column not in names]
    if missing:
        raise UnusableDataset(
            f"{path}, line 1: there is no column {' or '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, names))}."
        )
    return names


def _row(names: list[str], cells: list[str], place: str) -> Row:
    if len(cells) > len(names):
        raise UnusableDataset(
            f"{place}: {len(cells)} cells under {len(names)} columns; put quotation marks around "
            "a cell that has a comma in it."
        )
    return Row(dict(zip(names, cells, strict=False)), place)
