"""What PromQL expressions ask for: metrics, the labels they choose by, the labels they group by."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from docs.dashboards import expressions

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "charts" / "ragline" / "rules" / "ragline.rules.yaml"

#: What Prometheus adds to every series that it scrapes in Kubernetes, and to every bucket.
OF_THE_TARGET = {"namespace", "job", "instance", "pod", "le"}

_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPED = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")
_METRIC = re.compile(r"(?<![\w$])([a-z]\w*(?:_\w+)+|up)\b(?!\s*\()(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


@dataclass(frozen=True)
class Asked:
    """A metric and every label that the expression expects of it."""

    metric: str
    labels: frozenset[str]

    @property
    def is_ours(self) -> bool:
        return self.metric.startswith("ragline_")


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def all_expressions() -> list[str]:
    return [*expressions(), *(rule["expr"] for rule in alerts())]


def asked_of(expression: str) -> Iterator[Asked]:
    """Yield what an expression asks for; labels that it groups by belong to all of its metrics."""
    bare = _STRINGS.sub('""', expression)
    grouped = {
        label.strip() for found in _GROUPED.finditer(bare) for label in found[1].split(",")
    } - {""}
    for found in _METRIC.finditer(_GROUPED.sub("", bare)):
        chosen = set(_MATCHER.findall(found[2] or ""))
        yield Asked(found[1], frozenset((chosen | grouped) - OF_THE_TARGET))


def base_name(metric: str) -> str:
    """Return the family's name in the reference: without what Prometheus' format adds."""
    return re.sub(r"_(total|bucket|count|sum)$", "", metric)
