"""What all commands print on, and how they end when they cannot go on."""

from typing import NoReturn

import typer
from rich.console import Console

out = Console()
err = Console(stderr=True)


def fail(sentence: str, code: int = 1) -> NoReturn:
    """Print one sentence that says what to do, and end with ``code``."""
    err.print(sentence, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(code)
