import json
from collections import deque

import pytest

from tests.fixtures.scripted_api import COURSE, Job, ScriptedApi
from tests.integration.cli.conftest import Ragline

FIRST = "00000000-0000-0000-0000-000000000001"
SECOND = "00000000-0000-0000-0000-000000000002"


def add(api: ScriptedApi, job_id: str, *course: str) -> Job:
    job = api.jobs[job_id] = Job(job_id, "d", f"{job_id[-1]}.pdf", deque(course))
    return job


def test_lists_jobs_a_line_each(ragline: Ragline, stack: ScriptedApi) -> None:
    add(stack, FIRST, "failed")
    add(stack, SECOND, "embedding")

    result = ragline("jobs", "list")

    assert result.stdout.splitlines() == [
        f"{SECOND}\tembedding\t2.pdf\tembedding 3/8",
        f"{FIRST}\tfailed\t1.pdf\tfailed: The file has no text.",
    ]


def test_asks_for_the_page_and_status_it_is_told(ragline: Ragline, stack: ScriptedApi) -> None:
    add(stack, FIRST, "failed")
    add(stack, SECOND, "failed")

    options = ["--limit", "1", "--after", SECOND, "--status", "failed"]
    result = ragline("jobs", "list", "--json", *options)

    assert [job["job_id"] for job in json.loads(result.stdout)["data"]] == [FIRST]
    assert stack.asked("/api/v2/jobs")[0].query == {
        "limit": "1",
        "after": SECOND,
        "status": "failed",
    }


def test_an_unknown_status_is_wrong_usage(ragline: Ragline, stack: ScriptedApi) -> None:
    assert ragline("jobs", "list", "--status", "lost").exit_code == 2
    assert not stack.seen


def test_shows_a_job(ragline: Ragline, stack: ScriptedApi) -> None:
    add(stack, FIRST, "embedding")

    result = ragline("jobs", "show", FIRST)

    assert result.exit_code == 0
    assert f"job       {FIRST}\n" in result.stdout
    assert "status    embedding 3/8\n" in result.stdout
    assert "embed     running 3/8, attempt 1\n" in result.stdout


def test_shows_a_job_for_scripts(ragline: Ragline, stack: ScriptedApi) -> None:
    job = add(stack, FIRST, "indexed")

    assert json.loads(ragline("jobs", "show", FIRST, "--json").stdout) == job.shown()


@pytest.mark.usefixtures("stack")
def test_an_unknown_job_is_a_sentence(ragline: Ragline) -> None:
    result = ragline("jobs", "show", FIRST)

    assert (result.exit_code, result.stderr) == (1, "There is no such thing here.\n")


@pytest.mark.parametrize("breaks", [[], [0], [1, 0, 1]])
def test_watches_a_job_to_its_end_over_broken_streams(
    ragline: Ragline, stack: ScriptedApi, breaks: list[int]
) -> None:
    add(stack, FIRST, *COURSE[1:])
    stack.breaks = list(breaks)

    result = ragline("jobs", "watch", FIRST, "--json")

    assert result.exit_code == 0, result.output
    jobs = [json.loads(line) for line in result.stdout.splitlines()]
    assert [job["status"] for job in jobs] == list(COURSE)
    assert len(stack.asked(f"/api/v2/jobs/{FIRST}/events")) == 1 + len(breaks)


def test_watches_several_jobs_and_says_that_one_failed(
    ragline: Ragline, stack: ScriptedApi
) -> None:
    add(stack, FIRST, "parsing", "failed")
    add(stack, SECOND, *COURSE[1:])

    result = ragline("jobs", "watch", FIRST, SECOND)

    assert result.exit_code == 1
    assert f"{FIRST}  1.pdf: failed: The file has no text.\n" in result.stdout
    assert f"{SECOND}  2.pdf: indexed\n" in result.stdout


def test_watches_all_that_is_unfinished(ragline: Ragline, stack: ScriptedApi) -> None:
    add(stack, "00000000-0000-0000-0000-000000000009").status = "indexed"
    add(stack, FIRST, *["parsing"] * 9, "indexed")
    add(stack, SECOND, *["parsing"] * 12, "indexed")

    result = ragline("jobs", "watch")

    assert result.exit_code == 0
    assert "9.pdf" not in result.stdout
    assert f"{FIRST}  1.pdf: indexed\n" in result.stdout
    assert f"{SECOND}  2.pdf: indexed\n" in result.stdout


@pytest.mark.usefixtures("stack")
def test_ends_at_once_when_nothing_is_unfinished(ragline: Ragline) -> None:
    result = ragline("jobs", "watch")

    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.usefixtures("stack")
def test_an_unknown_job_among_others_ends_the_watch(ragline: Ragline) -> None:
    result = ragline("jobs", "watch", FIRST)

    assert (result.exit_code, result.stderr) == (1, "There is no such thing here.\n")
