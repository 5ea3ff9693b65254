"""Runs what a command does, and ends it: an exit status, and one sentence where it failed."""

import asyncio
import sys
from collections.abc import Coroutine
from io import TextIOWrapper
from typing import Any

import typer

from cli.console import fail
from cli.failures import CommandFailed
from contracts.errors import RaglineError
from runtime.settings import Settings, SettingsError, load_settings

#: What a shell reports of a command that Ctrl-C ended: 128 + SIGINT.
INTERRUPTED = 130
WRONG_USAGE = 2


def read_settings() -> Settings:
    """Return the settings; a wrong one ends the command with status 2.

    Unlike a server's, a client's settings need no secret, also in production.
    """
    try:
        return load_settings()
    except SettingsError as error:
        fail(str(error), WRONG_USAGE)


def run(work: Coroutine[Any, Any, int]) -> None:
    """Run ``work``, which returns the exit status; Ctrl-C ends it without a word."""
    _print_what_the_terminal_can()
    try:
        status = asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except (CommandFailed, RaglineError) as error:
        fail(str(error))
    except ExceptionGroup as group:
        fail(_sentence(group))
    if status:
        raise typer.Exit(status)


def _print_what_the_terminal_can() -> None:
    """Show a question mark for a character that the terminal's encoding does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _sentence(group: ExceptionGroup[Exception]) -> str:
    """Return the first failure of several that happened at once; a bug stays a bug."""
    failures, bugs = group.split((CommandFailed, RaglineError))
    if bugs is not None or failures is None:
        raise group
    first: BaseException = failures
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first)
