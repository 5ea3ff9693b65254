import json
import signal
import threading
from typing import Any

import pytest

import cli.streams
from tests.fixtures.scripted_api import API_KEY, Refusal, ScriptedApi
from tests.integration.cli.conftest import Ragline, Start

CITATION = {
    "index": 1,
    "document_id": "00000000-0000-0000-0000-000000000001",
    "filename": "handbook.pdf",
    "page": 3,
    "char_start": 0,
    "char_end": 9,
    "quote": "Backups are\n kept.",
    "similarity": 0.71,
}


def turn(answer: str = "Thirty days [1].", **values: Any) -> dict[str, Any]:
    return {
        "turn_id": "t",
        "conversation_id": "c-1",
        "state": "done",
        "answer": answer,
        "citations": [CITATION],
        "finish_reason": "stop",
        "error": None,
        **values,
    }


@pytest.fixture
def asked(stack: ScriptedApi) -> ScriptedApi:
    stack.answer = [
        ("sources", {"turn_id": stack.turn_id, "conversation_id": "c-1", "sources": []}),
        ("token", {"text": "Thirty "}),
        ("token", {"text": "days [1]."}),
        ("citation", CITATION),
        ("done", turn()),
    ]
    return stack


ANSWER = "Thirty days [1].\n\n[1] handbook.pdf, page 3: “Backups are kept.”\n"


def test_prints_the_answer_and_its_citations(ragline: Ragline, asked: ScriptedApi) -> None:
    result = ragline("ask", "How long?")

    assert (result.exit_code, result.stdout, result.stderr) == (0, ANSWER, "")
    assert asked.asked("/chat")[0].json == {"message": "How long?", "stream": True}


def test_asks_about_documents_in_a_conversation(ragline: Ragline, asked: ScriptedApi) -> None:
    ids = [f"00000000-0000-0000-0000-00000000000{number}" for number in range(3)]

    options = ["--conversation", ids[0], "--document", ids[1], "--document", ids[2]]
    assert ragline("ask", "How long?", *options).exit_code == 0

    [chat] = asked.asked("/chat")
    assert chat.json["conversation_id"] == ids[0]
    assert chat.json["document_ids"] == ids[1:]


STEP = {
    "index": 1,
    "agent": "answer",
    "caller": None,
    "kind": "rewrite",
    "input": "And\nlunch?",
    "result": "When is lunch served?",
    "error": None,
}


def test_asks_an_agent_and_shows_its_steps_beside_the_answer(
    ragline: Ragline, asked: ScriptedApi
) -> None:
    failed = {
        "result": "All are used.",
        "kind": "weigh",
        "error": {"code": "x", "message": "The model is busy."},
    }
    asked.answer[:0] = [("step", STEP), ("step", STEP | failed)]

    result = ragline("ask", "And lunch?", "--agent", "research")

    assert (result.exit_code, result.stdout) == (0, ANSWER)
    assert result.stderr == (
        "rewrite: And lunch? → When is lunch served?\n"
        "weigh did not work: The model is busy. All are used.\n"
    )
    assert asked.asked("/chat")[0].json["agent"] == "research"


@pytest.mark.usefixtures("asked")
def test_prints_the_same_as_a_whole(ragline: Ragline) -> None:
    assert ragline("ask", "How long?", "--no-stream").stdout == ANSWER


@pytest.mark.usefixtures("asked")
def test_prints_the_turn_for_scripts(ragline: Ragline) -> None:
    result = ragline("ask", "How long?", "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == turn()


@pytest.mark.parametrize("breaks", [[0], [1], [2], [4], [1, 1, 1, 1], [2, 0, 0, 1]])
def test_goes_on_where_a_stream_broke(
    ragline: Ragline, asked: ScriptedApi, breaks: list[int]
) -> None:
    asked.breaks = list(breaks)

    result = ragline("ask", "How long?")

    assert (result.exit_code, result.stdout) == (0, ANSWER)
    assert len(asked.asked("/chat")) == 1
    resumed = asked.asked("/chat/.*/events")
    assert len(resumed) == len(breaks)
    assert resumed[0].headers.get("last-event-id") == (str(breaks[0]) if breaks[0] else None)


def test_goes_on_when_the_server_is_busy_meanwhile(ragline: Ragline, asked: ScriptedApi) -> None:
    asked.breaks = [2]
    asked.refusals = [Refusal("/chat/.*/events", 503, headers={"Retry-After": "0"})]

    assert ragline("ask", "How long?").stdout == ANSWER


def test_gives_up_when_a_stream_breaks_all_the_time(
    ragline: Ragline, asked: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli.streams, "MOST_BREAKS", 2)
    asked.breaks = [2] + [0] * 10

    result = ragline("ask", "How long?")

    assert (result.exit_code, result.stdout) == (1, "Thirty \n")
    assert "broke off" in result.stderr
    assert len(asked.asked("/chat/.*/events")) == 3


def test_prints_a_break_when_the_answer_begins_anew(ragline: Ragline, asked: ScriptedApi) -> None:
    asked.answer.insert(2, ("restart", {"attempt": 2}))
    asked.answer.insert(3, ("token", {"text": "Thirty "}))

    assert ragline("ask", "How long?").stdout == "Thirty \n" + ANSWER


def test_an_answer_that_fails_is_a_sentence(ragline: Ragline, asked: ScriptedApi) -> None:
    error = {"turn_id": "t", "conversation_id": "c", "code": "x", "message": "The key is wrong."}
    asked.answer[3:] = [("error", error)]

    result = ragline("ask", "How long?")

    assert (result.exit_code, result.stdout) == (1, "Thirty days [1].\n")
    assert result.stderr == "The key is wrong.\n"


def test_a_failed_answer_is_no_document_for_scripts(ragline: Ragline, asked: ScriptedApi) -> None:
    asked.answer[3:] = [("error", {"code": "x", "message": "The key is wrong."})]

    result = ragline("ask", "How long?", "--json")

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "The key is wrong.\n")


def test_an_answer_that_was_cancelled_is_a_failure(ragline: Ragline, asked: ScriptedApi) -> None:
    asked.answer[3:] = [("done", turn("Thirty days [1].", finish_reason="cancelled"))]

    result = ragline("ask", "How long?")

    assert result.exit_code == 1
    assert result.stderr == "The answer was cancelled; ask again.\n"


def test_an_unknown_conversation_is_a_sentence(ragline: Ragline, asked: ScriptedApi) -> None:
    asked.refusals = [Refusal("/chat", 404, "not_found", "There is no such conversation.")]

    result = ragline("ask", "x", "--conversation", "00000000-0000-0000-0000-000000000001")

    assert (result.exit_code, result.stderr) == (1, "There is no such conversation.\n")


def test_text_of_a_document_cannot_steer_the_terminal(ragline: Ragline, asked: ScriptedApi) -> None:
    asked.answer = [
        ("token", {"text": "a\x1b[2Jb"}),
        ("done", turn("a\x1b[2Jb", citations=[{**CITATION, "filename": "x\x1b]0;y\x07.pdf"}])),
    ]

    result = ragline("ask", "x")

    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout


PROGRAM = "import typer, cli.ask; typer.run(cli.ask.ask)"


def test_ctrl_c_is_quiet_and_stops_the_answer(started: Start, asked: ScriptedApi) -> None:
    asked.answer, asked.hold = asked.answer[:2], threading.Event()
    command = started(PROGRAM, "How long?", "--url", asked.url, "--api-key", API_KEY)
    assert command.stdout is not None
    assert command.stdout.read(7) == b"Thirty "

    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=30)
    asked.hold.set()

    assert (command.returncode, out, err) == (130, b"", b"")
    assert len(asked.asked(f"/chat/{asked.turn_id}/cancel", "POST")) == 1


def test_prints_the_answer_while_it_comes(started: Start, asked: ScriptedApi) -> None:
    asked.answer, asked.hold = asked.answer[:3], threading.Event()

    command = started(PROGRAM, "How long?", "--url", asked.url, "--api-key", API_KEY)

    assert command.stdout is not None
    assert command.stdout.read(16) == b"Thirty days [1]."
    assert command.poll() is None
    asked.hold.set()
