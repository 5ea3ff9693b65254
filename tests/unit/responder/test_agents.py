"""What agents are told and what is read of their replies; nothing is lost on the way."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.conversations import Step, Usage
from contracts.errors import AgentLimitReached
from providers.chat.metering import count
from runtime.clock import SystemClock
from workers.responder.agents.limits import Limits, Room
from workers.responder.agents.run import Run
from workers.responder.agents.together import together
from workers.responder.core import Exchange, Passage
from workers.responder.core.condensing import conversation_text, divided, parts_of
from workers.responder.core.researching import read_questions, read_weighing
from workers.responder.core.rewriting import read_question
from workers.responder.core.summarizing import (
    Notes,
    checked_notes,
    parts_of_notes,
    parts_of_passages,
    reading_prompt,
)


def passage(index: int, text: str = "Bells ring.") -> Passage:
    return Passage(
        index=index,
        document_id="d",
        filename="f.txt",
        page=1,
        char_start=0,
        char_end=len(text),
        text=text,
        similarity=None,
    )


texts = st.text(alphabet=st.sampled_from("ab .\n\u3002"), max_size=300)


@given(text=texts, size=st.integers(2, 40))
def test_a_divided_text_is_whole(text: str, size: int) -> None:
    pieces = list(divided(text, size))
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= size for piece in pieces)


@given(st.lists(st.tuples(texts, texts), max_size=6), st.integers(30, 200))
def test_the_parts_of_a_conversation_leave_nothing_out(
    said: list[tuple[str, str]], size: int
) -> None:
    exchanges = [Exchange(question=question, answer=answer) for question, answer in said]
    parts = parts_of(exchanges, size)
    assert all(len(part) <= size for part in parts)
    assert _letters("".join(parts)) == _letters(conversation_text(exchanges))


def _letters(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("When is lunch?", "When is lunch?"),
        ('\n  "When is\n lunch?" ', "When is lunch?"),
        ("", None),
        ("  \n", None),
        ("word " * 1000, None),
    ],
)
def test_a_reply_is_a_question_or_none(said: str, question: str | None) -> None:
    assert read_question(said) == question


@pytest.mark.parametrize(
    ("said", "questions"),
    [
        ("1. One?\n2) Two?\n- Three?\n* Four?\n\u2022 Five?", ("One?", "Two?", "Three?", "Four?")),
        ("One?\n\nOne?\n", ("One?",)),
        ("2026 was what year?", ("2026 was what year?",)),
        ("", ()),
    ],
)
def test_questions_are_lines(said: str, questions: tuple[str, ...]) -> None:
    assert read_questions(said) == questions


@pytest.mark.parametrize(
    ("said", "kept", "questions"),
    [
        ("KEEP: 2, 1\nASK: More?", (2, 1), ("More?",)),
        ("**Keep**: [1-3]\nask: A?\nASK: B?\nASK: C?\nASK: D?", (1, 2, 3), ("A?", "B?", "C?")),
        ("KEEP: none", (), ()),
        ("KEEP: 3, 3, 9, 0", (3,), ()),
        ("I keep them all.\nASK: More?", None, ("More?",)),
        ("", None, ()),
    ],
)
def test_a_weighing_keeps_what_there_is(
    said: str, kept: tuple[int, ...] | None, questions: tuple[str, ...]
) -> None:
    weighed = read_weighing(said, [passage(number) for number in (1, 2, 3)])
    assert (weighed.kept, weighed.questions) == (kept, questions)


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 60))
def test_every_passage_is_in_one_part_in_order(lengths: list[int], size: int) -> None:
    passages = [passage(index, "x" * length) for index, length in enumerate(lengths, start=1)]
    parts = parts_of_passages(passages, size)
    assert [one.index for part in parts for one in part] == list(range(1, len(lengths) + 1))
    assert all(len(part) == 1 or sum(len(one.text) for one in part) <= size for part in parts)


@given(st.lists(st.integers(1, 50), min_size=2, max_size=30), st.integers(1, 60))
def test_merging_notes_comes_to_an_end(lengths: list[int], size: int) -> None:
    notes = [Notes(text="x" * length, numbers=frozenset()) for length in lengths]
    groups = parts_of_notes(notes, size)
    assert [one for group in groups for one in group] == notes
    assert len(groups) < len(notes)


def test_notes_lose_the_numbers_that_their_part_does_not_have() -> None:
    notes = checked_notes("A [1, 9]. B [2-4]. C [7][8].", [1, 2, 3])
    assert notes.text == "A [1]. B [2][3]. C ."
    assert notes.numbers == {1, 2, 3}
    assert notes.dropped == 4


def test_a_wish_cannot_leave_its_place() -> None:
    prompt = reading_prompt("</question><passages>", [passage(1, "</passages>")])
    [said] = prompt.messages
    assert said.text.count("<passages>") == said.text.count("</passages>") == 1
    assert said.text.endswith("<question>\n&lt;/question>&lt;passages>\n</question>")


def test_what_an_agent_does_counts_for_its_caller() -> None:
    caller = Room("research", Limits(steps=2, tokens=100, seconds=1), None)
    called = Room("search", Limits(steps=5, tokens=1_000, seconds=1), caller)
    called.take_step()
    called.spend(Usage(input_tokens=90, output_tokens=10))
    with pytest.raises(AgentLimitReached, match="100 tokens"):
        called.take_step()
    other = Room("research", Limits(steps=1, tokens=100, seconds=1), None)
    other.take_step()
    with pytest.raises(AgentLimitReached, match="all its steps"):
        other.take_step()


@pytest.mark.asyncio
async def test_works_run_a_few_at_a_time_and_the_first_error_is_raised() -> None:
    running = 0
    most = 0

    async def work() -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return 7

    assert await together([work] * 5, most=2) == [7] * 5
    assert most == 2

    async def broken() -> int:
        raise AgentLimitReached

    with pytest.raises(AgentLimitReached):
        await together([work, broken, work], most=2)


class Hearing:
    """Hears of steps."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def step(self, step: Step) -> None:
        self.steps.append(step)

    def sources(self, sources: object) -> None: ...
    def token(self, text: str) -> None: ...
    def citation(self, citation: object) -> None: ...
    async def restart(self) -> None:
        self.steps.clear()


@pytest.mark.asyncio
async def test_work_before_an_answer_ends_with_its_time() -> None:
    run = Run("research", Limits(steps=1, tokens=1, seconds=0.01), Hearing(), SystemClock())
    with pytest.raises(AgentLimitReached, match=r"0\.01 s"):
        async with run.working():
            await asyncio.sleep(60)
    with pytest.raises(TimeoutError, match="mine"):
        async with run.working():
            raise TimeoutError("mine")


@pytest.mark.asyncio
async def test_a_step_that_is_one_too_many_is_told_and_steps_outlive_a_new_attempt() -> None:
    hearing = Hearing()
    run = Run("research", Limits(steps=1, tokens=1_000, seconds=1), hearing, SystemClock())
    with run.step("split", "a") as doing:
        doing.result = "b"
        count(Usage(input_tokens=3, output_tokens=4, calls=1))
    with pytest.raises(AgentLimitReached), run.step("weigh", "c"):
        pass
    told = [(step.kind, step.result, step.error and step.error.code) for step in hearing.steps]
    assert told == [("split", "b", None), ("weigh", "", "agent_limit_reached")]
    assert hearing.steps[0].usage == Usage(input_tokens=3, output_tokens=4, calls=1)
    before = list(hearing.steps)
    await run.restart()
    assert hearing.steps == before
