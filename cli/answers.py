"""What the commands read of the API's answers; what they have no use for is not looked at."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
import msgspec

from cli.failures import ApiProblem, CommandFailed
from runtime.clock import Clock, SystemClock

T = TypeVar("T")

FINISHED = frozenset({"indexed", "failed", "deleted"})


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an error answer (RFC 9457)."""

    detail: str
    code: str


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of a job."""

    name: str
    state: str
    #: What is done of ``total``: pages, or chunks.
    done: int = 0
    total: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: int = 0


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job or a turn failed."""

    code: str
    message: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The processing of one upload."""

    job_id: str
    document_id: str
    status: str
    filename: str = ""
    stages: tuple[Stage, ...] = ()
    pages: int | None = None
    chunks: int | None = None
    error: Failure | None = None
    #: Counts the changes.
    revision: int = 0
    trace_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in FINISHED

    @property
    def running(self) -> Stage | None:
        """The stage that is being worked on."""
        return next((stage for stage in self.stages if stage.state == "running"), None)


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some jobs of a list, newest first."""

    data: list[Job]
    has_more: bool


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to an upload."""

    job_id: str
    document_id: str
    status: str
    deduplicated: bool


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """A source that an answer cites."""

    index: int
    filename: str
    page: int
    quote: str


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A question and its whole answer."""

    turn_id: str
    conversation_id: str
    answer: str
    citations: tuple[Citation, ...] = ()
    finish_reason: str | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done on the way to an answer."""

    agent: str
    kind: str
    #: What it was done to, and what came of it.
    input: str
    result: str
    error: Failure | None = None


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """The next piece of an answer."""

    text: str


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """One result of a search."""

    rank: int
    filename: str
    page: int
    page_last: int
    text: str
    similarity: float
    lexical_score: float | None = None
    is_context: bool = True


class Passages(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a search, best first."""

    results: list[Passage]
    threshold: float


def read_as(kind: type[T], content: bytes) -> T:
    """Return the answer as ``kind``; ``CommandFailed`` when it is something else."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise CommandFailed(
            "The answer is not one of ragline's API; check --url, or update ragline."
        ) from None


def problem_of(response: httpx.Response, *, clock: Clock | None = None) -> ApiProblem:
    """Return the error that a read response carries."""
    status = response.status_code
    try:
        problem = msgspec.json.decode(response.content, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = Problem(
            code="not_ragline",
            detail=f"{response.url.copy_with(path='/', query=None)} answers with HTTP {status} and "
            "not like ragline's API; check --url.",
        )
    asked = response.headers.get("Retry-After")
    return ApiProblem(
        problem.detail,
        status=status,
        code=problem.code,
        retry_after=retry_after(asked, clock or SystemClock()),
    )


def retry_after(value: str | None, clock: Clock) -> float | None:
    """Return the seconds of a ``Retry-After`` header: a number, or a date (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - clock.now()).total_seconds())
