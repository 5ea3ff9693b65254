"""Grafana's dashboards, from a list of panels: `charts/ragline/dashboards/*.json`.

A panel is a title, a unit and its queries. Every dashboard has the variables ``datasource`` and
``namespace``; metrics that are not ragline's own are named in docs/explanation/monitoring.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contracts.topics import WORKERS

#: Grafana's grid has 24 columns.
COLUMNS = 24
HEIGHT = 8
HERE = 'namespace=~"$namespace"'
#: Of KEDA's own scrape; its namespace is KEDA's.
KEDAS = f'exported_{HERE}, scaledObject=~".*ragline.*"'


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A graph; ``queries`` are pairs of an expression and the name of its series."""

    title: str
    queries: Sequence[tuple[str, str]]
    unit: str = "short"
    help: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A headline and the panels below it, side by side."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A page; its name is its file and the end of its address."""

    name: str
    title: str
    rows: Sequence[Row]
    #: Constants that a person may change on the page, by name.
    constants: Sequence[tuple[str, str]] = ()


def dashboards() -> dict[str, dict[str, Any]]:
    """Return every dashboard as Grafana reads it, by its name."""
    return {dashboard.name: _json(dashboard) for dashboard in DASHBOARDS}


def expressions() -> list[str]:
    """Return every query of every dashboard."""
    return [
        expression
        for dashboard in DASHBOARDS
        for row in dashboard.rows
        for panel in row.panels
        for expression, _ in panel.queries
    ]


def _json(dashboard: Dashboard) -> dict[str, Any]:
    panels: list[dict[str, Any]] = []
    y = 0
    for row in dashboard.rows:
        panels.append(_headline(row, y, len(panels) + 1))
        width = COLUMNS // len(row.panels)
        for column, panel in enumerate(row.panels):
            panels.append(_panel(panel, column * width, y + 1, width, len(panels) + 1))
        y += 1 + HEIGHT
    return {
        "uid": f"ragline-{dashboard.name}",
        "title": dashboard.title,
        "tags": ["ragline"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "",
        "templating": {"list": [_datasource(), _namespace(), *map(_constant, dashboard.constants)]},
        "links": [
            {"type": "dashboards", "tags": ["ragline"], "title": "ragline", "asDropdown": True}
        ],
        "panels": panels,
    }


def _headline(row: Row, y: int, number: int) -> dict[str, Any]:
    place = {"h": 1, "w": COLUMNS, "x": 0, "y": y}
    return {"type": "row", "id": number, "title": row.title, "gridPos": place, "panels": []}


def _panel(panel: Panel, x: int, y: int, width: int, number: int) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "type": "timeseries",
        "id": number,
        "title": panel.title,
        "description": panel.help,
        "datasource": source,
        "gridPos": {"h": HEIGHT, "w": width, "x": x, "y": y},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": source,
                "expr": expression,
                "legendFormat": legend,
            }
            for index, (expression, legend) in enumerate(panel.queries)
        ],
    }


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Source"}


def _namespace() -> dict[str, Any]:
    return {
        "name": "namespace",
        "type": "query",
        "label": "Namespace",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "query": "label_values(ragline_outbox_published_total, namespace)",
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _constant(constant: tuple[str, str]) -> dict[str, Any]:
    name, value = constant
    label = name.replace("_", " ")
    return {"name": name, "type": "textbox", "label": label, "query": value}


def _rate(metric: str, by: str, *labels: str) -> str:
    return f"sum by ({by}) (rate({metric}{{{', '.join([HERE, *labels])}}}[$__rate_interval]))"


def _quantile(share: float, metric: str, *labels: str, by: str = "") -> str:
    groups = f"{by}, le" if by else "le"
    return f"histogram_quantile({share}, {_rate(f'{metric}_bucket', groups, *labels)})"


def _cost(by: str) -> str:
    """Return what the tokens of an hour at the present rate cost."""
    spent = _rate("ragline_tokens_total", by, 'direction="input"')
    said = _rate("ragline_tokens_total", by, 'direction="output"')
    prices = "$input_price_per_million", "$output_price_per_million"
    return f"3600 / 1e6 * ({prices[0]} * {spent} + {prices[1]} * {said})"


def _of_worker(worker: str) -> Row:
    """Return what every worker shows; builds count with the worker whose name they have."""
    group = f'group=~"{worker}(\\\\.g[0-9]+)?"'
    named = f'worker="{worker}"'
    deployment = f'deployment=~".*ragline-{worker}(-g[0-9]+)?"'
    return Row(
        title=worker,
        panels=[
            Panel(
                title="Lag",
                queries=[
                    (f"sum by (group) (ragline_consumer_lag{{{HERE}, {group}}})", "{{group}}"),
                    (
                        f'sum(ragline_consumer_lag{{{HERE}, group="{worker}.retry"}})',
                        "waits for a retry",
                    ),
                ],
                help="Records not yet read by the pods that run; without pods, see KEDA's.",
            ),
            Panel(
                title="Records",
                unit="ops",
                queries=[
                    (_rate("ragline_events_handled_total", "outcome", named), "{{outcome}}"),
                    (_rate("ragline_retries_total", "code", named), "retry: {{code}}"),
                ],
            ),
            Panel(
                title="Time of a record",
                unit="s",
                queries=[
                    (_quantile(0.5, "ragline_handler_seconds", named), "median"),
                    (_quantile(0.95, "ragline_handler_seconds", named), "p95"),
                    (
                        f"max(ragline_oldest_in_flight_seconds{{{HERE}, {group}}})",
                        "oldest in work",
                    ),
                ],
            ),
            Panel(
                title="Replicas",
                queries=[
                    (f"count(ragline_records_in_flight{{{HERE}, {group}}})", "processes"),
                    (
                        f"sum(kube_deployment_spec_replicas{{{HERE}, {deployment}}})",
                        "wanted",
                    ),
                    (f"sum(ragline_records_in_flight{{{HERE}, {group}}})", "records in work"),
                ],
            ),
        ],
    )


OVERVIEW = Dashboard(
    name="overview",
    title="ragline: overview",
    rows=[
        Row(
            title="Gateways",
            panels=[
                Panel(
                    title="Requests",
                    unit="reqps",
                    queries=[(_rate("ragline_http_requests_total", "status"), "{{status}}")],
                ),
                Panel(
                    title="Time to the response's start, p95",
                    unit="s",
                    queries=[(_quantile(0.95, "ragline_http_seconds", by="route"), "{{route}}")],
                ),
                Panel(
                    title="Uploads",
                    unit="Bps",
                    queries=[(_rate("ragline_upload_bytes_total", "namespace"), "{{namespace}}")],
                ),
                Panel(
                    title="Outbox",
                    queries=[
                        (f"max(ragline_outbox_waiting{{{HERE}}})", "waiting"),
                        (f"max(ragline_outbox_held_back{{{HERE}}})", "held back for fairness"),
                        (f"max(ragline_outbox_oldest_seconds{{{HERE}}})", "age of the oldest, s"),
                        (f"max(ragline_jobs_stalled{{{HERE}}})", "stalled jobs"),
                    ],
                ),
            ],
        ),
        *map(_of_worker, WORKERS),
        Row(
            title="Rebalances",
            panels=[
                Panel(
                    title="Partitions taken away",
                    unit="ops",
                    queries=[(_rate("ragline_rebalances_total", "group"), "{{group}}")],
                ),
                Panel(
                    title="Drain, p95",
                    unit="s",
                    queries=[(_quantile(0.95, "ragline_drain_seconds", by="group"), "{{group}}")],
                ),
                Panel(
                    title="Lag that KEDA sees",
                    queries=[
                        (
                            f"sum by (scaledObject) (keda_scaler_metrics_value{{{KEDAS}}})",
                            "{{scaledObject}}",
                        )
                    ],
                ),
                Panel(
                    title="Partitions whose window is full",
                    queries=[
                        (f"sum by (group) (ragline_partitions_paused{{{HERE}}})", "{{group}}")
                    ],
                ),
            ],
        ),
    ],
)

CHAT = Dashboard(
    name="chat",
    title="ragline: chat",
    constants=[("input_price_per_million", "0.15"), ("output_price_per_million", "0.60")],
    rows=[
        Row(
            title="Answers",
            panels=[
                Panel(
                    title="Answers",
                    unit="ops",
                    queries=[
                        (_rate("ragline_answers_total", "finish_reason"), "{{finish_reason}}")
                    ],
                ),
                Panel(
                    title="Time to the first token",
                    unit="s",
                    queries=[
                        (_quantile(0.5, "ragline_first_token_seconds"), "median"),
                        (_quantile(0.95, "ragline_first_token_seconds"), "p95"),
                    ],
                ),
                Panel(
                    title="Retrieval",
                    unit="s",
                    queries=[
                        (_quantile(0.5, "ragline_retrieval_seconds"), "median"),
                        (_quantile(0.95, "ragline_retrieval_seconds"), "p95"),
                    ],
                ),
                Panel(
                    title="Open streams",
                    queries=[
                        (f"sum by (kind) (ragline_open_streams{{{HERE}}})", "{{kind}}"),
                    ],
                ),
            ],
        ),
        Row(
            title="Tokens and cost",
            panels=[
                Panel(
                    title="Tokens",
                    unit="ops",
                    queries=[
                        (
                            _rate("ragline_tokens_total", "provider, direction"),
                            "{{provider}} {{direction}}",
                        )
                    ],
                ),
                Panel(
                    title="Cost of an hour at this rate, in the currency of the prices",
                    queries=[
                        (_cost("provider"), "{{provider}}"),
                    ],
                ),
                Panel(
                    title="Citations that failed their check",
                    unit="ops",
                    queries=[(_rate("ragline_citations_dropped_total", "namespace"), "dropped")],
                ),
                Panel(
                    title="Refused by a limit",
                    unit="ops",
                    queries=[(_rate("ragline_rate_limited_total", "limit"), "{{limit}}")],
                ),
            ],
        ),
    ],
)

DEAD_LETTERS = Dashboard(
    name="dead-letters",
    title="ragline: dead letters",
    rows=[
        Row(
            title="Given up",
            panels=[
                Panel(
                    title="Wait for a decision",
                    queries=[
                        (
                            f"sum by (worker, code) (ragline_dead_letters_waiting{{{HERE}}})",
                            "{{worker}}: {{code}}",
                        )
                    ],
                ),
                Panel(
                    title="Given up",
                    unit="ops",
                    queries=[
                        (
                            _rate("ragline_dead_letters_total", "worker, code"),
                            "{{worker}}: {{code}}",
                        )
                    ],
                ),
                Panel(
                    title="Tried again",
                    unit="ops",
                    queries=[
                        (_rate("ragline_retries_total", "worker, code"), "{{worker}}: {{code}}")
                    ],
                ),
            ],
        ),
        Row(
            title="Done already, or no longer wanted",
            panels=[
                Panel(
                    title="Work that was done already",
                    unit="ops",
                    queries=[
                        (_rate("ragline_duplicates_suppressed_total", "worker"), "{{worker}}")
                    ],
                ),
                Panel(
                    title="Of deleted or replaced documents",
                    unit="ops",
                    queries=[(_rate("ragline_obsolete_records_total", "worker"), "{{worker}}")],
                ),
                Panel(
                    title="Stopped: too many bugs",
                    queries=[
                        (f"max by (worker) (ragline_release_stopped{{{HERE}}})", "{{worker}}")
                    ],
                ),
                Panel(
                    title="Woken by the reconciler",
                    unit="ops",
                    queries=[(_rate("ragline_reconciled_total", "outcome"), "{{outcome}}")],
                ),
            ],
        ),
    ],
)

PROVIDERS = Dashboard(
    name="providers",
    title="ragline: providers",
    rows=[
        Row(
            title="Calls",
            panels=[
                Panel(
                    title="Calls",
                    unit="ops",
                    queries=[
                        (
                            _rate("ragline_provider_seconds_count", "provider, operation"),
                            "{{provider}} {{operation}}",
                        )
                    ],
                ),
                Panel(
                    title="Time of a call, p95",
                    unit="s",
                    queries=[
                        (
                            _quantile(0.95, "ragline_provider_seconds", by="provider, operation"),
                            "{{provider}} {{operation}}",
                        )
                    ],
                ),
                Panel(
                    title="Refused for their rate (429)",
                    unit="ops",
                    queries=[
                        (
                            _rate(
                                "ragline_provider_errors_total",
                                "provider, operation",
                                'code="provider_busy"',
                            ),
                            "{{provider}} {{operation}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            title="Failures and thrift",
            panels=[
                Panel(
                    title="Failures",
                    unit="ops",
                    queries=[
                        (
                            _rate("ragline_provider_errors_total", "provider, operation, code"),
                            "{{provider}} {{operation}}: {{code}}",
                        )
                    ],
                ),
                Panel(
                    title="Breaker open",
                    queries=[(f"max by (worker) (ragline_breaker_open{{{HERE}}})", "{{worker}}")],
                ),
                Panel(
                    title="Pages parsed",
                    unit="ops",
                    queries=[(_rate("ragline_pages_parsed_total", "provider"), "{{provider}}")],
                ),
                Panel(
                    title="Embeddings that were known already",
                    unit="ops",
                    queries=[(_rate("ragline_embeddings_reused_total", "namespace"), "reused")],
                ),
            ],
        ),
    ],
)

DATABASE = Dashboard(
    name="database",
    title="ragline: database",
    rows=[
        Row(
            title="What ragline does there",
            panels=[
                Panel(
                    title="Chunks indexed",
                    unit="ops",
                    queries=[(_rate("ragline_chunks_indexed_total", "namespace"), "chunks")],
                ),
                Panel(
                    title="Events published from the outbox",
                    unit="ops",
                    queries=[(_rate("ragline_outbox_published_total", "namespace"), "events")],
                ),
                Panel(
                    title="Search, p95",
                    unit="s",
                    queries=[(_quantile(0.95, "ragline_retrieval_seconds"), "search")],
                ),
                Panel(
                    title="Generations",
                    queries=[
                        (f"max by (state) (ragline_generations{{{HERE}}})", "{{state}}"),
                    ],
                ),
            ],
        ),
        Row(
            title="What PostgreSQL says (postgres_exporter)",
            panels=[
                Panel(
                    title="Sessions",
                    queries=[("sum by (datname) (pg_stat_database_numbackends)", "{{datname}}")],
                ),
                Panel(
                    title="Transactions",
                    unit="ops",
                    queries=[
                        (
                            f"sum by (datname) (rate(pg_stat_database_xact_{end}[5m]))",
                            f"{{{{datname}}}} {end}",
                        )
                        for end in ("commit", "rollback")
                    ],
                ),
                Panel(
                    title="Size",
                    unit="bytes",
                    queries=[("max by (datname) (pg_database_size_bytes)", "{{datname}}")],
                ),
                Panel(
                    title="Longest transaction",
                    unit="s",
                    queries=[
                        ("max by (datname) (pg_stat_activity_max_tx_duration)", "{{datname}}"),
                    ],
                ),
            ],
        ),
    ],
)

DASHBOARDS = (OVERVIEW, CHAT, DEAD_LETTERS, PROVIDERS, DATABASE)
