"""One whole answer from models that are busy, break off, or refuse."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import pytest

from contracts.conversations import Usage
from contracts.errors import (
    ProviderBusy,
    ProviderRefused,
    ProviderUnauthorized,
    ProviderUnavailable,
    RaglineError,
)
from providers.chat.protocol import Finished, Piece, Prompt
from workers.responder.agents.patience import TRIES
from workers.responder.agents.speaking import Restarted, speak

PROMPT = Prompt(system="", messages=(), question="", passages=())

Script = Sequence[str | RaglineError]


@dataclass
class ScriptedModel:
    """Says the pieces of its next script, and raises what stands in it."""

    scripts: list[Script]
    name: str = "scripted"
    provider: str = "local"
    is_local_twin: bool = True
    calls: int = 0
    closed: list[int] = field(default_factory=list)

    async def answer(self, prompt: Prompt) -> AsyncGenerator[Piece | Finished]:
        assert prompt is PROMPT
        script = self.scripts[min(self.calls, len(self.scripts) - 1)]
        self.calls += 1
        try:
            for step in script:
                if isinstance(step, RaglineError):
                    raise step
                if step == "END":
                    yield Finished(reason="stop", model=self.name, usage=Usage(calls=1))
                else:
                    yield Piece(text=step)
        finally:
            self.closed.append(self.calls)

    async def close(self) -> None:
        return


def busy() -> ProviderBusy:
    return ProviderBusy(retry_after=0.0)


async def heard(*models: ScriptedModel) -> list[str]:
    said: list[str] = []
    async for item in speak(models, PROMPT):
        match item:
            case Piece(text=text):
                said.append(text)
            case Restarted():
                said.append("RESTART")
            case Finished(model=model):
                said.append(f"END {model}")
    return said


@pytest.mark.asyncio
async def test_a_busy_model_is_asked_again() -> None:
    model = ScriptedModel([[busy()], [busy()], ["Noon", "END"]])
    assert await heard(model) == ["Noon", "END scripted"]


@pytest.mark.asyncio
async def test_tries_are_bounded_and_the_first_error_is_told() -> None:
    model = ScriptedModel([[busy()], [ProviderUnavailable(retry_after=0.0)]])
    with pytest.raises(ProviderBusy):
        await heard(model)
    assert model.calls == TRIES


@pytest.mark.asyncio
async def test_a_long_pause_is_not_waited_for() -> None:
    patient = ScriptedModel([[ProviderBusy(retry_after=3600.0)]])
    other = ScriptedModel([["Noon", "END"]], name="other")
    assert await heard(patient, other) == ["Noon", "END other"]
    assert patient.calls == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("refusal", [ProviderRefused(), ProviderUnauthorized()])
async def test_a_refusal_is_not_repeated_but_the_next_model_is_asked(
    refusal: RaglineError,
) -> None:
    refusing = ScriptedModel([[refusal]])
    other = ScriptedModel([["Noon", "END"]], name="other")
    assert await heard(refusing, other) == ["Noon", "END other"]
    assert refusing.calls == 1


@pytest.mark.asyncio
async def test_what_a_model_said_before_it_broke_off_does_not_count() -> None:
    breaking = ScriptedModel([["Half an ", ProviderRefused()]])
    other = ScriptedModel([["A whole answer", "END"]], name="other")
    assert await heard(breaking, other) == ["Half an ", "RESTART", "A whole answer", "END other"]


@pytest.mark.asyncio
async def test_an_answer_without_its_end_is_no_answer() -> None:
    silent = ScriptedModel([["Half an answer"], ["Whole", "END"]])
    assert await heard(silent) == ["Half an answer", "RESTART", "Whole", "END scripted"]


@pytest.mark.asyncio
async def test_the_call_is_closed_when_nobody_listens_any_more() -> None:
    model = ScriptedModel([["a", "b", "c", "END"]])
    speech = speak([model], PROMPT)
    await anext(speech)
    await speech.aclose()
    assert model.closed == [1]
