import json

import pytest

from tests.fixtures.scripted_api import ScriptedApi
from tests.integration.cli.conftest import Ragline

COUNTS = {
    "documents": 2,
    "pages": 1234,
    "pages_billed": 0,
    "embedding_tokens": 5,
    "questions": 6,
    "input_tokens": 7,
    "output_tokens": 8,
    "calls": 9,
}
USED = {
    "from": "2026-03-01",
    "to": "2026-03-02",
    "days": [{"day": "2026-03-02", **COUNTS}],
    "total": COUNTS,
}


@pytest.fixture
def used(stack: ScriptedApi) -> ScriptedApi:
    stack.admin["GET", "/api/v2/usage"] = [USED]
    return stack


def test_shows_the_days_and_their_sum(ragline: Ragline, used: ScriptedApi) -> None:
    result = ragline("usage", "--from", "2026-03-01", "--to", "2026-03-02")

    assert result.exit_code == 0, result.stderr
    assert "2026-03-02" in result.stdout
    assert result.stdout.count("1,234") == 2
    assert used.asked("/api/v2/usage")[0].query == {"from": "2026-03-01", "to": "2026-03-02"}


@pytest.mark.usefixtures("used")
def test_prints_the_answer_of_the_api_for_scripts(ragline: Ragline) -> None:
    assert json.loads(ragline("usage", "--json").stdout) == USED


def test_says_that_nothing_was_used(ragline: Ragline, used: ScriptedApi) -> None:
    used.admin["GET", "/api/v2/usage"] = [{**USED, "days": []}]

    assert ragline("usage").stdout == "Nothing was used in these days.\n"


@pytest.mark.usefixtures("used")
def test_a_day_that_is_none_is_wrong_usage(ragline: Ragline) -> None:
    assert ragline("usage", "--from", "yesterday").exit_code == 2
