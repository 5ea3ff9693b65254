"""Many records through the lanes while processes and servers are killed: nothing lost or twice.

``python -m tests.chaos.lanes --records 100000 --kills 20 --seed 1``
"""

# ruff: noqa: S311 - seeded on purpose
import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

import asyncpg
import structlog

from contracts.errors import RaglineError
from contracts.topics import retry_topics
from runtime.embedded import EmbeddedKafka, EmbeddedPostgres
from runtime.kafka import KafkaConnection, TopicAdmin
from tests.chaos.crowd import PARTITIONS, executions, prepare, read, send
from tests.chaos.fleet import Fleet
from tests.chaos.report import Report
from tests.chaos.script import DEAD, Script, Spec, topics_of
from tests.chaos.strikes import Strike, plan_strikes

log = structlog.get_logger(__name__)

RECORDS_PER_KEY = 100
LOOK_SECONDS = 0.5
#: Between two strikes that are due at once.
GAP_SECONDS = 0.7
#: Without any progress for so long, what is missing is lost. Records may wait a minute for a retry.
PATIENCE_SECONDS = 150.0

# Effects of a key that came before those of an earlier record, first visits alone.
DISORDER = """
SELECT record FROM (
    SELECT record, max(record) OVER (PARTITION BY key ORDER BY place) AS latest
    FROM effects WHERE record NOT IN (SELECT record FROM tries)
) AS ordered WHERE record < latest
"""
TWICE = "SELECT record FROM effects GROUP BY record HAVING count(*) > 1"


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a run is."""

    records: int
    kills: int
    seed: int
    workers: int = 3


@dataclass(frozen=True)
class Servers:
    """The servers of a run; both may be killed."""

    kafka: EmbeddedKafka
    postgres: EmbeddedPostgres


def strikes_of(size: Size) -> list[Strike]:
    """Return the kills, one in ten of each server, and orderly comings and goings beside them."""
    servers = max(1, size.kills // 10)
    orderly = max(1, size.kills // 8)
    counts = {
        "worker": max(0, size.kills - 2 * servers),
        "kafka": servers,
        "postgres": servers,
        "replace": orderly,
        "join": orderly,
        "leave": orderly,
    }
    return plan_strikes(size.seed, counts)


async def run(size: Size, folder: Path) -> Report:
    """Send, disturb, wait until everything has settled, and count."""
    servers = Servers(EmbeddedKafka(folder / "kafka"), EmbeddedPostgres(folder / "postgres"))
    async with servers.kafka, servers.postgres:
        return await Run(size, servers, servers.postgres.dsn, folder).whole()


class Run:
    """One run, on running servers, in a new database."""

    def __init__(self, size: Size, servers: Servers, dsn: str, folder: Path) -> None:
        self._size = size
        self._dsn = dsn
        self._servers = servers
        self._folder = folder
        self._connection = KafkaConnection(servers=servers.kafka.bootstrap_servers)
        self._spec = Spec(
            name=f"chaos-{secrets.token_hex(4)}",
            servers=servers.kafka.bootstrap_servers,
            dsn=dsn,
            seed=size.seed,
            log=str(folder / "executions.log"),
        )
        self._topics = topics_of(self._spec.name, partitions=PARTITIONS)
        self._done = 0

    async def whole(self) -> Report:
        """Return what was found."""
        report = Report(f"lanes: {self._size}")
        await prepare(self._spec)
        await send(self._spec, self._keys())
        async with Fleet(self._spec, self._folder) as fleet:
            for _ in range(self._size.workers):
                fleet.join()
            await self._disturb(fleet)
            await self._settle()
        await self._count(report, fleet)
        return report.end()

    def _keys(self) -> list[int]:
        random = Random(f"keys:{self._size.seed}")
        keys = max(20, self._size.records // RECORDS_PER_KEY)
        return [random.randrange(keys) for _ in range(self._size.records)]

    async def _disturb(self, fleet: Fleet) -> None:
        stalled = _Patience()
        for strike in strikes_of(self._size):
            while self._done < strike.at * self._size.records:
                if stalled.is_over(self._done):
                    return
                await asyncio.sleep(LOOK_SECONDS)
                await self._look()
            log.info("strike", what=strike.what, done=self._done)
            await self._strike(strike, fleet)
            await asyncio.sleep(GAP_SECONDS)

    async def _strike(self, strike: Strike, fleet: Fleet) -> None:
        match strike.what:
            case "worker":
                fleet.kill(strike.which)
            case "kafka" | "postgres":
                server = getattr(self._servers, strike.what)
                server.kill()
                await asyncio.sleep(3 * strike.which)
                await server.start()
            case "replace":
                await fleet.leave(strike.which)
                fleet.join()
            case "join":
                fleet.join()
            case _:
                if len(fleet.members) > 1:
                    await fleet.leave(strike.which)

    async def _settle(self) -> None:
        """Wait until no group has anything left, or nothing moves any more."""
        stalled, quiet = _Patience(), 0
        while quiet < 2:
            await asyncio.sleep(1)
            await self._look()
            left = await self._left()
            quiet = quiet + 1 if left == 0 else 0
            if stalled.is_over((self._done, left)):
                return

    async def _left(self) -> int | None:
        """Return how many records are not complete, None when Kafka does not say."""
        groups = [(self._spec.name, self._topics[0].name)]
        groups += [(f"{self._spec.name}.retry", topic) for topic in retry_topics(self._spec.name)]
        try:
            async with TopicAdmin(self._connection) as admin:
                return sum([sum((await admin.lag(*group)).values()) for group in groups])
        except RaglineError:
            return None

    async def _look(self) -> None:
        try:
            rows = await self._ask("SELECT count(*) AS count FROM effects")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return  # it was just killed
        self._done = rows[0]["count"]

    async def _ask(self, statement: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self._dsn, timeout=10)
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    async def _count(self, report: Report, fleet: Fleet) -> None:
        sent = set(range(self._size.records))
        done = {row["record"] for row in await self._ask("SELECT record FROM effects")}
        letters = await read(self._spec, self._topics[2].name)
        dead = set(letters)
        expected = {number for number in sent if self._spec.script(number) in DEAD}
        said = {row["record"] for row in await self._ask("SELECT record FROM given_up")}
        out = await read(self._spec, self._topics[1].name)
        report.say("sent", len(sent))
        report.say("done", len(done))
        report.say("dead", len(dead))
        report.none("lost", sent - done - dead)
        report.none("done and dead", done & dead)
        report.none("dead though they could be done", dead - expected)
        report.none("given up and nobody was told", self._refused(expected) - said)
        report.none("duplicate effects", [row["record"] for row in await self._ask(TWICE)])
        report.none("effects out of order in their key", _records(await self._ask(DISORDER)))
        report.none("done and never announced", done - set(out))
        report.none("announced and never done", set(out) - done)
        report.same("members that did not stop in time", fleet.cut_off, 0)
        self._say_what_repeats(report, fleet, letters, out)

    def _say_what_repeats(
        self, report: Report, fleet: Fleet, letters: list[int], out: list[int]
    ) -> None:
        """Add what at least once allows."""
        ended = executions(self._spec, "done")
        strikes = Counter(strike.what for strike in strikes_of(self._size))
        report.say("kills", sum(strikes[what] for what in ("worker", "kafka", "postgres")))
        report.say("orderly stops and joins", sum(strikes.values()) - report.findings[-1].value)
        report.say("executions repeated", ended.total() - len(ended))
        report.say("announcements repeated", len(out) - len(set(out)))
        report.say("dead letters repeated", len(letters) - len(set(letters)))
        report.say("processes that ended by themselves", len(fleet.ends))

    def _refused(self, dead: set[int]) -> set[int]:
        return {number for number in dead if self._spec.script(number) is Script.refused}


def _records(rows: list[asyncpg.Record]) -> list[object]:
    return [row["record"] for row in rows]


class _Patience:
    """Ends when what it is shown has not changed for long."""

    def __init__(self) -> None:
        self._seen: object = None
        self._since = time.monotonic()

    def is_over(self, seen: object) -> bool:
        if seen != self._seen:
            self._seen, self._since = seen, time.monotonic()
        return time.monotonic() - self._since > PATIENCE_SECONDS


def main() -> int:
    """Run as asked on the command line; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description="Kill processes while records flow.")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=3)
    folder = Path(tempfile.mkdtemp(prefix="ragline-chaos-"))
    report = asyncio.run(run(Size(**vars(parser.parse_args())), folder))
    sys.stdout.write(report.text())
    if report.off:
        sys.stdout.write(f"Logs and data are kept in {folder}.\n")
    else:
        shutil.rmtree(folder)
    return report.status


if __name__ == "__main__":
    sys.exit(main())
