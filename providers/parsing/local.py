"""The local parser: every file is read in a process that can be killed."""

from importlib.metadata import version
from typing import Self

from contracts.artefacts import ParsedDocument
from contracts.errors import DocumentTooLarge, ParsingTimedOut, UnreadableDocument
from providers.measuring import measured
from providers.parsing.protocol import Parsed, RemoteJob, SourceFile
from providers.parsing.reading import read_pages
from runtime.processes import ProcessPool, WorkerCrashed

_MIB = 1024 * 1024
_LIBRARIES = ("pypdfium2", "kreuzberg")


class LocalParser:
    """Parses on this machine: no key, no network, no OCR.

    A file that takes too long, too much memory or the process with it is refused; the next one
    gets another process.
    """

    def __init__(self, *, processes: int, memory_bytes: int, timeout: float) -> None:
        """Take at most ``memory_bytes`` in each of the processes, ``timeout`` seconds a file."""
        self._memory_bytes = memory_bytes
        self._timeout = timeout
        self._pool = ProcessPool(processes, memory_bytes=memory_bytes)
        self._name = "local " + " ".join(f"{name}/{version(name)}" for name in _LIBRARIES)

    @property
    def name(self) -> str:
        """What read the document, with versions."""
        return self._name

    @property
    def is_local_twin(self) -> bool:
        """Always true: LlamaParse is the real provider."""
        return True

    @measured("local", "parse")
    async def parse(self, source: SourceFile, job: RemoteJob) -> Parsed:  # noqa: ARG002  # no job
        """Return the pages of ``source``; nothing is remembered of it anywhere."""
        try:
            pages = await self._pool.run(
                read_pages, str(source.path), source.media_type, timeout=self._timeout
            )
        except TimeoutError as error:
            raise ParsingTimedOut(
                f"Parsing the file took longer than {self._timeout:g} seconds; "
                "split it and upload the parts."
            ) from error
        except MemoryError as error:
            raise DocumentTooLarge(
                f"Parsing the file takes more than {self._memory_bytes // _MIB} MiB of memory; "
                "split it and upload the parts."
            ) from error
        except WorkerCrashed as error:
            raise UnreadableDocument(
                "The file breaks the parser: it is damaged, or needs more than "
                f"{self._memory_bytes // _MIB} MiB of memory."
            ) from error
        return Parsed(document=ParsedDocument(pages=pages, parser=self._name), pages_billed=0)

    async def close(self) -> None:
        """End the processes."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()
