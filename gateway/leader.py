"""Of all gateways, one relays the outbox, copies dead letters, wakes what stalls and tidies up.

When it dies, another takes over.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from contracts.errors import Retryable
from gateway.dead_letters.copying import DeadLetterCopy
from gateway.generations.steps import GenerationSteps
from gateway.housekeeping import Housekeeping
from gateway.outbox import OutboxRelay
from gateway.reconciler import Reconciler
from gateway.replays.running import ReplayRuns
from runtime import metrics
from runtime.cancelling import is_cancelled
from store import Store
from store.leadership import Leadership

log = structlog.get_logger(__name__)

NAME = "relay"
#: How soon a gateway that does not lead asks again, and so takes over at the latest.
ASK_SECONDS = 1.0
#: After something that should not happen.
BROKE_SECONDS = 5.0

PURGE_SECONDS = 2.0
BACKLOG_SECONDS = 5.0
#: Between two readers of the dead letters: a server of ours was away, or ten minutes are over.
DEAD_LETTERS_SECONDS = 2.0
#: Looking for what stands still; what waits for it has waited for many minutes.
RECONCILE_SECONDS = 5.0
#: Between two looks at the generations that are built, promoted or dropped.
GENERATIONS_SECONDS = 1.0
#: Between two looks for a replay that was ordered.
REPLAYS_SECONDS = 1.0
OLD_ROWS_SECONDS = 300.0
LEFTOVERS_SECONDS = 3600.0


class _Deposed(Exception):
    """Another may lead now."""


class Leader:
    """Does the leader's work whenever this process leads."""

    def __init__(  # noqa: PLR0913 - one for each of its works
        self,
        *,
        store: Store,
        relay: OutboxRelay,
        housekeeping: Housekeeping,
        dead_letters: DeadLetterCopy,
        reconciler: Reconciler,
        generations: GenerationSteps,
        replays: ReplayRuns,
    ) -> None:
        self._store = store
        self._relay = relay
        self._housekeeping = housekeeping
        self._dead_letters = dead_letters
        self._reconciler = reconciler
        self._generations = generations
        self._replays = replays

    async def run(self) -> None:
        """Ask to lead, lead, and ask again, for ever."""
        while True:
            try:
                async with self._store.lead(NAME) as leadership:
                    if leadership:
                        await self._lead(leadership)
            except Retryable as error:
                log.warning("leadership_not_asked", reason=error.message)
            except Exception:
                log.exception("leadership_broke")
            await asyncio.sleep(ASK_SECONDS)

    async def _lead(self, leadership: Leadership) -> None:
        log.info("leadership_taken")
        chores, letters = self._housekeeping, self._dead_letters
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_until_lost(leadership))
                tasks.create_task(_kept_up("relay", self._relay.run, ASK_SECONDS))
                for chore, seconds in (
                    (chores.purge_deleted, PURGE_SECONDS),
                    (chores.measure_backlog, BACKLOG_SECONDS),
                    (chores.measure_generations, BACKLOG_SECONDS),
                    (letters.copy_dead_letters, DEAD_LETTERS_SECONDS),
                    (letters.measure_dead_letters, BACKLOG_SECONDS),
                    (self._reconciler.reconcile_jobs, RECONCILE_SECONDS),
                    (self._reconciler.reconcile_turns, RECONCILE_SECONDS),
                    (self._generations.advance_generations, GENERATIONS_SECONDS),
                    (self._replays.run_replays, REPLAYS_SECONDS),
                    (chores.drop_old_rows, OLD_ROWS_SECONDS),
                    (letters.drop_old_dead_letters, OLD_ROWS_SECONDS),
                    (chores.sweep_leftovers, LEFTOVERS_SECONDS),
                ):
                    tasks.create_task(_kept_up(chore.__name__, chore, seconds))
        except* _Deposed:
            log.warning("leadership_lost")
        finally:
            _measure_no_more()


def _measure_no_more() -> None:
    """Leave it to the next leader to say what waits; what this one saw last would stay for ever."""
    for gauge in (
        metrics.OUTBOX_WAITING,
        metrics.OUTBOX_HELD_BACK,
        metrics.OUTBOX_OLDEST,
        metrics.JOBS_STALLED,
    ):
        gauge.set(0)
    metrics.GENERATIONS.clear()
    metrics.DEAD_LETTERS_WAITING.clear()


async def _until_lost(leadership: Leadership) -> None:
    await leadership.lost.wait()
    raise _Deposed


async def _kept_up(name: str, work: Callable[[], Awaitable[object]], seconds: float) -> None:
    """Do the work again and again; no failure of one work may end the others."""
    while True:
        try:
            await work()
        except Retryable as error:
            log.warning("leader_work_paused", work=name, reason=error.message)
        except (Exception, asyncio.CancelledError):
            if is_cancelled():
                raise
            log.exception("leader_work_broke", work=name)
            await asyncio.sleep(BROKE_SECONDS)
        await asyncio.sleep(seconds)
