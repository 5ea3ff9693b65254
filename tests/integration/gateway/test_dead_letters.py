"""What the workers gave up arrives once, and operators look at it, redrive and discard it."""

import asyncio
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
import pytest_asyncio
from aiokafka import ConsumerRecord
from prometheus_client import REGISTRY
from typing_extensions import override

from contracts import ids
from contracts.codec import encode
from contracts.conversations import QuestionAsked
from contracts.delivery_headers import PREFIX, REDRIVES
from contracts.documents import ChunkText, DocumentChunked, DocumentUploaded
from contracts.errors import BrokerUnavailable, StoreUnavailable
from contracts.ids import ChunkId, ConversationId, DocumentId, JobId, TenantId, TurnId, UserId
from contracts.topics import INPUTS, WorkerName
from gateway.auth.passwords import Passwords
from gateway.dead_letters.copying import DeadLetterCopy
from runtime.clock import SystemClock
from runtime.delivery import Failure
from runtime.delivery.headers import dead_letter_headers
from runtime.kafka import GroupReader, KafkaConnection, Publisher
from store import Store
from store.dead_letters import Chosen
from tests.integration.gateway.serving import PASSWORD, Client, Gateway

PATH = "/api/v2/admin/dead-letters"
FAILURE = Failure("missing_blob", "The stored file is gone; upload it again.")
NOBODY = "00000000-0000-4000-8000-000000000001"


@dataclass
class Graveyard:
    """Lets records die and be copied."""

    kafka: KafkaConnection
    publisher: Publisher
    store: Store
    copying: DeadLetterCopy

    async def bury(
        self, value: bytes, *, key: str, group: WorkerName = "parser", redrives: int = 0
    ) -> None:
        """Publish a dead letter, as a worker does."""
        record = _record(group, key.encode(), value, redrives)
        await self.publisher.publish_raw(
            topic=f"{group}.dlq.v1",
            key=record.key,
            value=record.value,
            headers=dead_letter_headers(
                record, FAILURE, group=group, attempts=3, at=SystemClock().now()
            ),
        )

    async def copy(self) -> None:
        """Copy all that is there."""
        async with self.reader() as reader:
            for _ in range(3):  # the first may come before anything is fetched
                while await reader.copy(self.copying):
                    pass

    def reader(self, kind: "type[CountingReader] | None" = None) -> "CountingReader":
        topics = [f"{worker}.dlq.v1" for worker in INPUTS]
        return (kind or CountingReader)(self.kafka, "dead-letters", topics)

    async def died(self, tenant: str, key: str, value: bytes, **more: Any) -> dict[str, Any]:
        """Let a record die, and return its dead letter as the store has it."""
        await self.bury(value, key=key, **more)
        await self.copy()
        async with self.store.system() as tx:
            chosen = Chosen(tenant_id=TenantId(uuid.UUID(tenant)))
            rows = await tx.dead_letters.newest(chosen, limit=1)
        return {"id": str(rows[0].dead_letter_id), "row": rows[0]}

    async def retried(self, key: str, group: str = "parser") -> list[ConsumerRecord]:
        """Return the records of a key that wait in the shortest retry topic."""
        topic = f"{group}.retry.10s.v1"
        found: list[ConsumerRecord] = []
        async with GroupReader(self.kafka, f"test-{uuid.uuid4()}", [topic]) as reader:
            for _ in range(4):
                found += await reader.read(limit=1000)
        return [record for record in found if record.key == key.encode()]


class CountingReader(GroupReader):
    """Says whether anything was read."""

    read_last = 0

    @override
    async def read(self, *, limit: int) -> list[ConsumerRecord]:
        records = await super().read(limit=limit)
        self.read_last = len(records)
        return records

    async def copy(self, copying: DeadLetterCopy) -> int:
        await copying.copy_next(self)
        return self.read_last


class Killed(Exception):
    """The process is gone."""


class DyingReader(CountingReader):
    """Dies when it should commit, as a process that is killed there."""

    @override
    async def commit(self) -> None:
        raise Killed


def _record(group: WorkerName, key: bytes, value: bytes, redrives: int) -> ConsumerRecord:
    """Return a record as a worker reads it from its topic."""
    record: Any = ConsumerRecord.__new__(ConsumerRecord)
    facts = {
        "topic": INPUTS[group].name,
        "partition": 2,
        "offset": 41,
        "timestamp": 1_700_000_000_000,
        "key": key,
        "value": value,
        "headers": [("ce_id", b"an id"), ("odd", b"\xff\x00")]
        + ([(REDRIVES, str(redrives).encode())] if redrives else []),
    }
    for name, fact in facts.items():
        object.__setattr__(record, name, fact)
    return cast("ConsumerRecord", record)


@pytest_asyncio.fixture
async def graveyard(topics: str, store: Store) -> AsyncIterator[Graveyard]:
    kafka = KafkaConnection(servers=topics)
    publisher = Publisher(kafka, client_id="test")
    copying = DeadLetterCopy(store=store, kafka=kafka, clock=SystemClock())
    yield Graveyard(kafka, publisher, store, copying)
    await publisher.stop()


@pytest_asyncio.fixture
async def operator(gateway: Gateway, store: Store) -> AsyncIterator[Client]:
    passwords = Passwords()
    client = Client(gateway.url)
    client.email = f"{secrets.token_hex(6)}@example.org"
    async with store.system() as tx:
        await tx.accounts.register(
            "operations", client.email, await passwords.hash(PASSWORD), role="operator"
        )
    passwords.close()
    client.log_in()
    yield client
    client.close()


async def failed_upload(ada: Client, store: Store) -> DocumentUploaded:
    """Upload a file whose job failed; returns the event of the upload."""
    accepted = ada.uploaded(secrets.token_bytes(8).hex().encode())
    event = uploaded(
        ada, DocumentId(uuid.UUID(accepted["document_id"])), JobId(uuid.UUID(accepted["job_id"]))
    )
    await fail(store, event)
    return event


async def fail(store: Store, event: DocumentUploaded) -> None:
    async with store.tenant(event.tenant_id) as tx:
        await tx.jobs.start_stage(event.job_id, "parse", status="parsing")
        await tx.jobs.fail(event.job_id, stage="parse", code=FAILURE.code, message=FAILURE.message)


def uploaded(ada: Client, document: DocumentId, job: JobId, version: int = 1) -> DocumentUploaded:
    return DocumentUploaded(
        tenant_id=TenantId(uuid.UUID(ada.user["tenant_id"])),
        document_id=document,
        version=version,
        job_id=job,
        filename="a.txt",
        media_type="text/plain",
        size=8,
        sha256="00",
        blob_key="k",
        knowledge_base="default",
        uploaded_at=SystemClock().now(),
    )


def job_of(ada: Client, event: DocumentUploaded) -> dict[str, Any]:
    return dict(ada.get(f"/api/v2/jobs/{event.job_id}").json())


def listed(operator: Client, **query: object) -> list[dict[str, Any]]:
    answer = operator.get(PATH, params={name: str(value) for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.asyncio
async def test_what_a_worker_gave_up_is_listed_with_its_reason(
    graveyard: Graveyard, operator: Client, ada: Client
) -> None:
    event = await failed_upload(ada, graveyard.store)
    await graveyard.bury(encode(event), key=str(event.document_id))
    await graveyard.copy()
    [letter] = listed(operator, document_id=event.document_id)
    assert letter == listed(operator, tenant_id=event.tenant_id, group="parser", state="waiting")[0]
    assert (letter["code"], letter["reason"]) == (FAILURE.code, FAILURE.message)
    assert (letter["attempts"], letter["redrives"], letter["group"]) == (3, 0, "parser")
    assert listed(operator, document_id=event.document_id, group="chunker") == []
    assert listed(operator, document_id=event.document_id, code="other") == []
    assert listed(operator, document_id=event.document_id, since="2100-01-01T00:00:00Z") == []
    assert listed(operator, document_id=event.document_id, since="2020-01-01T00:00:00") == [letter]
    shown = operator.get(f"{PATH}/{letter['dead_letter_id']}").json()
    assert shown["event"]["job_id"] == str(event.job_id)
    assert shown["origin"] == {"topic": "documents.uploaded.v1", "partition": 2, "offset": 41}
    assert shown["kept"]["topic"] == "parser.dlq.v1"
    assert shown["headers"]["ce_id"] == "an id"
    assert shown["key"] == str(event.document_id)


@pytest.mark.asyncio
async def test_texts_of_documents_are_not_shown(
    graveyard: Graveyard, operator: Client, ada: Client
) -> None:
    whole = await failed_upload(ada, graveyard.store)
    part = DocumentChunked(
        tenant_id=whole.tenant_id,
        document_id=whole.document_id,
        version=1,
        job_id=whole.job_id,
        generation=1,
        part=0,
        part_count=1,
        chunks_total=1,
        strategy="sentence_5",
        chunks=(
            ChunkText(
                chunk_id=ChunkId(uuid.uuid4()),
                ordinal=0,
                page_first=1,
                page_last=1,
                char_start=0,
                char_end=6,
                text="secret",
            ),
        ),
    )
    letter = await graveyard.died(
        str(whole.tenant_id), f"{whole.document_id}:0", encode(part), group="embedder"
    )
    shown = operator.get(f"{PATH}/{letter['id']}")
    assert shown.json()["event"]["chunks"][0]["char_end"] == 6
    assert "secret" not in shown.text


@pytest.mark.asyncio
async def test_poison_is_kept_and_goes_with_the_document_that_its_key_names(
    graveyard: Graveyard, operator: Client, ada: Client
) -> None:
    event = await failed_upload(ada, graveyard.store)
    poison = b"\xff\x00 of a later version"
    await graveyard.publisher.publish_raw(
        topic="parser.dlq.v1",
        key=str(event.document_id),
        value=poison,
        headers={
            "ce_tenant": str(event.tenant_id),
            f"{PREFIX}attempts": b"9" * 50,
            f"{PREFIX}first-failure": "yesterday",
            f"{PREFIX}reason": "nothing\0here",
        },
    )
    await graveyard.copy()
    [letter] = listed(operator, document_id=event.document_id)
    assert (letter["code"], letter["reason"]) == ("unknown", "nothing\N{REPLACEMENT CHARACTER}here")
    shown = operator.get(f"{PATH}/{letter['dead_letter_id']}").json()
    assert (shown["event"], shown["size"]) == (None, len(poison))
    assert operator.post(f"{PATH}/{letter['dead_letter_id']}/redrive", json={}).status_code == 204
    [record] = await graveyard.retried(str(event.document_id))
    assert record.value == poison
    assert ada.delete(f"/api/v2/documents/{event.document_id}").status_code == 204
    assert listed(operator, document_id=event.document_id) == []


@pytest.mark.asyncio
async def test_a_copier_killed_before_its_commit_leaves_no_second_row(
    graveyard: Graveyard, operator: Client, ada: Client
) -> None:
    await graveyard.copy()
    event = await failed_upload(ada, graveyard.store)
    await graveyard.bury(encode(event), key=str(event.document_id))
    with pytest.raises(Killed):
        await _copy_something(graveyard, DyingReader)
    assert len(listed(operator, document_id=event.document_id)) == 1
    await _copy_something(graveyard, CountingReader)
    assert len(listed(operator, document_id=event.document_id)) == 1


async def _copy_something(graveyard: Graveyard, kind: type[CountingReader]) -> None:
    """Copy the next records that there are."""
    async with graveyard.reader(kind) as reader, asyncio.timeout(20):
        while not await reader.copy(graveyard.copying):
            pass


@pytest.mark.asyncio
async def test_nothing_is_lost_while_the_database_or_kafka_is_away(
    graveyard: Graveyard, operator: Client, ada: Client, database: str
) -> None:
    event = await failed_upload(ada, graveyard.store)
    await graveyard.bury(encode(event), key=str(event.document_id))
    away = await Store.connect(database, pool_size=1)
    await away.close()
    copying = DeadLetterCopy(store=away, kafka=graveyard.kafka, clock=SystemClock())
    with pytest.raises(StoreUnavailable):
        await copying.copy_dead_letters()
    nowhere = KafkaConnection(servers="127.0.0.1:1")
    copying = DeadLetterCopy(store=graveyard.store, kafka=nowhere, clock=SystemClock())
    with pytest.raises(BrokerUnavailable):
        await copying.copy_dead_letters()
    await graveyard.copy()
    assert len(listed(operator, document_id=event.document_id)) == 1


@pytest.mark.asyncio
async def test_a_gauge_counts_those_that_wait(
    graveyard: Graveyard, operator: Client, ada: Client
) -> None:
    def waiting() -> float:
        labels = {"worker": "parser", "code": FAILURE.code}
        return REGISTRY.get_sample_value("ragline_dead_letters_waiting", labels) or 0

    await graveyard.copy()
    await graveyard.copying.measure_dead_letters()
    before = waiting()
    event = await failed_upload(ada, graveyard.store)
    letter = await graveyard.died(str(event.tenant_id), str(event.document_id), encode(event))
    await graveyard.copying.measure_dead_letters()
    assert waiting() == before + 1
    assert operator.post(f"{PATH}/{letter['id']}/discard").status_code == 204
    await graveyard.copying.measure_dead_letters()
    assert waiting() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", PATH),
        ("GET", f"{PATH}/{NOBODY}"),
        ("POST", f"{PATH}/{NOBODY}/redrive"),
        ("POST", f"{PATH}/redrive"),
        ("POST", f"{PATH}/{NOBODY}/discard"),
    ],
)
def test_only_operators_may_look(gateway: Gateway, ada: Client, method: str, path: str) -> None:
    for client in (ada, ada.add_user("member"), ada.add_user("viewer")):
        assert problem(client.request(method, path, json={})) == (403, "forbidden")
    with gateway.anonymous() as nobody:
        assert nobody.request(method, path, json={}).status_code == 401


def test_an_operator_is_admin_of_the_own_tenant(operator: Client) -> None:
    member = operator.add_user("member")
    assert member.post("/api/v2/auth/api-keys", json={"name": "theirs"}).status_code == 201
    assert len(operator.get("/api/v2/auth/api-keys").json()["data"]) == 1


def test_an_unknown_dead_letter_is_not_found(operator: Client) -> None:
    assert operator.get(f"{PATH}/{NOBODY}").status_code == 404
    assert operator.post(f"{PATH}/{NOBODY}/redrive", json={}).status_code == 404
    assert operator.post(f"{PATH}/{NOBODY}/discard").status_code == 404


@pytest.mark.asyncio
async def test_redriving_sends_the_untouched_record_to_the_retries_and_reopens_the_job(
    graveyard: Graveyard, operator: Client, ada: Client
) -> None:
    event = await failed_upload(ada, graveyard.store)
    key, value = str(event.document_id), encode(event)
    letter = await graveyard.died(str(event.tenant_id), key, value)
    assert job_of(ada, event)["status"] == "failed"
    assert operator.post(f"{PATH}/{letter['id']}/redrive", json={}).status_code == 204
    [record] = await graveyard.retried(key)
    assert record.value == value
    headers = dict(record.headers)
    assert (headers["ce_id"], headers["odd"]) == (b"an id", b"\xff\x00")
    assert {name.removeprefix(PREFIX) for name in headers if name.startswith(PREFIX)} == {
        "origin-topic",
        "origin-partition",
        "origin-offset",
        "origin-timestamp",
        "redrives",
    }
    assert headers[REDRIVES] == b"1"
    job = job_of(ada, event)
    assert (job["status"], job["error"]) == ("parsing", None)
    [shown] = listed(operator, document_id=event.document_id)
    assert shown["state"] == "redriven"
    assert shown["settled_at"]
    again = operator.post(f"{PATH}/{letter['id']}/redrive", json={})
    assert problem(again) == (409, "dead_letter_settled")
    assert problem(operator.post(f"{PATH}/{letter['id']}/discard")) == (409, "dead_letter_settled")
    forced = operator.post(f"{PATH}/{letter['id']}/redrive", json={"force": True})
    assert forced.status_code == 204
    assert len(await graveyard.retried(key)) == 2


@pytest.mark.asyncio
async def test_a_fourth_redrive_needs_force(
    graveyard: Graveyard, operator: Client, ada: Client
) -> None:
    event = await failed_upload(ada, graveyard.store)
    key, value = str(event.document_id), encode(event)
    letter = await graveyard.died(str(event.tenant_id), key, value, redrives=3)
    refused = operator.post(f"{PATH}/{letter['id']}/redrive", json={})
    assert problem(refused) == (409, "redriven_too_often")
    assert job_of(ada, event)["status"] == "failed"
    assert await graveyard.retried(key) == []
    forced = operator.post(f"{PATH}/{letter['id']}/redrive", json={"force": True})
    assert forced.status_code == 204
    [record] = await graveyard.retried(key)
    assert dict(record.headers)[REDRIVES] == b"4"


@pytest.mark.asyncio
async def test_what_is_superseded_is_refused_and_what_is_deleted_is_gone(
    graveyard: Graveyard, operator: Client, ada: Client
) -> None:
    content = secrets.token_hex(8).encode()
    accepted = ada.uploaded(content)
    document = DocumentId(uuid.UUID(accepted["document_id"]))
    event = uploaded(ada, document, JobId(uuid.UUID(accepted["job_id"])))
    await fail(graveyard.store, event)
    letter = await graveyard.died(str(event.tenant_id), str(document), encode(event))
    second = ada.uploaded(content)
    assert second["job_id"] == str(ids.job_id(document, 2))
    refused = operator.post(f"{PATH}/{letter['id']}/redrive", json={"force": True})
    assert problem(refused) == (409, "dead_letter_obsolete")
    assert job_of(ada, event)["status"] == "failed"
    assert ada.delete(f"/api/v2/documents/{document}").status_code == 204
    assert operator.get(f"{PATH}/{letter['id']}").status_code == 404
    await graveyard.bury(encode(event), key=str(document))
    await graveyard.copy()
    assert listed(operator, document_id=document) == []
    assert await graveyard.retried(str(document)) == []


@pytest.mark.asyncio
async def test_a_question_whose_turn_is_over_is_refused(
    graveyard: Graveyard, operator: Client, ada: Client
) -> None:
    event = QuestionAsked(
        tenant_id=TenantId(uuid.UUID(ada.user["tenant_id"])),
        conversation_id=ConversationId(uuid.uuid4()),
        turn_id=TurnId(uuid.uuid4()),
        user_id=UserId(uuid.uuid4()),
        agent="answer",
        reply_partition=0,
    )
    letter = await graveyard.died(
        str(event.tenant_id), str(event.conversation_id), encode(event), group="responder"
    )
    refused = operator.post(f"{PATH}/{letter['id']}/redrive", json={})
    assert problem(refused) == (409, "dead_letter_obsolete")


@pytest.mark.asyncio
async def test_many_are_redriven_by_filter_in_portions_and_not_all_at_once(
    graveyard: Graveyard, operator: Client, ada: Client
) -> None:
    events = [await failed_upload(ada, graveyard.store) for _ in range(4)]
    for number, event in enumerate(events):
        await graveyard.bury(
            encode(event), key=str(event.document_id), redrives=3 if number == 1 else 0
        )
    await graveyard.copy()
    which = {"tenant_id": ada.user["tenant_id"], "group": "parser", "per_second": 10}
    began = time.monotonic()
    first = operator.post(f"{PATH}/redrive", json=which | {"limit": 3}).json()
    took = time.monotonic() - began
    assert (len(first["redriven"]), first["has_more"]) == (2, True)
    assert took >= 0.2
    [refused] = first["refused"]
    assert refused["code"] == "redriven_too_often"
    rest = operator.post(f"{PATH}/redrive", json=which | {"after": first["last_id"]}).json()
    assert (len(rest["redriven"]), rest["refused"], rest["has_more"]) == (1, [], False)
    states = [row["state"] for row in listed(operator, tenant_id=ada.user["tenant_id"])]
    assert sorted(states) == ["redriven", "redriven", "redriven", "waiting"]


@pytest.mark.parametrize(
    "body",
    [{"limit": 0}, {"per_second": 101}, {"group": "x"}, {"since": "0001-01-01T00:00:00+14:00"}],
)
def test_a_wrong_redrive_is_refused(operator: Client, body: dict[str, Any]) -> None:
    assert problem(operator.post(f"{PATH}/redrive", json=body)) == (422, "invalid_request")


@pytest.mark.asyncio
async def test_a_discarded_one_is_not_redriven_and_its_job_stays_failed(
    graveyard: Graveyard, operator: Client, ada: Client
) -> None:
    event = await failed_upload(ada, graveyard.store)
    key = str(event.document_id)
    letter = await graveyard.died(str(event.tenant_id), key, encode(event))
    assert operator.post(f"{PATH}/{letter['id']}/discard").status_code == 204
    refused = operator.post(f"{PATH}/{letter['id']}/redrive", json={})
    assert problem(refused) == (409, "dead_letter_settled")
    result = operator.post(f"{PATH}/redrive", json={"tenant_id": str(event.tenant_id)}).json()
    assert result["redriven"] == []
    assert await graveyard.retried(key) == []
    assert job_of(ada, event)["status"] == "failed"


def chunked(event: DocumentUploaded, part: int, parts: int, generation: int = 1) -> bytes:
    return encode(
        DocumentChunked(
            tenant_id=event.tenant_id,
            document_id=event.document_id,
            version=event.version,
            job_id=event.job_id,
            generation=generation,
            part=part,
            part_count=parts,
            chunks_total=parts,
            strategy="sentence_5",
            chunks=(),
        )
    )


@pytest.mark.asyncio
async def test_a_job_stays_failed_until_the_last_of_its_dead_parts_is_redriven(
    graveyard: Graveyard, operator: Client, ada: Client
) -> None:
    event = await failed_upload(ada, graveyard.store)
    for part in range(3):
        await graveyard.bury(
            chunked(event, part, 3), key=f"{event.document_id}:{part}", group="embedder"
        )
    await graveyard.copy()
    letters = listed(operator, document_id=event.document_id)
    assert len(letters) == 3
    for letter in letters[:2]:
        path = f"{PATH}/{letter['dead_letter_id']}/redrive"
        assert operator.post(path, json={}).status_code == 204
        job = job_of(ada, event)
        assert (job["status"], job["error"]["code"]) == ("failed", FAILURE.code)
    path = f"{PATH}/{letters[2]['dead_letter_id']}/redrive"
    assert operator.post(path, json={}).status_code == 204
    job = job_of(ada, event)
    assert (job["status"], job["error"]) == ("embedding", None)
    assert len(await graveyard.retried(f"{event.document_id}:0", "embedder")) == 1


@pytest.mark.asyncio
async def test_redriving_all_parts_at_once_lets_the_job_run_again(
    graveyard: Graveyard, operator: Client, ada: Client
) -> None:
    event = await failed_upload(ada, graveyard.store)
    for part in range(4):
        await graveyard.bury(
            chunked(event, part, 4), key=f"{event.document_id}:{part}", group="embedder"
        )
    await graveyard.copy()
    letters = listed(operator, document_id=event.document_id)

    def redrive(letter: dict[str, Any]) -> int:
        return operator.post(f"{PATH}/{letter['dead_letter_id']}/redrive", json={}).status_code

    found = await asyncio.gather(*(asyncio.to_thread(redrive, letter) for letter in letters))
    assert found == [204] * 4
    assert job_of(ada, event)["status"] == "embedding"


@pytest.mark.asyncio
async def test_a_redriven_record_goes_on_in_its_trace_and_its_job_is_taken_up_anew(
    graveyard: Graveyard, operator: Client, ada: Client
) -> None:
    event = await failed_upload(ada, graveyard.store)
    key, trace = str(event.document_id), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await graveyard.publisher.publish_raw(
        topic="parser.dlq.v1",
        key=key,
        value=encode(event),
        headers={"traceparent": trace, f"{PREFIX}code": FAILURE.code},
    )
    await graveyard.copy()
    async with graveyard.store.tenant(event.tenant_id) as tx:
        await tx.connection.change(
            "UPDATE jobs SET reconciled = 3, reconciled_at = now() WHERE job_id = $1", event.job_id
        )
    [letter] = listed(operator, document_id=event.document_id)
    path = f"{PATH}/{letter['dead_letter_id']}/redrive"
    assert operator.post(path, json={}).status_code == 204
    [record] = await graveyard.retried(key)
    assert dict(record.headers)["traceparent"].decode() == trace
    async with graveyard.store.tenant(event.tenant_id) as tx:
        row = await tx.connection.row(
            "SELECT reconciled, reconciled_at FROM jobs WHERE job_id = $1", event.job_id
        )
    assert row is not None
    assert tuple(row) == (0, None)
