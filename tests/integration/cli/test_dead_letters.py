import json
from typing import Any

import pytest

from tests.fixtures.scripted_api import Refusal, ScriptedApi
from tests.integration.cli.conftest import Ragline

PATH = "/api/v2/admin/dead-letters"
FIRST = "00000000-0000-0000-0000-000000000001"
SECOND = "00000000-0000-0000-0000-000000000002"
DOCUMENT = "00000000-0000-0000-0000-00000000000d"


def letter(dead_letter_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "dead_letter_id": dead_letter_id,
        "group": "parser",
        "state": "waiting",
        "code": "missing_blob",
        "reason": "The stored file is gone.",
        "tenant_id": None,
        "document_id": DOCUMENT,
        "attempts": 1,
        "redrives": 0,
        "first_failure": "2026-01-02T03:04:05Z",
        "last_failure": "2026-01-02T03:04:06Z",
        "worker_version": "1.0",
        "settled_at": None,
        **changes,
    }


def page(*letters: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    return {"data": list(letters), "has_more": has_more}


def result(*redriven: str, has_more: bool = False, last_id: str | None = None) -> dict[str, Any]:
    return {"redriven": list(redriven), "refused": [], "has_more": has_more, "last_id": last_id}


def test_lists_dead_letters_a_line_each(ragline: Ragline, stack: ScriptedApi) -> None:
    stack.admin["GET", PATH] = [page(letter(FIRST), letter(SECOND, document_id=None))]

    lines = ragline("dead-letters", "list").stdout.splitlines()

    assert [line.split("\t")[:5] for line in lines] == [
        [FIRST, "parser", "waiting", "missing_blob", DOCUMENT],
        [SECOND, "parser", "waiting", "missing_blob", "-"],
    ]
    assert lines[0].endswith("\tThe stored file is gone.")


def test_passes_the_filters_on(ragline: Ragline, stack: ScriptedApi) -> None:
    stack.admin["GET", PATH] = [page()]

    filters = ["--group", "parser", "--code", "x", "--document", DOCUMENT, "--state", "redriven"]
    found = ragline("dead-letters", "list", *filters, "--since", "2026-01-02", "--after", FIRST)

    assert found.stdout == "No such dead letters.\n"
    assert stack.asked(PATH)[0].query == {
        "group": "parser",
        "code": "x",
        "document_id": DOCUMENT,
        "since": "2026-01-02T00%3A00%3A00%2B00%3A00",
        "state": "redriven",
        "limit": "20",
        "after": FIRST,
    }


def test_shows_one_with_its_event(ragline: Ragline, stack: ScriptedApi) -> None:
    place = {"topic": "parser.dlq.v1", "partition": 0, "offset": 7}
    nowhere = {"topic": None, "partition": None, "offset": None}
    shown = letter(
        FIRST,
        kept=place,
        origin=nowhere,
        size=12,
        key="k\x1b[2J",
        headers={"ce_id": "an id"},
        event={"version": 1},
    )
    stack.admin["GET", f"{PATH}/{FIRST}"] = [shown, shown]

    lines = ragline("dead-letters", "show", FIRST).stdout.splitlines()

    assert "reason       missing_blob: The stored file is gone." in lines
    assert "kept in      parser.dlq.v1, partition 0, offset 7" in lines
    assert "origin       unknown" in lines
    assert "key          k[2J" in lines
    assert "header       ce_id: an id" in lines
    assert lines[-1] == 'event        {"version":1}'
    assert json.loads(ragline("dead-letters", "show", FIRST, "--json").stdout) == shown


def test_redrives_what_is_named_and_says_what_was_refused(
    ragline: Ragline, stack: ScriptedApi
) -> None:
    stack.admin["POST", f"{PATH}/{FIRST}/redrive"] = [None]
    stack.refusals = [
        Refusal(f"{PATH}/{SECOND}/redrive", 409, "redriven_too_often", "It failed again.")
    ]

    found = ragline("dead-letters", "redrive", SECOND, FIRST)

    assert found.exit_code == 1
    assert found.stdout.splitlines() == [
        f"{SECOND}: It failed again.",
        "1 redriven, 1 refused.",
    ]
    assert [one.json for one in stack.asked(f"{PATH}/.*/redrive")] == [{"force": False}] * 2


def test_redrives_all_that_wait_portion_by_portion(ragline: Ragline, stack: ScriptedApi) -> None:
    stack.admin["POST", f"{PATH}/redrive"] = [
        result(FIRST, has_more=True, last_id=FIRST),
        result(SECOND, last_id=SECOND),
    ]

    found = ragline("dead-letters", "redrive", "--all", "--force", "--json")

    assert (found.exit_code, json.loads(found.stdout)) == (
        0,
        {"redriven": [FIRST, SECOND], "refused": []},
    )
    first, second = [one.json for one in stack.asked(f"{PATH}/redrive")]
    assert first == {"force": True, "per_second": 10, "limit": 100}
    assert second == first | {"after": FIRST}


def test_discards_what_waits_and_fits(ragline: Ragline, stack: ScriptedApi) -> None:
    stack.admin["GET", PATH] = [page(letter(SECOND), has_more=True), page(letter(FIRST))]
    for one in (FIRST, SECOND):
        stack.admin["POST", f"{PATH}/{one}/discard"] = [None]

    found = ragline("dead-letters", "discard", "--group", "parser")

    assert (found.exit_code, found.stdout) == (0, "2 discarded.\n")
    assert [one.query.get("after") for one in stack.asked(PATH)] == [None, SECOND]
    assert {one.query["state"] for one in stack.asked(PATH)} == {"waiting"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["redrive"],
        ["discard"],
        ["redrive", FIRST, "--all"],
        ["discard", FIRST, "--group", "parser"],
    ],
)
def test_nothing_is_redriven_or_discarded_by_accident(
    ragline: Ragline, stack: ScriptedApi, arguments: list[str]
) -> None:
    assert ragline("dead-letters", *arguments).exit_code == 2
    assert not stack.seen


def test_who_is_no_operator_is_told_so(ragline: Ragline, stack: ScriptedApi) -> None:
    sentence = "Only an operator of this installation may do this."
    stack.refusals = [Refusal(f"{PATH}.*", 403, "forbidden", sentence) for _ in range(2)]

    for arguments in (["list"], ["redrive", FIRST]):
        found = ragline("dead-letters", *arguments)
        assert (found.exit_code, found.stderr) == (1, f"{sentence}\n")
