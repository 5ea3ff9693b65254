"""A real Prometheus scrapes every process and evaluates every query of dashboards and alerts.

It needs `prometheus` and is run by `make chart-check` where that is in PATH.
"""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.deploy.queries import RULES, all_expressions, asked_of
from tests.fixtures.stack import Running
from tests.pipeline.conftest import client, indexed, upload
from tests.pipeline.test_scrape import RARE

__all__ = ["client"]

#: What Grafana puts in for its variables.
VARIABLES = {
    "$namespace": ".*",
    "$__rate_interval": "1m",
    "$input_price_per_million": "1",
    "$output_price_per_million": "2",
}


@pytest.fixture
def prometheus(running: Running, tmp_path: Path) -> Iterator[httpx.Client]:
    """A Prometheus that scrapes the stack each second, as an operator would set it up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(_configuration(running)))
    command = ["prometheus", f"--config.file={file}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - ours
            [*command, f"--web.listen-address={address}"], stderr=log
        )
    try:
        with httpx.Client(base_url=f"http://{address}", trust_env=False) as asking:
            yield asking
    finally:
        process.terminate()
        process.wait(30)


def test_a_prometheus_answers_every_query_from_what_it_scraped(
    prometheus: httpx.Client, client: httpx.Client
) -> None:
    indexed(client, "lamp.txt", b"The lamp of the lighthouse was lit in 1871.")
    upload(client, "damaged.pdf", b"%PDF-1.7 and then nothing of a PDF")
    body = {"message": "When was the lamp lit?", "stream": True}
    assert client.post("/chat", json=body).status_code == 200
    deadline = time.monotonic() + 60
    while missing := [metric for metric in sorted(_wanted()) if not _ask(prometheus, metric)]:
        assert time.monotonic() < deadline, missing
        time.sleep(1)  # noqa: TID251 - no event loop to block
    for expression in all_expressions():
        _ask(prometheus, _filled_in(expression))  # it is valid, or this raises


def test_a_prometheus_takes_the_rules_and_a_healthy_stack_fires_none(
    prometheus: httpx.Client,
) -> None:
    deadline = time.monotonic() + 30
    while not (groups := _rules(prometheus)):
        assert time.monotonic() < deadline
        time.sleep(0.5)  # noqa: TID251 - the same
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) >= 17
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []
    assert [rule["lastError"] for rule in rules if rule.get("lastError")] == []


def _configuration(running: Running) -> dict[str, Any]:
    ports = [path.read_text() for path in (running.folder / "run").glob("*.port")]
    targets = [running.url.removeprefix("http://"), *(f"127.0.0.1:{port}" for port in ports)]
    jobs = [
        {
            "job_name": "ragline",
            "static_configs": [{"targets": targets, "labels": {"namespace": "here"}}],
        }
    ]
    every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    return {"global": every, "rule_files": [str(RULES)], "scrape_configs": jobs}


def _wanted() -> set[str]:
    asked = (one for expression in all_expressions() for one in asked_of(expression))
    return {
        one.metric for one in asked if one.is_ours and not any(map(one.metric.startswith, RARE))
    }


def _filled_in(expression: str) -> str:
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    assert not re.search(r"\$\w", expression), expression
    return expression


def _ask(prometheus: httpx.Client, query: str) -> list[Any]:
    try:
        answer = prometheus.get("/api/v1/query", params={"query": query})
    except httpx.TransportError:
        return []  # it is starting
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return []
    assert answer.status_code == httpx.codes.OK, f"{query}: {answer.text}"
    result: list[Any] = answer.json()["data"]["result"]
    return result


def _rules(prometheus: httpx.Client) -> list[Any]:
    try:
        groups: list[Any] = prometheus.get("/api/v1/rules").json()["data"]["groups"]
    except (httpx.TransportError, ValueError):
        return []
    evaluated = all(rule["lastEvaluation"][0] == "2" for one in groups for rule in one["rules"])
    return groups if evaluated else []
