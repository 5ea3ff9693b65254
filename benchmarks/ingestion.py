"""How many documents a second become searchable: ``python -m benchmarks.ingestion``.

Text files of 4 KB, and then of 20 kB, go in over HTTP and through every process, with the local
twins. The reference does the same work on the same files in one process, without HTTP, Kafka or a
job to look at: it reads, splits, embeds and writes rows and vectors, one transaction a document.
How the processor seconds of the two compare says what the pipeline costs; which process spends
them says what to scale first.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter, process_time

import asyncpg
from pgvector import Vector

from benchmarks.client import Client
from benchmarks.corpus import text_file
from benchmarks.processes import CLIENT, Processes, spent_since
from benchmarks.report import Report, benchmark
from benchmarks.stack import Machine, running_machine, scratch_folder
from contracts import ids
from contracts.ids import DocumentId
from contracts.text import join_pages
from providers.embedding.factory import create_embedding
from providers.embedding.protocol import EmbeddingModel
from store.codecs import prepare
from workers.chunker.core import Chunk, chunk_text

#: Uploads under way at the same time.
_CLIENTS = 8
_LOOK_SECONDS = 0.1
#: No run takes longer than this.
_MOST_SECONDS = 900

# Rows of tenants are hidden from the owner of the tables; this role may count them.
_AS_SYSTEM = "SET ROLE ragline_system"
_FINISHED = "SELECT count(finished_at) FROM jobs"
_CHUNKS = "SELECT sum(chunks_done) FROM document_generations"

_REFERENCE_TABLE = """
CREATE TABLE IF NOT EXISTS reference (
    chunk_id uuid PRIMARY KEY, document_id uuid, ordinal integer, page_first integer,
    char_start bigint, char_end bigint, text text, embedding vector(256) STORAGE PLAIN);
CREATE INDEX IF NOT EXISTS reference_document ON reference (document_id);
TRUNCATE reference;
"""
_COLUMNS = (
    *("chunk_id", "document_id", "ordinal", "page_first", "char_start", "char_end"),
    *("text", "embedding"),
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one way of indexing the files took."""

    documents: int
    chunks: int
    seconds: float
    #: Processor seconds by role.
    cpu: dict[str, float]

    @property
    def product_cpu(self) -> float:
        """Processor seconds without those of the client."""
        return sum(spent for role, spent in self.cpu.items() if role != CLIENT)


async def measure(report: Report) -> None:
    """Index files through the whole pipeline, and the same text in one process."""
    shapes = ((report.size(1000, 60), 4096), (report.size(100, 20), 20_000))
    with scratch_folder() as folder:
        async with running_machine(folder) as machine:
            await _through_pipeline(machine, _files(20, 4096, seed=900_000))  # everything loaded
            for number, (count, size) in enumerate(shapes):
                files = _files(count, size, seed=100_000 * number)
                run = await _through_pipeline(machine, files)
                bare = await _in_one_process(machine, files)
                _tell(report, f"{count:,} files of {size:,} bytes", run, bare)


def _files(count: int, size: int, *, seed: int) -> list[bytes]:
    return [text_file(seed + number, size) for number in range(count)]


async def _through_pipeline(machine: Machine, files: Sequence[bytes]) -> Run:
    processes, headers = Processes(machine), await machine.log_in()
    counter = await asyncpg.connect(machine.dsn)
    await counter.execute(_AS_SYSTEM)
    finished = await counter.fetchval(_FINISHED)
    chunks = await counter.fetchval(_CHUNKS) or 0
    spent, began = processes.cpu_seconds(), perf_counter()
    waiting = iter(enumerate(files))

    async def send() -> None:
        async with Client(machine.url, headers) as client:
            for number, content in waiting:
                await client.upload(f"{number}.txt", content)

    async with asyncio.timeout(_MOST_SECONDS):
        await asyncio.gather(*(send() for _ in range(_CLIENTS)))
        while await counter.fetchval(_FINISHED) < finished + len(files):  # noqa: ASYNC110 - polls
            await asyncio.sleep(_LOOK_SECONDS)
    seconds, cpu = perf_counter() - began, spent_since(spent, processes.cpu_seconds())
    chunks = (await counter.fetchval(_CHUNKS)) - chunks
    await counter.close()
    await _expect_no_failures(machine, headers)
    return Run(documents=len(files), chunks=chunks, seconds=seconds, cpu=cpu)


async def _expect_no_failures(machine: Machine, headers: dict[str, str]) -> None:
    async with Client(machine.url, headers) as client:
        failed = (await client.get("/api/v2/jobs?status=failed&limit=1")).json()["data"]
    if failed:
        raise RuntimeError(f"A document failed: {failed[0]['error']}")


async def _in_one_process(machine: Machine, files: Sequence[bytes]) -> Run:
    model = await create_embedding(machine.settings)
    connection = await asyncpg.connect(machine.dsn)
    await prepare(connection)
    await connection.execute(_REFERENCE_TABLE)
    await _index(connection, model, text_file(900_000, 4096))  # everything loaded
    processes = Processes(machine)
    spent, began, own, chunks = processes.cpu_seconds(), perf_counter(), process_time(), 0
    for content in files:
        chunks += await _index(connection, model, content)
    seconds, own = perf_counter() - began, process_time() - own
    postgres = spent_since(spent, processes.cpu_seconds())["postgres"]
    await connection.close()
    await model.close()
    cpu = {"one process": own, "postgres": postgres}
    return Run(documents=len(files), chunks=chunks, seconds=seconds, cpu=cpu)


async def _index(
    connection: "asyncpg.Connection[asyncpg.Record]", model: EmbeddingModel, content: bytes
) -> int:
    """Index one document and return how many chunks it has."""
    document = DocumentId(ids.derive("reference", hashlib.sha256(content).hexdigest()))
    text, starts = join_pages([content.decode()])
    chunks = chunk_text(text, starts)
    embedded = await model.embed([chunk.text for chunk in chunks])
    rows = [
        _row(document, chunk, Vector(vector))
        for chunk, vector in zip(chunks, embedded.vectors, strict=True)
    ]
    await connection.copy_records_to_table("reference", records=rows, columns=_COLUMNS)
    return len(chunks)


def _row(document: DocumentId, chunk: Chunk, vector: Vector) -> tuple[object, ...]:
    return (
        ids.chunk_id(document, 1, "sentence_5", chunk.ordinal),
        document,
        chunk.ordinal,
        chunk.page_first,
        chunk.char_start,
        chunk.char_end,
        chunk.text,
        vector,
    )


def _tell(report: Report, shape: str, run: Run, bare: Run) -> None:
    for way, of in (("through the pipeline", run), ("in one process", bare)):
        report.listing(
            f"{shape} {way}: {of.chunks:,} chunks in {of.seconds:.1f} s",
            ("process", "CPU-s", "ms per document", "share of a core"),
            [
                (role, spent, 1000 * spent / of.documents, spent / of.seconds)
                for role, spent in sorted(of.cpu.items(), key=lambda item: -item[1])
            ],
        )
    rate, reference = run.documents / run.seconds, bare.documents / bare.seconds
    report.figure(f"{shape}: documents/s", rate)
    report.figure(f"{shape}: chunks/s", run.chunks / run.seconds)
    report.figure(f"{shape}: documents/s, pipeline / one process", rate / reference)
    report.figure(f"{shape}: CPU-s, pipeline / one process", run.product_cpu / bare.product_cpu)


if __name__ == "__main__":
    benchmark("ingestion", measure)
