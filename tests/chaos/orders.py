"""Delete, upload again and redrive in every order, while work is under way.

No document comes back, and none is lost: ``python -m tests.chaos.orders --rounds 10 --seed 1``
"""

# ruff: noqa: S311 - seeded on purpose
import argparse
import asyncio
import itertools
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from cli.local.first_user import Access, ensure_first_user
from contracts.topics import DOCUMENTS_PARSED, DOCUMENTS_UPLOADED, INPUTS, WORKERS, retry_topics
from runtime.kafka import TopicAdmin
from tests.chaos.product import Product, running_product
from tests.chaos.reading import read_all
from tests.chaos.report import Report

ORDERS = tuple(itertools.permutations(("delete", "upload", "redrive")))
LETTERS = "/api/v2/admin/dead-letters"
#: A redriven record waits ten seconds: what comes within this time meets it in every state.
LONGEST_PAUSE = 12.0
#: For everything to end, and to be seen.
PATIENCE_SECONDS = 180.0
#: What a redrive may be answered: done, its letter is gone with the document, or it is obsolete.
REDRIVEN = {204, 404, 409}


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a run is: each order so often, with pauses of at most so many seconds."""

    rounds: int
    seed: int
    longest_pause: float = LONGEST_PAUSE


@dataclass
class Case:
    """One document, and what is done to it."""

    order: Sequence[str]
    pauses: Sequence[float]
    content: bytes
    document_id: str = ""
    job_id: str = ""
    letter_id: str = ""

    @property
    def stays(self) -> bool:
        """Whether the document is there in the end."""
        return self.order.index("upload") > self.order.index("delete")

    def __str__(self) -> str:
        pauses = ", ".join(f"{pause:.1f}" for pause in self.pauses)
        return f"{' '.join(self.order)} ({pauses}) {self.document_id}"


def cases_of(size: Size) -> list[Case]:
    """Return the documents of a run; the first round is without pauses."""
    random = Random(f"orders:{size.seed}")
    return [
        Case(
            order,
            [random.uniform(0, size.longest_pause) if number else 0.0 for _ in order],
            f"{random.randbytes(8).hex()} is order {' '.join(order)}. It ends.".encode(),
        )
        for number in range(size.rounds)
        for order in ORDERS
    ]


async def shuffle(product: Product, access: Access, size: Size) -> Report:
    """Do everything in every order to documents with a dead letter; wait, and look."""
    report = Report(f"orders: {size}")
    cases = cases_of(size)
    async with httpx.AsyncClient(base_url=product.url, timeout=60, trust_env=False) as http:
        await _log_in(http, access)
        await _let_die(product, http, cases)
        await asyncio.gather(*(_do(http, case) for case in cases))
        await _until_all_is_done(product, http, cases)
        await _look(product, http, cases, report)
    return report.end()


async def _log_in(http: httpx.AsyncClient, access: Access) -> None:
    user = {"email": access.email, "password": access.password}
    session = (await http.post("/api/v2/auth/login", json=user)).raise_for_status().json()
    http.headers["Authorization"] = f"Bearer {session['access_token']}"


async def _let_die(product: Product, http: httpx.AsyncClient, cases: Sequence[Case]) -> None:
    """Give each document a dead letter: its file is away while it is parsed, and is back then."""
    [parser] = [child for child in product.stack.children if child.name == "parser"]
    assert parser.pid is not None
    os.kill(parser.pid, signal.SIGSTOP)
    try:
        for case in cases:
            accepted = await _upload(http, case)
            case.document_id, case.job_id = accepted["document_id"], accepted["job_id"]
        kept = {path: path.read_bytes() for case in cases for path in _files(product, case)}
        for path in kept:
            path.unlink()
    finally:
        os.kill(parser.pid, signal.SIGCONT)
    for case in cases:
        case.letter_id = await _letter(http, case)
    for path, content in kept.items():
        path.write_bytes(content)


async def _upload(http: httpx.AsyncClient, case: Case) -> dict[str, Any]:
    answer = await http.post("/api/v2/upload", files={"file": ("order.txt", case.content)})
    return dict(answer.raise_for_status().json())


def _files(product: Product, case: Case) -> list[Path]:
    folder = Path(urlsplit(product.settings.blob_url or "").path)
    return [path for path in folder.glob(f"*/{case.document_id}/*/*") if path.is_file()]


async def _letter(http: httpx.AsyncClient, case: Case) -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer = await http.get(LETTERS, params={"document_id": case.document_id})
            if found := answer.raise_for_status().json()["data"]:
                return str(found[0]["dead_letter_id"])
            await asyncio.sleep(0.2)


async def _do(http: httpx.AsyncClient, case: Case) -> None:
    for action, pause in zip(case.order, case.pauses, strict=True):
        await asyncio.sleep(pause)
        match action:
            case "delete":
                answer = await http.delete(f"/api/v2/documents/{case.document_id}")
                answer.raise_for_status()
            case "upload":
                case.job_id = (await _upload(http, case))["job_id"]
            case _:
                answer = await http.post(f"{LETTERS}/{case.letter_id}/redrive", json={})
                if answer.status_code not in REDRIVEN:
                    answer.raise_for_status()


async def _until_all_is_done(
    product: Product, http: httpx.AsyncClient, cases: Sequence[Case]
) -> None:
    """Wait until every job has ended and no worker has a record left; give up after a while."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        open_jobs = [
            case for case in cases if await _status(http, case) not in {"indexed", "deleted"}
        ]
        if not open_jobs and not await _records_left(product):
            return
        await asyncio.sleep(0.5)


async def _status(http: httpx.AsyncClient, case: Case) -> str:
    answer = await http.get(f"/api/v2/jobs/{case.job_id}")
    return str(answer.raise_for_status().json()["status"])


async def _records_left(product: Product) -> int:
    groups = [(name, INPUTS[name].name) for name in WORKERS]
    groups += [(f"{name}.retry", topic) for name in WORKERS for topic in retry_topics(name)]
    async with TopicAdmin(product.connection) as admin:
        return sum([sum((await admin.lag(group, topic)).values()) for group, topic in groups])


async def _look(
    product: Product, http: httpx.AsyncClient, cases: Sequence[Case], report: Report
) -> None:
    keys = {case.document_id for case in cases}
    uploaded = await _last_versions(product, DOCUMENTS_UPLOADED.name, keys)
    parsed = await _last_versions(product, DOCUMENTS_PARSED.name, keys)
    lost: list[Case] = []
    back: list[Case] = []
    wrong: list[Case] = []
    for case in cases:
        shown = await http.get(f"/api/v2/documents/{case.document_id}")
        if shown.status_code != (200 if case.stays else 404):
            (lost if case.stays else back).append(case)
            continue
        version = shown.json()["version"] if case.stays else None
        if (uploaded.get(case.document_id), parsed.get(case.document_id)) != (version, version):
            wrong.append(case)
        if case.stays and not await _is_whole(http, case):
            lost.append(case)
        if not case.stays and not await _is_purged(product, case):
            back.append(case)
    report.say("documents", len(cases))
    report.none("documents lost", lost)
    report.none("documents that came back", back)
    report.none("documents with another last record", wrong)


async def _last_versions(
    product: Product, topic: str, keys: Collection[str]
) -> dict[str, int | None]:
    """Return the version in the last record of each of these documents, None for a tombstone."""
    found: dict[str, int | None] = {}
    for record in await read_all(product.connection, topic):
        key = (record.key or b"").decode(errors="replace")
        if key in keys:
            value = None if record.value is None else msgspec.json.decode(record.value)
            found[key] = None if value is None else value["version"]
    return found


async def _is_whole(http: httpx.AsyncClient, case: Case) -> bool:
    page = await http.get(f"/api/v2/documents/{case.document_id}/chunks")
    texts = [chunk["text"] for chunk in page.raise_for_status().json()["data"]]
    return await _status(http, case) == "indexed" and texts == [case.content.decode()]


async def _is_purged(product: Product, case: Case) -> bool:
    """Say whether the files are gone, in time: the leading gateway removes them."""
    for _ in range(100):
        if not _files(product, case):
            return True
        await asyncio.sleep(0.2)
    return False


async def run(size: Size, folder: Path) -> Report:
    """Start the product in ``folder`` and do everything in every order."""
    async with running_product(folder) as product:
        access = await ensure_first_user(product.dsn, folder, product.url)
        return await shuffle(product, access, size)


def main() -> int:
    """Run as asked on the command line; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description="Delete, upload and redrive in every order.")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    folder = Path(tempfile.mkdtemp(prefix="ragline-chaos-"))
    report = asyncio.run(run(Size(**vars(parser.parse_args())), folder))
    sys.stdout.write(report.text())
    if report.off:
        sys.stdout.write(f"Logs and data are kept in {folder}.\n")
    else:
        shutil.rmtree(folder)
    return report.status


if __name__ == "__main__":
    sys.exit(main())
