"""One question, from its record to its answer."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import structlog

from contracts.conversations import AnswerBroken, AnswerFinished, QuestionAsked
from contracts.envelope import Outgoing
from contracts.errors import AnswerFailed, RaglineError, Retryable, StoreUnavailable
from contracts.ids import new_id
from runtime.clock import SystemClock
from runtime.delivery import Failure
from runtime.kafka import Publisher
from runtime.metrics import ANSWERS
from store import Store
from store.turns import Answer, Busy, Ended, Turn
from workers.responder.agents import Agent, Run
from workers.responder.handler.deltas import DeltaWriter
from workers.responder.handler.lease import Lease, LeaseLost
from workers.responder.handler.turns import announce, question_of

log = structlog.get_logger(__name__)

#: A question that has ended this many attempts, with their processes, ends itself.
MAX_ATTEMPTS = 20
#: A lease may be released before its time: a busy turn is looked at again this soon.
LOOK_SECONDS = 5.0
#: What errors of providers promise: true of documents, but a question is asked again.
_GOES_ON = re.compile(r"the work waits and goes on by itself|and the work goes on by itself")
_OUR_FAULT = "Something went wrong on our side; ask again."


class TurnBusy(Retryable):
    """Another responder is answering this turn."""

    code = "turn_busy"


async def handle(
    event: QuestionAsked,
    *,
    store: Store,
    agents: Mapping[str, Agent],
    publisher: Publisher,
    lease_seconds: float,
    noted: Callable[[Exception], None] | None = None,
) -> Sequence[Outgoing]:
    """Answer the turn, whoever reads its record how often, once; return ``AnswerGiven``.

    A turn that cannot be answered fails with a sentence in its row, and nothing follows: somebody
    is waiting now, and a later answer would find nobody. Raises ``TurnBusy`` while another
    responder holds the turn, and ``StoreUnavailable``. ``noted`` is told why a turn failed.
    """
    lease = Lease(store, event.tenant_id, event.turn_id, owner=str(new_id()), seconds=lease_seconds)
    claim = await lease.claim()
    if isinstance(claim, Busy):
        raise TurnBusy(retry_after=min(claim.wait_seconds, LOOK_SECONDS))
    if isinstance(claim, Ended):
        return announce(event, claim.turn)
    writer = DeltaWriter(publisher, event, begin=lease.begin_again, placed=lease.place)
    async with writer:
        try:
            writer.start(lease.attempt)
            failure = await _answer(
                event, claim.turn, store=store, agents=agents, lease=lease, writer=writer
            )
            if failure is not None and noted is not None:
                noted(failure)
        except LeaseLost:
            log.info("turn_lost", turn_id=str(event.turn_id), attempt=lease.attempt)
            await lease.keep(writer.so_far)
        except (StoreUnavailable, asyncio.CancelledError):
            await asyncio.shield(lease.release())
            raise
        return await _close(event, store, writer)


async def give_up(event: QuestionAsked, failure: Failure, *, store: Store) -> Sequence[Outgoing]:
    """Fail a turn that nobody is answering; whoever watches it reads that from the row."""
    async with store.tenant(event.tenant_id) as tx:
        await tx.turns.fail_unowned(event.turn_id, failure.code, failure.message)
    return ()


async def _answer(
    event: QuestionAsked,
    turn: Turn,
    *,
    store: Store,
    agents: Mapping[str, Agent],
    lease: Lease,
    writer: DeltaWriter,
) -> RaglineError | None:
    """Store the answer, or why there is none, and return that; only then is it announced."""
    try:
        agent = _agent(event, turn, agents)
        question = await question_of(store, event.tenant_id, turn)
        run = Run(agent.name, agent.limits, writer, SystemClock())
        answer = await lease.hold(agent.answer(question, run))
        await lease.finish(answer)
    except (LeaseLost, StoreUnavailable):
        raise
    except RaglineError as error:
        log.warning("turn_failed", turn_id=str(event.turn_id), code=error.code)
        message = _GOES_ON.sub("ask again later", error.message)
        await lease.fail(code=error.code, message=message, said=writer.so_far)
        return error
    except Exception:
        await lease.fail(code=RaglineError.code, message=_OUR_FAULT, said=writer.so_far)
        raise
    else:
        log.info("turn_answered", turn_id=str(event.turn_id), **_facts(answer))
        return None


def _agent(event: QuestionAsked, turn: Turn, agents: Mapping[str, Agent]) -> Agent:
    if turn.attempt > MAX_ATTEMPTS:
        raise AnswerFailed("This question could not be answered in many attempts; rephrase it.")
    if event.agent not in agents:
        raise AnswerFailed(f"There is no agent named {event.agent!r}.")
    return agents[event.agent]


async def _close(event: QuestionAsked, store: Store, writer: DeltaWriter) -> Sequence[Outgoing]:
    """Announce how the turn ended; say nothing while another responder is answering it."""
    async with store.tenant(event.tenant_id) as tx:
        turn = await tx.turns.get(event.turn_id)
    if turn is not None and turn.state in {"waiting", "answering"}:
        return ()
    state = "cancelled" if turn is None else turn.state
    ANSWERS.labels(turn.finish_reason if turn and turn.finish_reason else state).inc()
    if state == "done":
        await writer.end(AnswerFinished)
    else:
        code = (turn and turn.error_code) or state
        message = (turn and turn.error_message) or "The answer was cancelled."
        await writer.end(partial(AnswerBroken, code=code, message=message))
    return announce(event, turn)


def _facts(answer: Answer) -> dict[str, str | float]:
    return {
        "model": answer.model,
        "finish_reason": answer.finish_reason,
        "sources": len(answer.sources),
        "citations": len(answer.citations),
        **answer.timings,
    }
