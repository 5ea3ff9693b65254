"""Records that a ledger keeps come out as they went in."""

import json
import uuid
from pathlib import Path

import contracts
from contracts.codec import decode
from contracts.envelope import Outgoing, cloud_event_headers, pack, unpack
from contracts.ids import TenantId, event_id
from contracts.topics import DOCUMENTS_PARSED

EXAMPLE = Path(contracts.__file__).parent / "examples/documents.parsed/v1/document_parsed.json"


def _outgoing(*, tombstone: bool = False) -> Outgoing:
    return Outgoing(
        topic=DOCUMENTS_PARSED,
        key="k",
        tenant_id=TenantId(uuid.UUID(int=1)),
        event=None if tombstone else decode(DOCUMENTS_PARSED, EXAMPLE.read_bytes()),
        event_id=event_id("parse", 1),
        headers={"x": "y"},
    )


def test_packed_records_come_out_equal() -> None:
    following = [_outgoing(), _outgoing(tombstone=True)]
    assert unpack(pack(following)) == following


def test_headers_are_cloud_events() -> None:
    headers = cloud_event_headers(_outgoing(), at="2026-11-22T12:00:00+00:00")
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_type"] == "ragline.document_parsed"
    assert headers["content-type"] == "application/json"
    assert headers["ce_tenant"] == str(uuid.UUID(int=1))
    assert json.dumps(headers)


def test_a_tombstone_says_what_it_is() -> None:
    headers = cloud_event_headers(_outgoing(tombstone=True), at="2026-11-22T12:00:00+00:00")
    assert headers["ce_type"] == "ragline.tombstone"
    assert "content-type" not in headers
