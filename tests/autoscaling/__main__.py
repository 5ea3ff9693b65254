"""Installs the chart, gives it work, and shows that workers come and go: ``make autoscale-test``.

    python -m tests.autoscaling [--documents 500] [--questions 200] [--out DIR]

KUBECONFIG is of any cluster with KEDA; `helm` and `kubectl` are in PATH. Kafka and PostgreSQL are
those of KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL, which pods must reach; without them embedded
servers are started here, for clusters whose pods are processes of this machine.
"""

import argparse
import asyncio
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from cli.local.first_user import ensure_first_user
from cli.local.servers import running_servers
from contracts.topics import DOCUMENTS_CHUNKED, DOCUMENTS_PARSED, WORKERS
from runtime.kafka import KafkaConnection, TopicAdmin
from runtime.settings import Settings, load_settings
from tests.autoscaling.cluster import Cluster, CommandFailed
from tests.autoscaling.load import Client
from tests.autoscaling.pods import KubeletLog
from tests.autoscaling.watch import Watch
from tests.chaos.report import Report

#: Everything indexed, then everybody gone: far longer than either takes.
PATIENCE = 600.0
INDEXED = "SELECT count(*) FROM jobs WHERE status = 'indexed'"
OTHERWISE = "SELECT job_id FROM jobs WHERE status <> 'indexed'"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What a run works with."""

    cluster: Cluster
    watch: Watch
    kafka: TopicAdmin
    database: Any
    client: Client
    pods: KubeletLog | None


def main() -> int:
    """Run; 1 when a promise was broken."""
    asked = _arguments()
    for tool in ("helm", "kubectl"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is missing: put it into PATH.")
    try:
        return asyncio.run(_main(asked))
    except CommandFailed as error:
        sys.exit(f"The cluster did not do what it was told. {error}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Show that workers scale on lag, and back.")
    parser.add_argument("--documents", type=int, default=500)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--namespace", default="ragline-autoscaling")
    parser.add_argument("--image", default="ragline:0.1.0", help="REPOSITORY:TAG of the pods.")
    parser.add_argument("--url", help="Address of the gateways, where pods are not processes here.")
    parser.add_argument(
        "--kubelet-log", type=Path, help="Events of a kubelet whose pods are processes here."
    )
    parser.add_argument("--out", type=Path, default=Path("build/autoscaling"))
    asked = parser.parse_args()
    if not asked.url and not asked.kubelet_log:
        parser.error("say where the gateways are: --url, or --kubelet-log for pods as processes")
    return asked


async def _main(asked: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="ragline-autoscaling-") as folder:
        async with _stage(asked, Path(folder)) as stage:
            watching = asyncio.create_task(stage.watch.run())
            try:
                reports = [
                    await _up_and_down(stage, asked.documents, asked.questions),
                    await _change_under_load(stage, asked.documents // 4),
                ]
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
                _keep(stage.watch, asked.out)
    text = "\n\n".join(report.text() for report in reports)
    (asked.out / "report.md").write_text(
        f"# Autoscaling\n\n```\n{text}\n```\n\n![curve](curve.svg)\n"
    )
    print(text)  # noqa: T201 - a report for people
    return max(report.status for report in reports)


@asynccontextmanager
async def _stage(asked: argparse.Namespace, folder: Path) -> AsyncGenerator[Stage]:
    settings = load_settings(environment="test", data_dir=folder)
    pods = _pods(asked)
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(running_servers(settings, folder))
        settings = settings.with_values(**servers.where())
        cluster = _cluster(asked, settings, folder)
        await cluster.check()
        await cluster.prepare(_secrets(settings))
        stack.push_async_callback(cluster.remove)
        await cluster.install()
        where = (lambda: asked.url) if pods is None else pods.gateway
        access = await ensure_first_user(_database(settings), folder, where() or "")
        client = Client(where, access.email, access.password or "")
        stack.push_async_callback(client.close)
        kafka = await stack.enter_async_context(TopicAdmin(KafkaConnection.of(settings)))
        database = await asyncpg.create_pool(
            _database(settings), min_size=1, max_size=2, setup=_see_all_tenants
        )
        stack.push_async_callback(database.close)
        yield Stage(
            cluster=cluster,
            watch=Watch(cluster, kafka),
            kafka=kafka,
            database=database,
            client=client,
            pods=pods,
        )


def _pods(asked: argparse.Namespace) -> KubeletLog | None:
    if asked.kubelet_log is None:
        return None
    return KubeletLog(asked.kubelet_log, asked.namespace, time.time())


async def _see_all_tenants(connection: Any) -> None:
    await connection.execute("SET ROLE ragline_system")


def _cluster(asked: argparse.Namespace, settings: Settings, folder: Path) -> Cluster:
    repository, _, tag = asked.image.rpartition(":")
    servers = str(settings.kafka_bootstrap_servers).replace(",", "\\,")
    values = {
        "image.repository": repository,
        "image.tag": tag,
        "config.KAFKA_BOOTSTRAP_SERVERS": servers,
        "config.BLOB_URL": str(settings.blob_url),
    }
    if asked.kubelet_log:  # pods share this machine's network and disk, and nobody else's
        values |= {"config.HOST": "127.0.0.1", "config.METRICS_HOST": "127.0.0.1"}
        values |= {"config.DATA_DIR": str(folder), "config.CACHE_DIR": "null"}
    return Cluster(namespace=asked.namespace, values=values)


def _secrets(settings: Settings) -> dict[str, str]:
    return {"DATABASE_URL": _database(settings), "JWT_SECRET": secrets.token_urlsafe(48)}


def _database(settings: Settings) -> str:
    if settings.database_url is None:
        sys.exit("DATABASE_URL is missing: where is PostgreSQL?")
    return settings.database_url.get_secret_value()


async def _up_and_down(stage: Stage, documents: int, questions: int) -> Report:
    """Upload, wait until all is indexed, ask, and wait until all pods have gone again."""
    report = Report("workers come on lag and go again")
    least = await stage.cluster.minimums()
    stage.watch.mark("uploads")
    await asyncio.gather(*(stage.client.upload("first", number) for number in range(documents)))
    await _until(lambda: _is(stage, INDEXED, documents), "every document is indexed")
    stage.watch.mark("questions")
    await asyncio.gather(*(stage.client.ask(number) for number in range(questions)))
    stage.watch.mark("quiet")
    await _until(lambda: _has_gone_down(stage, least), "all workers are at their minimum")
    report.same("documents indexed", await stage.database.fetchval(INDEXED), documents)
    for worker in WORKERS:
        report.say(f"{worker}: largest lag", stage.watch.most_lag(worker))
        report.say(f"{worker}: most replicas", stage.watch.most(worker))
        if stage.watch.most(worker) <= least[worker]:
            report.none(f"{worker}: did not scale up", [worker])
    await _promises(stage, report, documents)
    return report.end()


async def _change_under_load(stage: Stage, documents: int) -> Report:
    """Upgrade and roll back while documents come in."""
    report = Report("an upgrade and a rollback under load")
    before = await stage.database.fetchval(INDEXED)
    changes: list[tuple[str, Awaitable[None]]] = [
        ("upgrade", stage.cluster.upgrade(**{"config.LOG_LEVEL": "WARNING"})),
        ("rollback", stage.cluster.rollback()),
    ]
    for name, change in changes:
        stage.watch.mark(name)
        uploads = [stage.client.upload(name, number) for number in range(documents)]
        await asyncio.gather(change, *uploads)
    wanted = before + len(changes) * documents
    await _until(lambda: _is(stage, INDEXED, wanted), "every document is indexed")
    report.same("documents indexed", await stage.database.fetchval(INDEXED), wanted)
    report.say("requests that were tried again", stage.client.tries)
    await _promises(stage, report, wanted)
    return report.end()


async def _promises(stage: Stage, report: Report, documents: int) -> None:
    """Look for what must not be: work done twice, processes killed, containers that crashed."""
    report.none("documents not indexed", await stage.database.fetch(OTHERWISE))
    # Whoever handles a record publishes what follows, also when the work was done before.
    for worker, topic in (("parser", DOCUMENTS_PARSED), ("chunker", DOCUMENTS_CHUNKED)):
        ends = await stage.kafka.progress("autoscaling", topic.name)
        report.same(
            f"{worker}: records that followed", sum(p.end for p in ends.values()), documents
        )
    report.same("containers started again", await stage.cluster.restarts(), 0)
    if stage.pods is not None:
        report.none("processes killed by their grace period", stage.pods.killed())
        report.say("slowest end after SIGTERM, ms", round(1000 * stage.pods.slowest_end()))


async def _is(stage: Stage, question: str, wanted: int) -> bool:
    return bool(await stage.database.fetchval(question) == wanted)


async def _has_gone_down(stage: Stage, least: dict[str, int]) -> bool:
    return await stage.cluster.replicas() == least


async def _until(come_true: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not await come_true():
        if time.monotonic() > deadline:
            raise AssertionError(f"Not after {PATIENCE:.0f} s: {what}.")
        await asyncio.sleep(1)


def _keep(watch: Watch, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if watch.samples:
        (folder / "curve.svg").write_text(watch.picture())
    rows = ["seconds," + ",".join(f"{w}_lag,{w}_replicas" for w in WORKERS)]
    rows += [
        f"{sample.at:.1f}," + ",".join(f"{sample.lag[w]},{sample.replicas[w]}" for w in WORKERS)
        for sample in watch.samples
    ]
    (folder / "curve.csv").write_text(os.linesep.join(rows) + os.linesep)


if __name__ == "__main__":
    sys.exit(main())
