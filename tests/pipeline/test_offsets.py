"""A citation's offsets lead from the answer back to the characters on a page of the PDF."""

import asyncio
import io
from pathlib import Path
from typing import Any

import httpx
import pypdfium2
import pytest

from contracts.text import join_pages
from providers.parsing.factory import create_parser
from providers.parsing.protocol import RemoteJob, SourceFile
from runtime.settings import Settings
from tests.fixtures.documents import pdf
from tests.pipeline.conftest import indexed

#: A page for each; words of other scripts, quotes and blanks move offsets where bytes are counted.
PAGES = (
    "The warden of Aldmoor keeps bees.\nHe sells honey on Fridays.",
    "Vögel nisten im Frühling.\n“Curlew” and “redshank” are ringed in June.",
    "The ferry leaves Aldmoor at seven.\nIt carries nine cars and forty people.",
)


@pytest.mark.parametrize(
    ("question", "page", "says"),
    [
        ("How many cars does the ferry carry?", 3, "nine cars"),
        ("When does the warden sell honey?", 1, "honey on Fridays"),
    ],
)
def test_a_quote_is_found_again_on_its_page(
    client: httpx.Client, tmp_path: Path, question: str, page: int, says: str
) -> None:
    content = pdf(PAGES)
    document = indexed(client, "aldmoor.pdf", content)["document_id"]
    body = {"message": question, "document_ids": [document], "threshold": -1}
    answer = client.post("/chat", json=body).json()
    [citation] = [one for one in answer["citations"] if says in one["quote"]]
    assert citation["page"] == page
    parsed = asyncio.run(parsed_text(content, tmp_path))
    assert parsed[citation["char_start"] : citation["char_end"]] == citation["quote"]
    assert plain(citation["quote"]) in plain(text_of_page(content, page))


async def parsed_text(content: bytes, folder: Path) -> str:
    """Parse the file once more, apart from the product that runs."""
    path = folder / "aldmoor.pdf"
    path.write_bytes(content)
    source = SourceFile(
        path=path, filename=path.name, media_type="application/pdf", size=len(content)
    )

    async def forget(_: str) -> None: ...

    parser = create_parser(Settings(_env_file=None, environment="test"))
    try:
        parsed: Any = await parser.parse(source, RemoteJob(known_id=None, remember=forget))
    finally:
        await parser.close()
    return join_pages([page.text for page in parsed.document.pages])[0]


def text_of_page(content: bytes, number: int) -> str:
    """What a reader that is none of ours sees on the page."""
    document = pypdfium2.PdfDocument(io.BytesIO(content))
    text = document[number - 1].get_textpage().get_text_range()
    document.close()
    return text


def plain(text: str) -> str:
    return " ".join(text.split())
