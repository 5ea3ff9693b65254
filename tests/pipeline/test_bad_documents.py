"""Files that cannot be indexed: the job says why, once, and everything else goes on."""

import httpx
import pytest

from tests.fixtures import documents
from tests.pipeline.conftest import indexed, upload, wait

TEXT = "A sentence that can be read. Another one follows it."

BOMB = documents.archive(
    {
        "[Content_Types].xml": "<Types/>",
        "word/document.xml": b" " * 600_000_000,
    }
)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("locked.pdf", documents.pdf([TEXT], encrypted=True), "encrypted_document"),
        ("cut.pdf", documents.pdf([TEXT])[:400], "unreadable_document"),
        ("scan.pdf", documents.scanned_pdf(), "empty_document"),
        ("blank.txt", b" \n\t\n ", "empty_document"),
        ("bomb.docx", BOMB, "document_too_large"),
    ],
)
def test_a_file_that_cannot_be_read_fails_its_job_with_a_sentence(
    client: httpx.Client, name: str, content: bytes, code: str
) -> None:
    job = wait(client, upload(client, name, content)["job_id"])
    assert job["status"] == "failed"
    assert job["error"]["code"] == code
    assert job["error"]["message"].endswith(".")
    [parse] = [stage for stage in job["stages"] if stage["name"] == "parse"]
    assert parse["state"] == "failed"
    assert parse["attempts"] == 1


def test_a_failed_file_uploaded_again_is_tried_again(client: httpx.Client) -> None:
    content = documents.pdf(["Twice."], encrypted=True)
    first = upload(client, "again.pdf", content)
    assert wait(client, first["job_id"])["status"] == "failed"
    second = upload(client, "again.pdf", content)
    assert second["document_id"] == first["document_id"]
    assert second["job_id"] != first["job_id"]
    assert wait(client, second["job_id"])["status"] == "failed"


def test_good_files_go_on_between_bad_ones(client: httpx.Client) -> None:
    jobs = [
        upload(client, f"{number}.pdf", documents.pdf([f"Number {number}."])[: 300 + number])
        for number in range(3)
    ]
    good = indexed(client, "good.txt", b"This one is fine. It has text.")
    assert good["chunks"] == 1
    assert {wait(client, job["job_id"])["status"] for job in jobs} == {"failed"}
