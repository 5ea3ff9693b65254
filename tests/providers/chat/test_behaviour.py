"""What holds for every chat model, the local twin and the real protocols alike."""

import asyncio
from contextlib import aclosing

import pytest

from providers.chat.protocol import ChatModel, Piece
from tests.fixtures.prompts import QUESTION, ask, prompt_for

pytestmark = pytest.mark.asyncio


async def test_answers_from_the_passages_with_a_citation(chat: ChatModel) -> None:
    said = await ask(chat)
    assert "three" in said.text
    assert "[1]" in said.text


async def test_ends_once_and_names_the_model_that_spoke(chat: ChatModel) -> None:
    said = await ask(chat)
    assert said.finished.reason == "stop"
    assert said.finished.model == chat.name
    assert all(said.pieces)


async def test_says_what_it_cost(chat: ChatModel) -> None:
    usage = (await ask(chat)).finished.usage
    spent = (usage.calls, usage.input_tokens > 0, usage.output_tokens > 0)
    assert spent == ((0, False, False) if chat.is_local_twin else (1, True, True))


async def test_answers_many_coroutines_at_once(chat: ChatModel) -> None:
    answers = await asyncio.gather(*(ask(chat) for _ in range(5)))
    assert all("three" in said.text for said in answers)


async def test_answers_again_after_an_answer_was_left_in_the_middle(chat: ChatModel) -> None:
    async with aclosing(chat.answer(QUESTION)) as stream:
        assert isinstance(await anext(stream), Piece)
    assert "three" in (await ask(chat)).text


async def test_answers_in_any_script(chat: ChatModel) -> None:
    said = await ask(chat, prompt_for("泵的保修期是多久\uff1f 🙂 Wie lange läuft die Garantie?"))
    assert said.text


async def test_is_known_as_what_it_is(chat: ChatModel) -> None:
    assert chat.is_local_twin == (chat.provider == "local")
