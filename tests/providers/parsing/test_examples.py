"""The facts that `examples/README.md` promises are where it says."""

from pathlib import Path

import pytest

from providers.parsing.detection import HEAD_BYTES, detect_media_type
from providers.parsing.reading import read_pages
from runtime.processes import ProcessPool

DOCUMENTS = Path(__file__).parents[3] / "examples" / "documents"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("filename", "page", "fact"),
    [
        ("tarnfell-handbook.pdf", 1, "in the cellar of the village school"),
        ("tarnfell-handbook.pdf", 2, "the only telescope that may be used in rain"),
        ("tarnfell-handbook.pdf", 2, "Great Lindqvist Ritchey-Chretien reflector 810 1986 3"),
        ("tarnfell-handbook.pdf", 3, "Membership costs 140 crowns a year"),
        ("tarnfell-handbook.pdf", 4, "the wind is over 54 kilometres an hour"),
        ("tarnfell-handbook.pdf", 5, "distilled water and a little green soap"),
        ("night-kitchen.docx", 1, "pancakes at 04:00"),
        ("visitor-guide.html", 1, "weighs 17.4 kilograms"),
        ("dome-repairs.md", 1, "A jackdaw nested in the counterweight shaft."),
        ("instruments.csv", 1, "Instrument: Rubidium clock; Room: Cellar;"),
        ("radio-quiet-zone.txt", 1, "a radio quiet zone of 400 metres"),
    ],
)
async def test_every_example_says_what_the_readme_promises(filename: str, page: int, fact: str):
    path = DOCUMENTS / filename
    media_type = detect_media_type(path.read_bytes()[:HEAD_BYTES], filename)
    async with ProcessPool(1) as pool:
        pages = await pool.run(read_pages, str(path), media_type, timeout=60)
    assert fact in " ".join(pages[page - 1].text.split())
