"""What operators ask for that cannot be: refused clearly, or nothing to do."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.integration.gateway.callers import new_operator
from tests.integration.gateway.serving import Client, Gateway

PLAN = "/api/v2/admin/replays/plan"
GENERATIONS = "/api/v2/admin/generations"


@pytest.fixture(scope="module")
def operator(gateway: Gateway) -> Iterator[Client]:
    with closing(new_operator(gateway)) as client:
        yield client


@pytest.mark.parametrize("number", [0, 2**31, 2**63])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/promote")],
)
def test_a_generation_that_no_column_takes_is_not_found(
    operator: Client, method: str, path: str, number: int
) -> None:
    body = {} if method == "POST" else None
    answer = operator.request(method, f"{GENERATIONS}/{number}{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_model_that_cannot_be_asked_is_named(operator: Client) -> None:
    answer = operator.post(GENERATIONS, json={"embedding_model": "no-such-model"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == "embedding_model"


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00Z", "1960-01-01T00:00:00Z"])
def test_a_plan_since_before_all_time_is_of_everything(operator: Client, since: str) -> None:
    assert planned(operator, {"group": "parser", "since": since})["records"] >= 0


def test_a_plan_of_nothing_says_so(operator: Client) -> None:
    body = {
        "group": "parser",
        "since": "2000-01-01T00:00:00Z",
        "until": "2000-01-01T00:00:00Z",
        "tenant_id": "5c70c0de-0000-4000-8000-000000000001",
    }
    assert planned(operator, body)["records"] == 0


def planned(operator: Client, body: dict[str, str]) -> dict[str, Any]:
    """Return the plan; a new Kafka has no coordinator of groups for its first seconds: 503."""
    deadline = time.monotonic() + 30
    while (answer := operator.post(PLAN, json=body)).status_code == 503:
        assert time.monotonic() < deadline, answer.text
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_metrics_say_their_kind_once(operator: Client) -> None:
    kind = operator.get("/metrics").headers["content-type"]
    assert kind.startswith("text/plain")
    assert kind.count("charset") == 1
