import json
import os
from pathlib import Path

import pytest

import cli.ingestion
from tests.fixtures.scripted_api import API_KEY, Refusal, ScriptedApi, file_of
from tests.integration.cli.conftest import Ragline

UPLOAD = "/api/v2/upload"


@pytest.fixture
def documents() -> Path:
    folder = Path("documents")
    (folder / "more").mkdir(parents=True)
    (folder / "a.txt").write_text("first")
    (folder / "b.md").write_text("second")
    (folder / "more" / "c.txt").write_text("third")
    (folder / "program.exe").write_text("no document")
    return folder


def lines(output: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines()]


def test_uploads_a_folder_and_waits_until_it_is_indexed(
    ragline: Ragline, stack: ScriptedApi, documents: Path
) -> None:
    result = ragline("ingest", documents)

    assert result.exit_code == 0, result.output
    *files, summary = result.stdout.splitlines()
    assert sorted(files) == [
        f"indexed: documents/{name} (2 pages, 8 chunks)" for name in ("a.txt", "b.md", "more/c.txt")
    ]
    assert summary == "3 indexed. 1 of another kind skipped (--all sends them)."
    assert {job.status for job in stack.jobs.values()} == {"indexed"}


def test_sends_the_bytes_and_the_name_of_a_file(
    ragline: Ragline, stack: ScriptedApi, tmp_path: Path
) -> None:
    content = bytes(range(256)) * 2000
    (tmp_path / 'Ü "x".pdf').write_bytes(content)

    assert ragline("ingest", tmp_path / 'Ü "x".pdf', "--knowledge-base", "law").exit_code == 0

    [upload] = stack.asked(UPLOAD)
    assert file_of(upload) == ("Ü %22x%22.pdf", content)
    assert b'name="knowledge_base"\r\n\r\nlaw\r\n' in upload.body


def test_does_nothing_twice(ragline: Ragline, stack: ScriptedApi, documents: Path) -> None:
    assert ragline("ingest", documents).exit_code == 0

    result = ragline("ingest", documents, "--json")

    assert result.exit_code == 0
    *files, summary = lines(result.stdout)
    assert [file["status"] for file in files] == ["already_there"] * 3
    assert summary == {
        "type": "summary",
        "indexed": 0,
        "already_there": 3,
        "accepted": 0,
        "failed": 0,
        "skipped": 1,
    }
    assert len(stack.jobs) == 3


def test_waits_for_what_another_run_left_unfinished(
    ragline: Ragline, stack: ScriptedApi, documents: Path
) -> None:
    assert ragline("ingest", documents, "--no-wait").stdout.endswith(
        "3 accepted. 1 of another kind skipped (--all sends them).\n"
    )
    assert "indexed" not in {job.status for job in stack.jobs.values()}

    result = ragline("ingest", documents)

    assert "3 already there." in result.stdout
    assert {job.status for job in stack.jobs.values()} == {"indexed"}


def test_follows_two_equal_files_as_one_job(ragline: Ragline, stack: ScriptedApi) -> None:
    for name in ("one.txt", "two.txt"):
        Path(name).write_text("the same")

    result = ragline("ingest", "one.txt", "two.txt")

    assert result.exit_code == 0
    assert result.stdout.endswith("1 indexed, 1 already there.\n")
    assert len(stack.jobs) == 1


@pytest.mark.usefixtures("stack")
def test_says_why_a_document_failed(ragline: Ragline, documents: Path) -> None:
    (documents / "bad.txt").write_text("hopeless")

    result = ragline("ingest", documents, "--json")

    assert result.exit_code == 1
    [failed] = [line for line in lines(result.stdout) if line.get("status") == "failed"]
    assert failed["path"] == "documents/bad.txt"
    assert failed["error"] == {"code": "empty_document", "message": "The file has no text."}
    assert lines(result.stdout)[-1]["indexed"] == 3


def test_goes_on_when_one_file_is_refused(
    ragline: Ragline, stack: ScriptedApi, documents: Path
) -> None:
    refusal = Refusal(UPLOAD, 413, "upload_too_large", "The file is too large; split it.")
    stack.refusals = [refusal]

    result = ragline("ingest", documents)

    assert result.exit_code == 1
    assert result.stdout.count("The file is too large; split it.") == 1
    assert "2 indexed, 1 failed." in result.stdout


@pytest.mark.usefixtures("stack")
def test_goes_on_when_one_file_cannot_be_read(ragline: Ragline, documents: Path) -> None:
    # Its first page is not mapped: whoever reads it gets an I/O error.
    (documents / "memory.txt").symlink_to("/proc/self/mem")

    result = ragline("ingest", documents)

    assert result.exit_code == 1
    assert "failed: documents/memory.txt: It cannot be read: Input/output error.\n" in result.stdout
    assert "3 indexed, 1 failed." in result.stdout


@pytest.mark.usefixtures("stack")
def test_a_path_that_is_neither_file_nor_folder_is_a_failure(ragline: Ragline) -> None:
    os.mkfifo("pipe")

    result = ragline("ingest", "pipe")

    assert result.exit_code == 1
    assert result.stdout == "failed: pipe: It cannot be read: not a file.\n1 failed.\n"


@pytest.mark.parametrize("status", [429, 503])
def test_waits_as_long_as_the_server_asks(
    ragline: Ragline, stack: ScriptedApi, documents: Path, status: int
) -> None:
    stack.refusals = [
        Refusal(UPLOAD, status, "rate_limited", "Too many requests.", {"Retry-After": "1"})
    ]

    result = ragline("ingest", documents / "a.txt")

    assert result.exit_code == 0, result.output
    assert result.stderr == "Waiting 1 s: Too many requests.\n"
    first, second = stack.asked(UPLOAD)
    assert second.at - first.at >= 1
    assert file_of(first) == file_of(second)


def test_a_repeated_upload_is_the_same_upload_to_the_server(
    ragline: Ragline, stack: ScriptedApi, documents: Path
) -> None:
    stack.refusals = [Refusal(UPLOAD, 503, headers={"Retry-After": "0"})]

    assert ragline("ingest", documents / "a.txt", documents / "b.md").exit_code == 0

    keys = [upload.headers["idempotency-key"] for upload in stack.asked(UPLOAD)]
    assert len(keys) == 3
    assert len(set(keys)) == 2


def test_does_not_wait_for_ever(ragline: Ragline, stack: ScriptedApi, documents: Path) -> None:
    stack.refusals = [
        Refusal(UPLOAD, 503, "store_unavailable", "The database is away.", {"Retry-After": "3600"})
    ]

    result = ragline("ingest", documents / "a.txt")

    assert result.exit_code == 1
    assert "failed: documents/a.txt: The database is away." in result.stdout


def test_ends_at_once_when_the_user_may_not_upload(
    ragline: Ragline, stack: ScriptedApi, documents: Path
) -> None:
    refusal = Refusal(UPLOAD, 403, "forbidden", "A viewer may not change documents.")
    stack.refusals = [refusal] * 8

    result = ragline("ingest", documents)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "A viewer may not change documents.\n"


def test_sends_no_file_when_nobody_can_log_in(
    ragline: Ragline, api: ScriptedApi, documents: Path
) -> None:
    result = ragline(
        "ingest", documents, "--url", api.url, "--email", "x@y.z", "--password-stdin", stdin="no"
    )

    assert result.exit_code == 1
    assert result.stderr == "E-mail and password do not belong together.\n"
    assert not api.asked(UPLOAD)


def test_follows_hundreds_of_jobs_with_few_requests(ragline: Ragline, stack: ScriptedApi) -> None:
    folder = Path("many")
    folder.mkdir()
    for number in range(250):
        (folder / f"{number}.txt").write_text(f"document {number}")

    result = ragline("ingest", folder)

    assert result.stdout.endswith("250 indexed.\n")
    assert len(stack.asked(UPLOAD)) == 250
    assert len(stack.asked("/api/v2/jobs/.+")) == 0


def test_sends_a_bounded_number_of_files_at_once(
    ragline: Ragline, stack: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli.ingestion, "MOST_UPLOADS", 1)
    for name in ("a.txt", "b.txt", "c.txt"):
        Path(name).write_text(name)

    assert ragline("ingest", "a.txt", "b.txt", "c.txt", "--no-wait").exit_code == 0
    assert [file_of(upload)[0] for upload in stack.asked(UPLOAD)] == ["a.txt", "b.txt", "c.txt"]


@pytest.mark.usefixtures("stack")
def test_there_may_be_nothing_to_do(ragline: Ragline) -> None:
    Path("empty").mkdir()

    assert ragline("ingest", "empty").stdout == "Nothing to do.\n"


def test_a_path_that_is_not_there_is_wrong_usage(ragline: Ragline, api: ScriptedApi) -> None:
    result = ragline("ingest", "nowhere", "--url", api.url, "--api-key", API_KEY)

    assert result.exit_code == 2
    assert "nowhere" in result.stderr
