"""``ragline topics``: the topics as declared, and as they are in Kafka."""

import asyncio
import json
from typing import Annotated

import typer
from rich.table import Table

from cli.configured import configured
from cli.console import fail, out
from contracts.errors import RaglineError
from contracts.topics import TOPICS
from runtime.kafka import KafkaConnection, TopicAdmin
from runtime.settings import Settings

app = typer.Typer(help="Create and show the topics.", no_args_is_help=True)


@app.command()
def apply() -> None:
    """Create the topics that are missing; safe to run again."""
    settings = configured()
    try:
        created = asyncio.run(apply_topics(settings))
    except RaglineError as error:
        fail(error.message)
    out.print(f"Created: {', '.join(created) if created else 'nothing, all were there'}.")


@app.command()
def show(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show the declared topics: key, partitions, retention, owner and consumers."""
    rows = [
        {
            "name": topic.name,
            "key": topic.key,
            "partitions": topic.partitions,
            "cleanup": topic.cleanup,
            "kept": topic.kept,
            "owner": topic.owner,
            "consumers": list(topic.consumers),
        }
        for topic in TOPICS
    ]
    if as_json:
        out.print_json(json.dumps(rows))
        return
    table = Table(*rows[0])
    for row in rows:
        table.add_row(
            *(", ".join(value) if isinstance(value, list) else str(value) for value in row.values())
        )
    out.print(table)


async def apply_topics(settings: Settings) -> list[str]:
    """Create what is missing, with the replication and partitions of the settings."""
    async with TopicAdmin(KafkaConnection.of(settings)) as admin:
        return await admin.apply(
            TOPICS, replication=settings.kafka_replication, partitions_cap=settings.kafka_partitions
        )
