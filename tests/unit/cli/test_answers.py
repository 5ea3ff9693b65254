from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from cli.answers import Failure, Job, JobPage, Passages, Piece, Turn, Uploaded, read_as, retry_after
from cli.failures import CommandFailed
from contracts.conversations import Citation
from gateway.conversations.schemas import ErrorEvent, TokenEvent, TurnShown
from gateway.documents.schemas import JobError, JobShown, StageShown, UploadAccepted
from gateway.paging import Page
from gateway.search.schemas import ReadContext, Result, Results

ID = UUID(int=1)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FixedClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


def job_shown() -> JobShown:
    stage = StageShown(
        name="embed",
        state="running",
        done=3,
        total=8,
        started_at=NOW,
        finished_at=None,
        attempts=1,
    )
    return JobShown(
        job_id=ID,
        document_id=ID,
        filename="a.pdf",
        status="embedding",
        stages=(stage,),
        pages=2,
        chunks=None,
        error=JobError(code="code", message="Why."),
        revision=4,
        trace_id=None,
        created_at=NOW,
        updated_at=NOW,
        finished_at=None,
    )


def turn_shown() -> TurnShown:
    citation = Citation(
        index=1,
        document_id=str(ID),
        filename="a.pdf",
        page=3,
        char_start=0,
        char_end=5,
        quote="quote",
        similarity=0.7,
    )
    values: dict[str, Any] = dict.fromkeys(TurnShown.__struct_fields__)
    values |= {"turn_id": ID, "conversation_id": ID, "answer": "Yes [1].", "citations": [citation]}
    values |= {"finish_reason": "stop"}
    return TurnShown(**values)


def result() -> Result:
    return Result(
        rank=1,
        chunk_id=ID,
        document_id=ID,
        filename="a.pdf",
        page=3,
        page_last=4,
        char_start=0,
        char_end=5,
        text="text",
        similarity=0.7,
        lexical_score=3.2,
        score=0.9,
        vector_rank=2,
        lexical_rank=1,
        is_context=False,
        context=ReadContext(char_start=0, char_end=12, text="text, widened"),
    )


def test_reads_a_job_as_the_gateway_shows_it() -> None:
    job = read_as(Job, msgspec.json.encode(job_shown()))

    assert (job.job_id, job.status, job.revision) == (str(ID), "embedding", 4)
    assert job.running is not None
    assert (job.running.done, job.running.total) == (3, 8)
    assert job.error == Failure(code="code", message="Why.")
    assert not job.is_finished


def test_prints_a_job_for_scripts_in_the_shape_of_the_api() -> None:
    content = msgspec.json.encode(job_shown())

    assert msgspec.json.decode(msgspec.json.encode(read_as(Job, content))) == msgspec.json.decode(
        content
    )


def test_reads_a_page_of_jobs_as_the_gateway_shows_it() -> None:
    page = read_as(JobPage, msgspec.json.encode(Page([job_shown()], has_more=True)))

    assert [job.filename for job in page.data] == ["a.pdf"]
    assert page.has_more


def test_reads_an_upload_as_the_gateway_shows_it() -> None:
    shown = UploadAccepted(job_id=ID, document_id=ID, status="accepted", deduplicated=True)

    assert read_as(Uploaded, msgspec.json.encode(shown)).deduplicated


def test_reads_an_answer_as_the_gateway_shows_it() -> None:
    turn = read_as(Turn, msgspec.json.encode(turn_shown()))

    assert (turn.answer, turn.finish_reason, turn.conversation_id) == ("Yes [1].", "stop", str(ID))
    assert (turn.citations[0].filename, turn.citations[0].quote) == ("a.pdf", "quote")


def test_reads_the_events_of_an_answer_as_the_gateway_shows_them() -> None:
    error = ErrorEvent(turn_id=ID, conversation_id=ID, code="code", message="Why.")

    assert read_as(Failure, msgspec.json.encode(error)) == Failure(code="code", message="Why.")
    assert read_as(Piece, msgspec.json.encode(TokenEvent(text="a"))).text == "a"


def test_reads_the_results_of_a_search_as_the_gateway_shows_them() -> None:
    shown = Results(results=[result()], threshold=0.4, embedding_model="m", timings={})

    passages = read_as(Passages, msgspec.json.encode(shown))

    [found] = passages.results
    assert (found.page_last, found.lexical_score, found.is_context) == (4, 3.2, False)
    assert passages.threshold == 0.4


@pytest.mark.parametrize("content", [b"<html>", b"{}", b"\xff", b"[]"])
def test_says_that_an_answer_is_not_the_api_s(content: bytes) -> None:
    with pytest.raises(CommandFailed, match="check --url"):
        read_as(Job, content)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("12", 12.0),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0.0),
        ("soon", None),
    ],
)
def test_reads_how_long_to_wait(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, FixedClock()) == seconds
