"""How LlamaParse fails, and what survives that; against a server that speaks its HTTP."""

import asyncio
import inspect
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from contracts.errors import (
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    ParsingTimedOut,
    ProviderBusy,
    ProviderRefused,
    ProviderUnauthorized,
    ProviderUnavailable,
    UnreadableDocument,
    UnsupportedMediaType,
)
from providers.parsing.factory import create_parser
from providers.parsing.llamaparse import JOB_RESULT_URL, JOB_STATUS_ROUTE, LlamaParse
from providers.parsing.protocol import DocumentParser, Parsed, RemoteJob, SourceFile
from runtime.settings import Settings
from tests.fixtures import documents
from tests.fixtures.llamaparse_server import LlamaParseServer
from tests.fixtures.vendor_http import Fail, HangUp, Reply, Stall

Scripts = Callable[[LlamaParseServer], None]
Texts = list[str]


@pytest_asyncio.fixture
async def llamaparse(
    server: LlamaParseServer, settings_with: Callable[..., Settings]
) -> AsyncIterator[DocumentParser]:
    parser = create_parser(
        settings_with(
            llamaparse_api_key=server.key,
            llamaparse_base_url=server.base_url,
            parse_timeout=3,
            provider_timeout=1,
        )
    )
    yield parser
    await parser.close()


@pytest.fixture
def source(tmp_path: Path) -> SourceFile:
    data = documents.pdf(["The first page.", "The second page."])
    path = tmp_path / "original"
    path.write_bytes(data)
    return SourceFile(
        path=path, filename="report.pdf", media_type="application/pdf", size=len(data)
    )


class Memory:
    """What the worker remembers of a job."""

    def __init__(self, known_id: str | None = None) -> None:
        self.ids: list[str] = []
        self.job = RemoteJob(known_id=known_id, remember=self._remember)

    async def _remember(self, job_id: str) -> None:
        self.ids.append(job_id)


def texts(parsed: Parsed) -> Texts:
    return [page.text for page in parsed.document.pages]


@pytest.mark.asyncio
async def test_sends_once_looks_until_done_and_says_what_it_cost(
    llamaparse: DocumentParser, server: LlamaParseServer, source: SourceFile
):
    parsed = await llamaparse.parse(source, Memory().job)
    assert texts(parsed) == ["The first page.", "The second page."]
    assert (server.uploads, server.polls, server.results) == (1, 2, 1)
    assert server.jobs["job-1"].data == source.path.read_bytes()
    assert parsed.pages_billed == 2
    assert not llamaparse.is_local_twin


@pytest.mark.asyncio
async def test_remembers_a_job_before_it_looks_at_it(
    llamaparse: DocumentParser, server: LlamaParseServer, source: SourceFile
):
    async def remember(job_id: str) -> None:
        assert job_id == "job-1"
        assert server.polls == 0
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await llamaparse.parse(source, RemoteJob(known_id=None, remember=remember))
    assert (server.uploads, server.polls) == (1, 0)


@pytest.mark.asyncio
async def test_goes_on_with_a_known_job_and_sends_nothing_again(
    llamaparse: DocumentParser, server: LlamaParseServer, source: SourceFile
):
    server.on_poll.append(HangUp())
    memory = Memory()
    with pytest.raises(ProviderUnavailable):
        await llamaparse.parse(source, memory.job)
    again = Memory(known_id=memory.ids[0])
    assert texts(await llamaparse.parse(source, again.job))[0] == "The first page."
    assert server.uploads == 1
    assert again.ids == []


@pytest.mark.asyncio
async def test_sends_the_file_again_when_its_job_is_lost(
    llamaparse: DocumentParser, server: LlamaParseServer, source: SourceFile
):
    memory = Memory(known_id="job-of-last-month")
    assert texts(await llamaparse.parse(source, memory.job))[1] == "The second page."
    assert memory.ids == ["job-1"]
    assert server.uploads == 1


@pytest.mark.asyncio
async def test_looks_at_a_finished_job_without_waiting(
    llamaparse: DocumentParser, server: LlamaParseServer, source: SourceFile
):
    server.pending = 0
    memory = Memory()
    await llamaparse.parse(source, memory.job)
    asked = len(server.requests)
    started = time.monotonic()
    await llamaparse.parse(source, Memory(known_id=memory.ids[0]).job)
    assert len(server.requests) == asked + 2
    assert server.requests[asked].at - started < 0.2


@pytest.mark.asyncio
@pytest.mark.parametrize("where", ["on_upload", "on_poll", "on_result"])
@pytest.mark.parametrize(
    ("behaviour", "error", "retry_after"),
    [
        (Fail(401), ProviderUnauthorized, None),
        (Fail(403), ProviderUnauthorized, None),
        (Fail(429, headers={"retry-after": "7"}), ProviderBusy, 7.0),
        (
            Fail(
                429,
                headers={
                    "date": "Wed, 21 Oct 2015 07:28:00 GMT",
                    "retry-after": "Wed, 21 Oct 2015 07:28:30 GMT",
                },
            ),
            ProviderBusy,
            30.0,
        ),
        (Fail(429), ProviderBusy, None),
        (Fail(500), ProviderUnavailable, None),
        (Fail(503, headers={"retry-after": "2"}), ProviderUnavailable, 2.0),
        (Fail(408), ProviderUnavailable, None),
        (Fail(402, message="out of credits"), ProviderRefused, None),
        (Fail(302, headers={"location": "http://127.0.0.1:9/"}), ProviderRefused, None),
        (Fail(413), DocumentTooLarge, None),
        (Fail(415), UnsupportedMediaType, None),
        (HangUp(), ProviderUnavailable, None),
        (Stall(30), ProviderUnavailable, None),
        (Reply(b"<html>a proxy"), ProviderUnavailable, None),
        (Reply(b"[]"), ProviderUnavailable, None),
        (Reply(b"{}"), ProviderUnavailable, None),
    ],
)
async def test_every_failure_is_one_of_ours_and_is_not_tried_again_here(  # noqa: PLR0917
    llamaparse: DocumentParser,
    server: LlamaParseServer,
    source: SourceFile,
    where: str,
    behaviour: object,
    error: type[Exception],
    retry_after: float | None,
):
    server.pending = 0
    getattr(server, where).append(behaviour)
    memory = Memory()
    with pytest.raises(error) as caught:
        await llamaparse.parse(source, memory.job)
    assert type(caught.value) is error
    assert getattr(caught.value, "retry_after", None) == retry_after
    assert server.key not in str(caught.value)
    asked = {"on_upload": (1, 0, 0), "on_poll": (1, 1, 0), "on_result": (1, 1, 1)}[where]
    assert (server.uploads, server.polls, server.results) == asked
    assert memory.ids == ([] if where == "on_upload" else ["job-1"])


@pytest.mark.asyncio
async def test_passes_on_why_a_request_was_refused(
    llamaparse: DocumentParser, server: LlamaParseServer, source: SourceFile
):
    server.on_upload.append(Fail(402, message="out of credits"))
    with pytest.raises(ProviderRefused, match="402: out of credits"):
        await llamaparse.parse(source, Memory().job)


@pytest.mark.asyncio
async def test_says_that_nobody_listens(settings_with: Callable[..., Settings], source: SourceFile):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    parser = create_parser(settings_with(llamaparse_api_key="k", llamaparse_base_url=address))
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        await parser.parse(source, Memory().job)
    assert time.monotonic() - started < 4  # the package would wait that long before a second try
    await parser.close()


@pytest.mark.asyncio
async def test_a_job_that_does_not_end_is_left_for_later(
    llamaparse: DocumentParser, server: LlamaParseServer, source: SourceFile
):
    server.pending = 1_000_000
    memory = Memory()
    with pytest.raises(ProviderUnavailable, match="within 3 seconds"):
        await llamaparse.parse(source, memory.job)
    assert memory.ids == ["job-1"]
    assert 2 <= server.polls <= 15


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "code", "reason", "error"),
    [
        ("ERROR", "PDF_IS_PROTECTED", None, EncryptedDocument),
        ("ERROR", None, "The PDF requires a password", EncryptedDocument),
        ("ERROR", "PDF_IS_BROKEN", "no xref", UnreadableDocument),
        ("ERROR", "NO_DATA_FOUND_IN_FILE", None, EmptyDocument),
        ("ERROR", "UNSUPPORTED_FILE_TYPE", ".exe", UnsupportedMediaType),
        ("ERROR", "EXPIRED", None, ParsingTimedOut),
        ("ERROR", "SOMETHING_NEW", "the dog ate it", UnreadableDocument),
        ("ERROR", None, None, UnreadableDocument),
        ("CANCELLED", None, None, ProviderRefused),
        ("CANCELED", None, None, ProviderRefused),
    ],
)
async def test_a_job_that_failed_says_why(  # noqa: PLR0917
    llamaparse: DocumentParser,
    server: LlamaParseServer,
    source: SourceFile,
    status: str,
    code: str | None,
    reason: str | None,
    error: type[Exception],
):
    server.next_job = {"status": status, "error_code": code, "error_message": reason}
    with pytest.raises(error) as caught:
        await llamaparse.parse(source, Memory().job)
    assert type(caught.value) is error
    assert (code or "") in str(caught.value)
    assert (reason or "") in str(caught.value)
    assert server.uploads == 1


@pytest.mark.asyncio
async def test_keeps_the_good_pages_of_a_job_that_went_half_well(
    llamaparse: DocumentParser, server: LlamaParseServer, source: SourceFile
):
    server.next_job = {
        "status": "PARTIAL_SUCCESS",
        "pages": [
            {"page": 1, "text": "one", "md": "# one"},
            {"page": 2, "text": "", "md": "", "error": "OCR failed"},
            {"page": 3, "text": None, "md": None, "status": "ERROR"},
            {"page": 4, "text": "four", "md": None, "status": "OK"},
        ],
    }
    pages = (await llamaparse.parse(source, Memory().job)).document.pages
    assert [(page.number, page.text, page.error) for page in pages] == [
        (1, "# one", None),
        (2, "", "OCR failed"),
        (3, "", "LlamaParse could not parse this page."),
        (4, "four", None),
    ]


@pytest.mark.asyncio
async def test_a_job_of_which_every_page_failed_is_unreadable(
    llamaparse: DocumentParser, server: LlamaParseServer, source: SourceFile
):
    server.next_job = {"status": "PARTIAL_SUCCESS", "pages": [{"page": 1, "error": "OCR failed"}]}
    with pytest.raises(UnreadableDocument):
        await llamaparse.parse(source, Memory().job)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("page", "text"),
    [
        ({"text": "one\0two\r\nthree", "md": ""}, "onetwo\nthree"),
        ({"text": "half an emoji: \ud83d", "md": None}, "half an emoji: \ufffd"),
        ({"text": "plain", "md": "NO_CONTENT_HERE"}, "plain"),
    ],
)
async def test_text_can_be_stored(
    llamaparse: DocumentParser,
    server: LlamaParseServer,
    source: SourceFile,
    page: dict[str, str],
    text: str,
):
    server.next_job = {"status": "SUCCESS", "pages": [{"page": 1, **page}]}
    assert texts(await llamaparse.parse(source, Memory().job)) == [text]


@pytest.mark.asyncio
async def test_an_answer_with_too_many_pages_is_refused(
    llamaparse: DocumentParser, server: LlamaParseServer, source: SourceFile
):
    pages = [{"page": number, "text": "x"} for number in range(1, 20_002)]
    server.next_job = {"status": "SUCCESS", "pages": pages}
    with pytest.raises(DocumentTooLarge):
        await llamaparse.parse(source, Memory().job)


@pytest.mark.asyncio
async def test_the_name_that_is_sent_tells_the_kind(
    llamaparse: DocumentParser, server: LlamaParseServer, source: SourceFile
):
    for filename in ("report.pdf", "REPORT.PDF", "../../etc/report", 'a "b".docx', "名前.pdf"):
        odd = SourceFile(
            path=source.path, filename=filename, media_type=source.media_type, size=source.size
        )
        await llamaparse.parse(odd, Memory().job)
    assert [job.filename for job in server.jobs.values()] == [
        "report.pdf",
        "REPORT.PDF",
        "report.pdf",
        'a "b".docx.pdf',
        "名前.pdf",
    ]


@pytest.mark.asyncio
async def test_many_documents_share_one_client(
    llamaparse: DocumentParser, server: LlamaParseServer, source: SourceFile
):
    memories = [Memory() for _ in range(20)]
    parsed = await asyncio.gather(*(llamaparse.parse(source, each.job) for each in memories))
    assert all(texts(each) == ["The first page.", "The second page."] for each in parsed)
    assert len({each.ids[0] for each in memories}) == server.uploads == 20


@pytest.mark.asyncio
async def test_prints_nothing(
    llamaparse: DocumentParser,
    server: LlamaParseServer,
    source: SourceFile,
    capfd: pytest.CaptureFixture[str],
):
    await llamaparse.parse(source, Memory().job)
    server.next_job = {"status": "ERROR", "error_code": "PDF_IS_BROKEN"}
    with pytest.raises(UnreadableDocument):
        await llamaparse.parse(source, Memory().job)
    assert capfd.readouterr() == ("", "")


def test_the_package_still_has_what_is_used_of_it():
    # `_create_job` is the one private name; it sends the file and returns the job's id.
    create_job = LlamaParse._create_job  # noqa: SLF001
    assert inspect.iscoroutinefunction(create_job)
    parameters = inspect.signature(create_job).parameters
    assert list(parameters)[:3] == ["self", "file_input", "extra_info"]
    assert isinstance(LlamaParse.aclient, property)
    assert JOB_STATUS_ROUTE == "/api/parsing/job/{job_id}"
    assert JOB_RESULT_URL == "/api/parsing/job/{job_id}/result/{result_type}"
    wanted = {"custom_client", "max_timeout", "ignore_errors", "verbose", "show_progress"}
    assert wanted <= set(LlamaParse.model_fields)
