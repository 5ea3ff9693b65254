"""Prints what came from documents, models and servers so that it is only text."""

from typing import Any

import msgspec

from cli.console import err

#: Escape sequences could rewrite the screen or the window's title; only lines and tabs may pass.
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)])
_KEPT = {ord("\n"): "\n", ord("\t"): "\t"}


def printable(text: str) -> str:
    """Return ``text`` without control characters, except line breaks and tabs."""
    return text.translate(_CONTROLS | _KEPT)


def one_line(text: str, *, most: int | None = None) -> str:
    """Return ``text`` on one line, at most ``most`` characters of it."""
    line = " ".join(printable(text).split())
    if most is None or len(line) <= most:
        return line
    return line[: most - 1].rstrip() + "…"


def write(text: str) -> None:
    """Print text as it comes, at once and without an end of line."""
    print(printable(text), end="", flush=True)


def say(text: str) -> None:
    """Print text as it is: no markup, no wrapping that a script would stumble over."""
    print(printable(text))


def tell(text: str) -> None:
    """Print for whoever follows what happens, beside the answer."""
    err.print(printable(text), style="dim", markup=False, highlight=False, soft_wrap=True)


def hint(text: str) -> None:
    """Print for a person at a terminal what no script needs."""
    if err.is_terminal:
        tell(text)


def say_json(document: Any) -> None:
    """Print one JSON document on one line; bytes are JSON already."""
    encoded = document if isinstance(document, bytes) else msgspec.json.encode(document)
    print(msgspec.json.format(encoded, indent=-1).decode())
