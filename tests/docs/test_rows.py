"""Every setting, topic, metric and error code is explained in the reference."""

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from contracts.errors import RaglineError
from contracts.topics import TOPICS
from gateway.errors import FRAMEWORK_CODES, HANDLERS
from gateway.routes import CONTROLLERS  # with them, every error that a client may see is defined
from runtime import metrics
from runtime.settings import Settings
from tests.docs.pages import ROOT

REFERENCE = ROOT / "docs" / "reference"
#: Where errors are defined that reach clients.
PACKAGES = {"contracts", "gateway", "store"}


def _codes(kind: type[RaglineError]) -> Iterator[str]:
    yield kind.code
    for narrower in kind.__subclasses__():
        if narrower.__module__.split(".")[0] in PACKAGES:
            yield from _codes(narrower)


NAMES = {
    "settings.md": {name.upper() for name in Settings.model_fields},
    "topics.md": {topic.name for topic in TOPICS},
    "metrics.md": {one.name for one in REGISTRY.collect() if one.name.startswith("ragline_")},
    "errors.md": {*_codes(RaglineError), *FRAMEWORK_CODES.values()},
}


def test_all_that_is_to_be_explained_is_loaded() -> None:
    assert RaglineError in HANDLERS
    assert CONTROLLERS
    assert metrics.EVENTS_HANDLED in list(vars(metrics).values())
    assert all(len(names) > 10 for names in NAMES.values())


@pytest.mark.parametrize("page", NAMES)
def test_everything_has_its_row(page: str) -> None:
    lines = (REFERENCE / page).read_text(encoding="utf-8").splitlines()
    rows = {line.split("|")[1].strip() for line in lines if line.startswith("| `")}
    assert sorted(name for name in NAMES[page] if f"`{name}`" not in rows) == []
