"""``ragline doctor``: what is configured, what answers, what is missing, and what to do."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Annotated

import typer

from cli.checks.database import check_database
from cli.checks.findings import (
    CHECK_SECONDS,
    Finding,
    State,
    missing,
    ok,
    without_secrets,
)
from cli.checks.jobs import check_jobs
from cli.checks.kafka import check_kafka
from cli.checks.machine import check_disk, check_programs
from cli.checks.services import (
    check_answering,
    check_blobs,
    check_embedding,
    check_gateway,
    check_parsing,
    check_redis,
)
from cli.console import out
from cli.running import run
from cli.target import UrlOption, checked_url
from cli.terminal import printable, say_json
from cli.up import LOCAL_PARTITIONS
from cli.whereabouts import located, read_whereabouts
from runtime.production import check_production
from runtime.settings import Settings, SettingsError, load_settings

_STYLES = {State.ok: "green", State.warn: "yellow", State.missing: "red"}


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    url: UrlOption = None,
) -> None:
    """Look at settings, servers, providers and this machine; nothing is changed.

    Every line says ok, warn or missing, and what to do.

    The status is 1 when something is missing.
    """
    # What clients log of servers that are away is said here in one line each.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    address = checked_url(url) if url is not None else None
    run(_doctor(address, as_json=as_json))


async def _doctor(url: str | None, *, as_json: bool) -> int:
    try:
        settings = load_settings()
        check_production(settings)
    except SettingsError as error:
        findings = missing("settings", str(error))
    else:
        findings = ok("settings", f"Valid; ENVIRONMENT={settings.environment}.")
        findings += await _look(settings, url)
    if as_json:
        say_json({"checks": findings})
    else:
        _print(findings)
    return int(any(finding.state is State.missing for finding in findings))


async def _look(settings: Settings, url: str | None) -> list[Finding]:
    """Make every check at once; each has its own bound of time."""
    where = located(settings)
    results = await asyncio.gather(
        _bounded("database", check_database(where)),
        _bounded("jobs", check_jobs(where)),
        _bounded("kafka", check_kafka(where, partitions_cap=_partitions_cap(settings))),
        _bounded("blobs", check_blobs(where)),
        _bounded("gateway", check_gateway(url or _gateway_url(settings))),
        _bounded("rate limits", check_redis(settings)),
        _bounded("answering", check_answering(settings)),
        _bounded("java", check_programs(settings)),
    )
    findings = [finding for result in results for finding in result]
    findings += check_parsing(settings) + check_embedding(settings)
    findings += check_disk(settings.data_dir)
    return [without_secrets(finding, where) for finding in findings]


async def _bounded(name: str, check: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check
    except TimeoutError:
        return missing(name, f"No answer within {CHECK_SECONDS:g} s.")


def _gateway_url(settings: Settings) -> str:
    here = read_whereabouts(settings)
    return here.gateway_url if here else f"http://{settings.host}:{settings.port or 8000}"


def _partitions_cap(settings: Settings) -> int | None:
    """Return the most partitions of a topic: a machine of its own makes fewer than declared."""
    if settings.kafka_partitions is None and settings.kafka_bootstrap_servers is None:
        return LOCAL_PARTITIONS
    return settings.kafka_partitions


def _print(findings: list[Finding]) -> None:
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        out.print(f"{finding.state:8}", style=_STYLES[finding.state], end="")
        line = printable(f"{finding.name:{width}}  {finding.message}")
        out.print(line, markup=False, highlight=False, soft_wrap=True)
