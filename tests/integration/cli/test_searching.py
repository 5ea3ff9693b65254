import json

import pytest

from tests.fixtures.scripted_api import Refusal, ScriptedApi
from tests.integration.cli.conftest import Ragline

RESULT = {
    "rank": 1,
    "chunk_id": "c",
    "document_id": "d",
    "filename": "handbook.pdf",
    "page": 3,
    "page_last": 4,
    "char_start": 0,
    "char_end": 9,
    "text": "Backups\nare kept.",
    "similarity": 0.712,
    "lexical_score": 4.32,
    "score": 0.9,
    "vector_rank": 2,
    "lexical_rank": 1,
    "is_context": True,
    "context": {"char_start": 0, "char_end": 9, "text": "Backups\nare kept."},
}


def test_prints_the_passages(ragline: Ragline, stack: ScriptedApi) -> None:
    stack.results = [RESULT]

    result = ragline("search", "backups", "--limit", "3", "--threshold", "0.2")

    assert result.exit_code == 0
    assert result.stdout == (
        "1. handbook.pdf, pages 3-4 (similarity 0.71, words 4.3)\n   Backups are kept.\n"
    )
    assert stack.asked("/api/v2/search")[0].json == {
        "query": "backups",
        "max_results": 3,
        "threshold": 0.2,
    }


def test_says_what_words_did_not_find_and_what_is_too_far(
    ragline: Ragline, stack: ScriptedApi
) -> None:
    stack.results = [RESULT | {"lexical_score": None}, RESULT | {"rank": 2, "is_context": False}]

    lines = ragline("search", "backups").stdout.splitlines()

    assert lines[0] == "1. handbook.pdf, pages 3-4 (similarity 0.71)"
    assert lines[2].endswith("(similarity 0.71, words 4.3, too far to answer from)")


def test_looks_in_the_way_that_was_asked_for(ragline: Ragline, stack: ScriptedApi) -> None:
    assert ragline("search", "a", "--leg", "lexical", "--neighbours", "0").exit_code == 0

    asked = stack.asked("/api/v2/search")[0].json
    assert asked == {"query": "a", "max_results": 5, "legs": ["lexical"], "neighbours": 0}


def test_leaves_the_threshold_to_the_server(ragline: Ragline, stack: ScriptedApi) -> None:
    assert ragline("search", "backups").exit_code == 0

    assert stack.asked("/api/v2/search")[0].json == {"query": "backups", "max_results": 5}


def test_prints_the_answer_of_the_api_for_scripts(ragline: Ragline, stack: ScriptedApi) -> None:
    stack.results = [RESULT]

    result = ragline("search", "backups", "--json")

    assert json.loads(result.stdout) == {"results": [RESULT], "threshold": 0.4}


@pytest.mark.usefixtures("stack")
def test_says_what_to_do_when_nothing_fits(ragline: Ragline) -> None:
    result = ragline("search", "backups")

    assert result.exit_code == 0
    assert result.stdout == "No passage reaches the similarity 0.4; try a lower --threshold.\n"


def test_a_refused_query_is_a_sentence(ragline: Ragline, stack: ScriptedApi) -> None:
    stack.refusals = [Refusal("/api/v2/search", 422, "invalid_request", "The query is empty.")]

    result = ragline("search", " ")

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "The query is empty.\n")


def test_a_limit_out_of_bounds_is_wrong_usage(ragline: Ragline, stack: ScriptedApi) -> None:
    assert ragline("search", "x", "--limit", "0").exit_code == 2
    assert not stack.seen
