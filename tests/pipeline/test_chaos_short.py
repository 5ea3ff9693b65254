"""The short form of what `make chaos` does at length: kills while work flows, and a count."""

import asyncio
from pathlib import Path

from runtime.embedded import EmbeddedKafka, EmbeddedPostgres
from tests.chaos import lanes, pipeline
from tests.chaos.product import Product
from tests.fixtures.servers import fresh_database
from tests.fixtures.stack import Running


def test_killed_processes_and_servers_lose_and_repeat_no_effect_of_the_lanes(
    kafka_server: EmbeddedKafka, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    size = lanes.Size(records=800, kills=3, seed=4, workers=2)
    servers = lanes.Servers(kafka_server, postgres_server)
    with fresh_database(postgres_server.dsn) as dsn:
        report = asyncio.run(lanes.Run(size, servers, dsn, tmp_path).whole())
    assert report.status == 0, report.text()


def test_whatever_is_killed_the_index_and_the_answers_are_those_of_a_quiet_run(
    running: Running,
) -> None:
    size = pipeline.Size(documents=14, questions=5, kills=7, seed=4, seconds_per_kill=1.5)
    product = Product(
        running.url, running.settings, running.stack, running.servers, running.stack.watching
    )
    report = running.do(pipeline.disturb(product, size))
    assert report.status == 0, report.text()
