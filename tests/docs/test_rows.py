"""Every setting, topic, metric and error code is explained in the reference."""

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from contracts.errors import RaglineError
from contracts.topics import TOPICS
from gateway import app  # every error of the gateway is defined with it
from runtime import metrics
from runtime.settings import Settings
from tests.docs.pages import ROOT

REFERENCE = ROOT / "docs" / "reference"


def _codes(kind: type[RaglineError]) -> Iterator[str]:
    for narrower in kind.__subclasses__():
        if not narrower.__module__.startswith("tests"):
            yield narrower.code
            yield from _codes(narrower)


def _metrics() -> Iterator[str]:
    declared = {id(value) for value in vars(metrics).values()}
    for collector in list(REGISTRY._collector_to_names):
        if id(collector) in declared:
            yield from (family.name for family in collector.collect())


NAMES = {
    "settings.md": sorted(name.upper() for name in Settings.model_fields),
    "topics.md": sorted(topic.name for topic in TOPICS),
    "metrics.md": sorted(_metrics()),
    "errors.md": sorted(set(_codes(RaglineError))),
}


@pytest.mark.parametrize("page", NAMES)
def test_everything_has_its_row(page: str) -> None:
    lines = (REFERENCE / page).read_text(encoding="utf-8").splitlines()
    rows = {line.split("|")[1].strip() for line in lines if line.startswith("| `")}
    assert app is not None
    assert [name for name in NAMES[page] if f"`{name}`" not in rows] == []
    assert NAMES[page]
