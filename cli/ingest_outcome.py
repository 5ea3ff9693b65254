"""What became of each file of an ingestion."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

import msgspec

from cli.answers import Failure


class State(StrEnum):
    """How a file ended."""

    indexed = "indexed"
    already_there = "already_there"
    #: Sent, and not waited for.
    accepted = "accepted"
    failed = "failed"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one file ended, and why where it failed."""

    path: Path
    state: State
    document_id: str | None = None
    job_id: str | None = None
    pages: int | None = None
    chunks: int | None = None
    error: Failure | None = None

    def as_line(self) -> dict[str, object]:
        """Return the outcome for a script."""
        return {
            "type": "document",
            "path": str(self.path),
            "status": self.state,
            "document_id": self.document_id,
            "job_id": self.job_id,
            "pages": self.pages,
            "chunks": self.chunks,
            "error": self.error,
        }


def summary_line(outcomes: Iterable[Outcome], skipped: int) -> dict[str, object]:
    """Return the last line for a script."""
    counted = _count(outcomes)
    return {"type": "summary", **{state: counted[state] for state in State}, "skipped": skipped}


def summary_sentence(outcomes: Iterable[Outcome], skipped: int) -> str:
    """Return the last line for a person."""
    counted = _count(outcomes)
    names = {
        State.indexed: "indexed",
        State.already_there: "already there",
        State.accepted: "accepted",
        State.failed: "failed",
    }
    said = [f"{counted[state]} {name}" for state, name in names.items() if counted[state]]
    sentence = (", ".join(said) or "Nothing to do") + "."
    if skipped:
        sentence += f" {skipped} of another kind skipped (--all sends them)."
    return sentence


def _count(outcomes: Iterable[Outcome]) -> Counter[State]:
    return Counter(outcome.state for outcome in outcomes)
