"""A job is shown once or as it changes, and its stream can be taken up again."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from contracts.ids import JobId, TenantId
from store import Store
from tests.integration.gateway.serving import Client


def job_id(accepted: dict[str, Any]) -> JobId:
    return JobId(uuid.UUID(accepted["job_id"]))


def tenant_of(client: Client) -> TenantId:
    return TenantId(uuid.UUID(client.user["tenant_id"]))


@asynccontextmanager
async def following(
    ada: Client, accepted: dict[str, Any], last: str | None = None
) -> AsyncIterator[AsyncIterator[str]]:
    headers = {"Authorization": ada.headers["Authorization"]}
    if last is not None:
        headers["Last-Event-ID"] = last
    async with (
        httpx.AsyncClient(base_url=ada.base_url, timeout=10, trust_env=False) as client,
        client.stream(
            "GET", f"/api/v2/jobs/{accepted['job_id']}/events", headers=headers
        ) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield answer.aiter_lines()


async def next_event(lines: AsyncIterator[str]) -> tuple[str, dict[str, Any]]:
    fields: dict[str, str] = {}
    async for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            return fields["id"], json.loads(fields["data"])
        else:
            fields = {}  # a block without data, such as the pause before a reconnect, is no event
    raise EOFError


@pytest.mark.asyncio
async def test_a_stream_shows_every_change_and_ends_with_the_job(ada: Client, store: Store) -> None:
    accepted = ada.uploaded()
    job, tenant = job_id(accepted), tenant_of(ada)
    async with following(ada, accepted) as lines:
        assert (await next_event(lines))[1]["status"] == "accepted"
        async with store.tenant(tenant) as tx:
            await tx.jobs.start_stage(job, "parse", status="parsing")
        event_id, shown = await next_event(lines)
        assert (shown["status"], shown["stages"][0]["state"]) == ("parsing", "running")
        assert event_id == str(shown["revision"])
        async with store.tenant(tenant) as tx:
            await tx.jobs.fail(job, stage="parse", code="empty_document", message="No text.")
        _, shown = await next_event(lines)
        assert shown["error"] == {"code": "empty_document", "message": "No text."}
        with pytest.raises(EOFError):
            await next_event(lines)


@pytest.mark.asyncio
async def test_a_stream_goes_on_after_the_last_event_that_was_seen(
    ada: Client, store: Store
) -> None:
    accepted = ada.uploaded()
    async with following(ada, accepted) as lines:
        seen, _ = await next_event(lines)
    async with following(ada, accepted, last=seen) as lines:
        async with store.tenant(tenant_of(ada)) as tx:
            await tx.jobs.start_stage(job_id(accepted), "parse", status="parsing")
        assert (await next_event(lines))[1]["status"] == "parsing"


@pytest.mark.asyncio
@pytest.mark.parametrize("last", ["", "-1", "abc", "9" * 30, "0"])
async def test_an_id_that_was_never_sent_begins_the_stream_anew(ada: Client, last: str) -> None:
    async with following(ada, ada.uploaded(), last=last) as lines:
        assert (await next_event(lines))[1]["status"] == "accepted"


def test_a_client_that_saw_the_end_is_told_not_to_come_back(ada: Client) -> None:
    accepted = ada.uploaded()
    ada.delete(f"/api/v2/documents/{accepted['document_id']}")
    path = f"/api/v2/jobs/{accepted['job_id']}"
    last = str(ada.get(path).json()["revision"])
    assert ada.get(f"{path}/events", headers={"Last-Event-ID": last}).status_code == 204


@pytest.mark.asyncio
async def test_a_silent_stream_is_kept_alive(ada: Client) -> None:
    async with following(ada, ada.uploaded()) as lines:
        await next_event(lines)
        while not (line := await anext(lines)).startswith(":"):
            pass
        assert line == ": alive"


@pytest.mark.asyncio
async def test_each_of_many_streams_sees_its_own_job(ada: Client, store: Store) -> None:
    accepted = [ada.uploaded(f"File {number}.".encode()) for number in range(20)]
    async with following(ada, accepted[0]) as first:
        await next_event(first)
        streams = [following(ada, one) for one in accepted[1:]]
        opened = [await stream.__aenter__() for stream in streams]
        try:
            for lines in opened:
                assert (await next_event(lines))[1]["status"] == "accepted"
            async with store.tenant(tenant_of(ada)) as tx:
                for one in accepted:
                    await tx.jobs.start_stage(job_id(one), "parse", status="parsing")
            for lines in (first, *opened):
                assert (await next_event(lines))[1]["status"] == "parsing"
        finally:
            for stream in streams:
                await stream.__aexit__(None, None, None)


def test_jobs_are_listed_and_filtered_by_status(ada: Client) -> None:
    kept, deleted = ada.uploaded(b"Kept."), ada.uploaded(b"Deleted.")
    ada.delete(f"/api/v2/documents/{deleted['document_id']}")

    def listed(**query: str) -> list[str]:
        return [job["job_id"] for job in ada.get("/api/v2/jobs", params=query).json()["data"]]

    assert listed() == [deleted["job_id"], kept["job_id"]]
    assert listed(status="deleted") == [deleted["job_id"]]
    assert listed(status="accepted") == [kept["job_id"]]
