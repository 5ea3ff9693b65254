"""What a deletion finds in the middle of a parse: nothing of the document may come back."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from contracts.artefacts import ParsedDocument, ParsedPage
from contracts.documents import DocumentParsed, DocumentUploaded
from contracts.envelope import Outgoing
from contracts.errors import BlobsUnavailable, MissingBlob
from contracts.ids import TenantId
from providers.blobs.factory import create_blobs
from providers.blobs.protocol import BlobStore
from providers.parsing.protocol import Parsed, RemoteJob, SourceFile
from runtime.clock import SystemClock
from store import Store
from store.documents import Accepted
from tests.integration.store.given import a_tenant, accepted
from workers.parser.handler import confirm, fetch_original, handle

pytestmark = pytest.mark.asyncio

CONTENT = b"The grey owl sleeps."


class Interrupted:
    """A parser in the middle of whose work something happens."""

    name = "interrupted/1"
    is_local_twin = True

    def __init__(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._meanwhile = meanwhile

    async def parse(self, source: SourceFile, job: RemoteJob) -> Parsed:  # noqa: ARG002 - as every parser
        text = source.path.read_text(encoding="utf-8")
        await self._meanwhile()
        pages = (ParsedPage(number=1, text=text),)
        return Parsed(document=ParsedDocument(pages=pages, parser=self.name), pages_billed=0)

    async def close(self) -> None:
        return


async def nothing() -> None:
    return


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def blobs(folder: Path) -> BlobStore:
    return create_blobs(folder.as_uri())


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def given(store: Store, blobs: BlobStore, tenant: TenantId) -> DocumentUploaded:
    """Upload the content (again) and return its event."""
    document = await accepted(store, tenant, CONTENT)
    event = uploaded(tenant, document)
    await blobs.put(event.blob_key, CONTENT)
    return event


def uploaded(tenant: TenantId, document: Accepted) -> DocumentUploaded:
    return DocumentUploaded(
        tenant_id=tenant,
        document_id=document.document_id,
        version=document.version,
        job_id=document.job_id,
        filename="owl.txt",
        media_type="text/plain",
        size=len(CONTENT),
        sha256="0" * 64,
        blob_key=f"{tenant}/{document.document_id}/{document.version}/original",
        knowledge_base="default",
        uploaded_at=SystemClock().now(),
    )


async def delete(store: Store, blobs: BlobStore, event: DocumentUploaded) -> None:
    """Delete the document and purge its files, as the gateway does."""
    async with store.tenant(event.tenant_id) as tx:
        assert await tx.documents.delete(event.document_id) is not None
    await blobs.delete_prefix(f"{event.tenant_id}/{event.document_id}/")


def values(following: Sequence[Outgoing]) -> list[object]:
    return [outgoing.event for outgoing in following]


async def test_pages_parsed_during_a_deletion_are_not_kept(
    store: Store, blobs: BlobStore, folder: Path
) -> None:
    event = await given(store, blobs, await a_tenant(store))
    parser = Interrupted(lambda: delete(store, blobs, event))
    following = await handle(event, store=store, blobs=blobs, parser=parser)
    assert left(folder) == []
    assert values(following) == [None]


async def test_a_killed_parser_s_pages_go_when_its_record_comes_again(
    store: Store, blobs: BlobStore, folder: Path
) -> None:
    event = await given(store, blobs, await a_tenant(store))
    await delete(store, blobs, event)
    await blobs.put(f"{event.tenant_id}/{event.document_id}/1/pages.json", b"{}")
    await handle(event, store=store, blobs=blobs, parser=Interrupted(nothing))
    assert left(folder) == []


async def test_a_tombstone_that_could_not_be_published_is_said_again(
    store: Store, blobs: BlobStore
) -> None:
    event = await given(store, blobs, await a_tenant(store))
    parser = Interrupted(nothing)
    assert len(await handle(event, store=store, blobs=blobs, parser=parser)) == 1
    await delete(store, blobs, event)
    assert values(await confirm(event, store=store)) == [None]  # and Kafka is away, so:
    assert values(await handle(event, store=store, blobs=blobs, parser=parser)) == [None]


async def test_a_file_that_is_gone_because_of_a_deletion_is_no_failure(
    store: Store, blobs: BlobStore
) -> None:
    event = await given(store, blobs, await a_tenant(store))

    async def deleted_and_noticed() -> None:
        await delete(store, blobs, event)
        raise MissingBlob

    parser = Interrupted(deleted_and_noticed)
    assert values(await handle(event, store=store, blobs=blobs, parser=parser)) == [None]


async def test_a_late_record_of_an_old_version_is_followed_by_that_of_the_new_one(
    store: Store, blobs: BlobStore
) -> None:
    tenant = await a_tenant(store)
    first = await given(store, blobs, tenant)
    parser = Interrupted(nothing)
    await handle(first, store=store, blobs=blobs, parser=parser)
    assert await confirm(first, store=store) == ()
    await delete(store, blobs, first)
    second = await given(store, blobs, tenant)
    assert second.version == 2
    assert await confirm(first, store=store) == ()  # its record will come after this one
    await handle(second, store=store, blobs=blobs, parser=parser)
    [said] = values(await confirm(first, store=store))
    assert isinstance(said, DocumentParsed)
    assert said.version == 2


async def test_a_full_disk_does_not_give_a_document_up(store: Store, blobs: BlobStore) -> None:
    event = await given(store, blobs, await a_tenant(store))
    with pytest.raises(BlobsUnavailable, match="No space left"):
        await fetch_original(event.blob_key, Path("/dev/full"), blobs)
