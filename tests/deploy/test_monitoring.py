"""Dashboards and alerts speak of metrics that exist, with the labels that they have."""

import pytest
from prometheus_client.metrics import MetricWrapperBase

from runtime import metrics
from tests.deploy.queries import ROOT, Asked, alerts, all_expressions, asked_of, base_name

ASKED = {asked for expression in all_expressions() for asked in asked_of(expression)}
OURS = sorted((asked for asked in ASKED if asked.is_ours), key=lambda asked: asked.metric)
PAGE = ROOT / "docs" / "explanation" / "monitoring.md"


def declared() -> dict[str, set[str]]:
    return {
        family.name: set(getattr(value, "_labelnames", ()))
        for value in vars(metrics).values()
        if isinstance(value, MetricWrapperBase)
        for family in value.collect()
    }


def test_the_parsing_finds_metrics_and_labels() -> None:
    found = set(asked_of('sum by (worker, le) (rate(ragline_x_bucket{code=~"a|b{2}"}[5m])) > 0'))
    assert found == {Asked("ragline_x_bucket", frozenset({"worker", "code"}))}
    assert len(ASKED) > 30


@pytest.mark.parametrize("asked", OURS, ids=lambda asked: asked.metric)
def test_a_metric_that_is_asked_for_is_declared_with_these_labels(asked: Asked) -> None:
    known = declared()
    assert base_name(asked.metric) in known
    # A sum of two metrics may be grouped by a label that only one of them has.
    assert asked.labels <= known[base_name(asked.metric)], asked


def test_metrics_of_others_are_named_where_monitoring_is_explained() -> None:
    page = PAGE.read_text()
    foreign = {asked.metric for asked in ASKED if not asked.is_ours}
    assert sorted(name for name in foreign if f"`{name}`" not in page) == []


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_what_is_wrong_and_where_to_read(
    rule: dict[str, dict[str, str]],
) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"].endswith(".")
    runbook = ROOT / rule["annotations"]["runbook_url"]
    text = runbook.read_text()
    assert str(rule["alert"]) in text
    for part in ("## What it means", "## What to look at", "## What to do"):
        assert part in text, f"{runbook.name} lacks {part!r}"


def test_every_runbook_belongs_to_an_alert() -> None:
    used = {ROOT / rule["annotations"]["runbook_url"] for rule in alerts()}
    written = set((ROOT / "docs" / "runbooks").glob("*.md")) - {ROOT / "docs/runbooks/README.md"}
    assert written == used
