"""A real scrape of every process has each metric that a dashboard or an alert asks for."""

import time
from collections.abc import Iterator

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.queries import all_expressions, asked_of, base_name
from tests.fixtures.stack import Running
from tests.pipeline.conftest import indexed, upload

ASKED = [one for expression in all_expressions() for one in asked_of(expression) if one.is_ours]
#: Their series begin with the first such event, which a healthy short run does not have.
RARE = {
    "ragline_duplicates_suppressed",
    "ragline_obsolete_records",
    "ragline_provider_errors",
    "ragline_rate_limited",
    "ragline_reconciled",
    "ragline_retries",
    "ragline_rebalances",
}


def test_every_metric_that_is_asked_for_is_scraped_with_its_labels(
    running: Running, client: httpx.Client
) -> None:
    indexed(client, "mirror.txt", b"The mirror is aluminised every second spring.")
    upload(client, "damaged.pdf", b"%PDF-1.7 and then nothing of a PDF")
    body = {"message": "When is the mirror aluminised?", "stream": True}
    assert client.post("/chat", json=body).status_code == 200
    deadline = time.monotonic() + 60
    while missing := _missing(running):
        assert time.monotonic() < deadline, missing
        time.sleep(0.5)
    assert _names(running) >= RARE


def _missing(running: Running) -> list[str]:
    found = _labels(running)
    return sorted(
        {
            asked.metric
            for asked in ASKED
            if (name := base_name(asked.metric)) not in RARE
            and not (name in found and asked.labels <= found[name])
        }
    )


def _names(running: Running) -> set[str]:
    return set(_labels(running))


def _labels(running: Running) -> dict[str, set[str]]:
    """Return for each family of any process the labels of its samples."""
    found: dict[str, set[str]] = {}
    for text in _pages(running):
        for family in text_string_to_metric_families(text):
            labels = found.setdefault(family.name, set())
            for sample in family.samples:
                labels.update(sample.labels)
    return found


def _pages(running: Running) -> Iterator[str]:
    ports = [file.read_text() for file in (running.folder / "run").glob("*.port")]
    assert len(ports) >= 4
    for address in (running.url, *(f"http://127.0.0.1:{port}" for port in ports)):
        yield httpx.get(f"{address}/metrics", trust_env=False).raise_for_status().text
