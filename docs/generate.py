"""Writes what is derived from the code: reference pages and the published contracts.

``python docs/generate.py`` writes; ``tests/docs/test_generated.py`` compares.
"""

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import prometheus_client
from prometheus_client.metrics import MetricWrapperBase

from cli.main import COMMANDS, load
from contracts import errors
from contracts.topics import TOPICS, Topic
from docs import chart_schema, dashboards
from gateway.auth.access import ACCESS, Caller, across_tenants
from gateway.errors import FRAMEWORK_CODES, SENTENCES
from gateway.openapi import openapi_document
from runtime import metrics
from runtime.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Made by docs/generate.py; change the code, then run `make docs`. -->\n"


def main() -> None:
    """Write every file."""
    for path, content in documents().items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")


def documents() -> dict[str, str]:
    """Return the content of every generated file by its path."""
    pages: dict[str, Callable[[], str]] = {
        "docs/reference/settings.md": settings_page,
        "docs/reference/topics.md": topics_page,
        "docs/reference/metrics.md": metrics_page,
        "docs/reference/errors.md": errors_page,
        "docs/reference/access.md": access_page,
        "docs/reference/cli.md": cli_page,
        "docs/reference/chart-values.md": chart_values_page,
        "charts/ragline/values.schema.json": lambda: _in_order(chart_schema.schema()),
        "contracts/published/events.schema.json": lambda: _json(events_schema()),
        "contracts/published/asyncapi.json": lambda: _json(asyncapi_document()),
        "contracts/published/openapi.json": lambda: _json(openapi_document()),
    }
    boards = {
        f"charts/ragline/dashboards/{name}.json": _in_order(content)
        for name, content in dashboards.dashboards().items()
    }
    return {path: page() for path, page in pages.items()} | boards


def settings_page() -> str:
    """Return the page of every setting."""
    rows = [
        (f"`{name.upper()}`", _default(field.get_default()), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return _page(
        "Settings",
        "Read once, from the environment and then `.env`. A wrong value stops the process with "
        "one sentence that names it.",
        _table(("name", "default", "what it does"), rows),
    )


def topics_page() -> str:
    """Return the page of every topic."""
    rows = [
        (
            f"`{topic.name}`",
            topic.key,
            str(topic.partitions),
            topic.cleanup,
            topic.kept,
            topic.owner,
            ", ".join(topic.consumers) or "-",
            ", ".join(f"`{event.__name__}`" for event in topic.events) or "the origin's",
        )
        for topic in TOPICS
    ]
    head = ("topic", "key", "partitions", "cleanup", "kept", "written by", "read by", "events")
    return _page(
        "Topics",
        "Declared in `contracts/topics.py`, created by `ragline topics apply`. Partitions are "
        "those of the cloud; `KAFKA_PARTITIONS` lowers them. The schemas of the events are in "
        "`contracts/published/events.schema.json`.",
        _table(head, rows),
    )


def metrics_page() -> str:
    """Return the page of every metric of ours."""
    rows: list[tuple[str, ...]] = []
    for value in vars(metrics).values():
        if isinstance(value, MetricWrapperBase):
            [family] = value.collect()
            labels = ", ".join(getattr(value, "_labelnames", ())) or "-"
            rows.append((f"`{family.name}`", family.type, labels, family.documentation))
    return _page(
        "Metrics",
        "Served at `/metrics` by the gateway and by every worker, in the format of "
        f"{prometheus_client.__name__}; counters end in `_total`.",
        _table(("name", "type", "labels", "what it counts"), rows),
    )


def errors_page() -> str:
    """Return the page of every error code of events and of the API."""
    rows: list[tuple[str, ...]] = []
    for family in (errors.Retryable, errors.Rejected):
        for error in _with_subclasses(family):
            sentence = (error.__doc__ or "").strip()
            rows.append((f"`{error.code}`", family.__name__, sentence))
    bug = errors.RaglineError
    rows.append((f"`{bug.code}`", "a bug", "Something went wrong on our side."))
    known = {row[0] for row in rows}
    rows += [
        (f"`{code}`", "HTTP", SENTENCES.get(status, HTTPStatus(status).description))
        for status, code in FRAMEWORK_CODES.items()
        if f"`{code}`" not in known
    ]
    return _page(
        "Errors",
        "`Retryable`: the work waits and goes on by itself. `Rejected`: the job fails, or the "
        "request is refused, and says this sentence; a record that a worker rejects is kept as a "
        "dead letter. `HTTP`: what the server refuses before any of our code sees it.",
        _table(("code", "family", "sentence"), rows),
    )


def _with_subclasses(family: type[errors.RaglineError]) -> list[type[errors.RaglineError]]:
    """Return the family and what is below it and comes to clients, by module, as declared."""
    found = [family]
    for error in sorted(family.__subclasses__(), key=lambda kind: kind.__module__):
        if error.__module__.split(".")[0] in {"contracts", "store", "gateway"}:
            found += _with_subclasses(error)
    return found


def access_page() -> str:
    """Return the page of who may call which endpoint."""
    rows = [
        (
            f"`{method} {path}`",
            "everybody's" if access.whose is None else access.whose.value,
            *(str(access.refusal(caller) or "yes") for caller in Caller),
            across_tenants(method, path),
        )
        for (method, path), access in ACCESS.items()
    ]
    return _page(
        "Access",
        "Who may call which endpoint, and how it refuses the others: 401 without a token or key, "
        "403 where role or key do not allow it. What is another tenant's, or another user's where "
        "things are the caller's, does not exist: 404. Nobody registers where registration is "
        "closed.",
        _table(("endpoint", "whose things", *Caller, "another tenant's admin"), rows),
    )


def cli_page() -> str:
    """Return the page of every command."""
    parts = [
        line
        for name, entry in sorted(COMMANDS.items())
        for line in _commands(load(name, entry), f"ragline {name}")
    ]
    return _page("Command line", "`ragline --help` says the same.", "\n".join(parts))


def chart_values_page() -> str:
    """Return the page of every value of the chart."""
    return _page(
        "Values of the chart",
        "Of `charts/ragline`. A key below `gatewayDefaults` may stand below each of `gateways`, "
        "one below `workerDefaults` below each of `workers`, and outranks the default there.",
        _table(("key", "default", "what it does"), chart_schema.rows()),
    )


def _commands(command: Any, name: str) -> list[str]:
    if hasattr(command, "commands"):
        return [
            line
            for child in sorted(command.commands)
            for line in _commands(command.commands[child], f"{name} {child}")
        ]
    rows = [
        (
            f"`{', '.join([*option.opts, *option.secondary_opts])}`",
            getattr(option, "help", "") or "",
        )
        for option in command.params
        if option.name != "help"
    ]
    usage = [f"## {name}\n", f"{(command.help or '').strip()}\n"]
    return [*usage, _table(("argument", "what it does"), rows)] if rows else usage


def events_schema() -> dict[str, Any]:
    """Return the JSON Schema of every event, under its topic."""
    events = [event for topic in TOPICS for event in topic.events]
    _, components = msgspec.json.schema_components(events)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Readers accept unknown fields; a change of meaning is a new version.",
        "$defs": components,
    }


def asyncapi_document() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of the topics."""
    _, components = msgspec.json.schema_components(
        [event for topic in TOPICS for event in topic.events],
        ref_template="#/components/schemas/{name}",
    )
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "ragline events", "version": "1"},
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {
            f"{topic.name}.{action}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
            }
            for topic in TOPICS
            for action in ("send", "receive")
            if action == "send" or topic.consumers
        },
        "components": {"schemas": components},
    }


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": f"Key: {topic.key}. Written by {topic.owner}, "
        f"read by {', '.join(topic.consumers) or 'nobody of ours'}. "
        f"Kept {topic.kept}.",
        "messages": {
            event.__name__: {
                "name": event.__name__,
                "contentType": "application/json",
                "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
            }
            for event in topic.events
        },
    }


def _page(title: str, introduction: str, body: str) -> str:
    return f"{NOTE}\n# {title}\n\n{introduction}\n\n{body}\n"


def _table(head: tuple[str, ...], rows: list[Any]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return (
        "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _default(value: Any) -> str:
    if value is None or value == ():
        return "-"
    return f"`{getattr(value, 'value', value)}`"


def _in_order(content: dict[str, Any]) -> str:
    """Return it in the order of its keys, which is how a person reads it."""
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def _json(content: dict[str, Any]) -> str:
    encoded = msgspec.json.encode(content, order="deterministic")
    return msgspec.json.format(encoded, indent=2).decode() + "\n"


if __name__ == "__main__":
    main()
