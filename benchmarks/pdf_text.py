"""The text of PDF pages, against the bare library: ``python -m benchmarks.pdf_text``.

Both read the same files page by page with PDFium. Ours also finds paragraphs, and the parser reads
each file in a process that can be killed; the processor seconds of that process count as its own.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from time import process_time

import psutil
import pypdfium2

from benchmarks.corpus import pdf_file
from benchmarks.report import Report, benchmark
from benchmarks.stack import scratch_folder
from contracts.artefacts import ParsedPage
from providers.parsing.detection import MediaType
from providers.parsing.local import LocalParser
from providers.parsing.protocol import RemoteJob, SourceFile
from providers.parsing.reading import read_pages

#: Enough that a tick of a child's processor clock, 10 ms, does not matter.
_PAGES = 500
_MEMORY_BYTES = 2 << 30
_SECONDS = 300

#: Each in a process of its own, with nothing else loaded; both print their peak memory in KiB.
_BARE_SCRIPT = """
import resource, sys, pypdfium2
document, texts = pypdfium2.PdfDocument(sys.argv[1]), []
for page in document:
    text_page = page.get_textpage()
    texts.append(text_page.get_text_bounded())
    text_page.close()
    page.close()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
_OUR_SCRIPT = """
import resource, sys
from providers.parsing.reading import read_pages
pages = read_pages(sys.argv[1], "application/pdf")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


async def measure(report: Report) -> None:
    """Read PDFs in turns with the bare library; then one large one in a process of each."""
    with scratch_folder() as folder:
        paths = [_written(folder, number, _PAGES) for number in range(report.size(6, 2))]
        await _tell_processor(report, paths)
        large = _written(folder, 1000, report.size(1000, 100))
        ours = await _peak_mebibytes(_OUR_SCRIPT, large)
        bare = await _peak_mebibytes(_BARE_SCRIPT, large)
    report.figure("peak memory, reader / bare", ours / bare, most=1.5)
    report.figure("peak memory, bare", bare, unit="MiB")


def _written(folder: Path, number: int, pages: int) -> Path:
    path = folder / f"{number}.pdf"
    path.write_bytes(pdf_file(number, pages))
    return path


async def _tell_processor(report: Report, paths: Sequence[Path]) -> None:
    least: dict[str, float] = {}
    async with LocalParser(processes=1, memory_bytes=_MEMORY_BYTES, timeout=_SECONDS) as local:
        await _parse(local, paths[0])  # its process is there, and everything is loaded
        _read(paths[0])
        clock = _ProcessorClock()
        for path in paths:
            clock.lap()
            _read_bare(path)
            bare = clock.lap()
            _read(path)
            reader = clock.lap()
            await _parse(local, path)
            spent = {"bare": bare, "reader": reader, "parser": clock.lap()}
            # What else the machine does only ever adds.
            least = {
                name: min(seconds, least.get(name, seconds)) for name, seconds in spent.items()
            }
    report.figure("bare pypdfium2", _PAGES / least["bare"], unit="pages per CPU-s")
    for name in ("reader", "parser"):
        ratio = least["bare"] / least[name]
        report.figure(f"pages per CPU-s, {name} / bare", ratio, least=0.9)


class _ProcessorClock:
    """Reads the processor seconds of this process and the children that it has now."""

    def __init__(self) -> None:
        self._children = psutil.Process().children()
        self._last = 0.0

    def lap(self) -> float:
        """Return the seconds spent since the last lap."""
        children = [child.cpu_times() for child in self._children]
        now = process_time() + sum(times.user + times.system for times in children)
        spent, self._last = now - self._last, now
        return spent


def _read_bare(path: Path) -> list[str]:
    document = pypdfium2.PdfDocument(path)
    texts: list[str] = []
    for index in range(len(document)):
        page = document[index]
        text_page = page.get_textpage()
        texts.append(text_page.get_text_bounded())
        text_page.close()
        page.close()
    document.close()
    return texts


def _read(path: Path) -> tuple[ParsedPage, ...]:
    return read_pages(str(path), MediaType.PDF)


async def _parse(parser: LocalParser, path: Path) -> None:
    source = SourceFile(path=path, filename=path.name, media_type=MediaType.PDF, size=0)

    async def remember(_: str) -> None:
        return

    await parser.parse(source, RemoteJob(known_id=None, remember=remember))


async def _peak_mebibytes(script: str, path: Path) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(path), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return int(output) / 1024


if __name__ == "__main__":
    benchmark("pdf_text", measure)
