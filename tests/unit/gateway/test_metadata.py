"""The metadata of an upload is a small flat JSON object."""

import json

import pytest

from gateway.documents.metadata import parse_knowledge_base, parse_metadata
from gateway.refusals import InvalidRequest


def test_takes_plain_values() -> None:
    sent = {"author": "Ada", "year": 1843, "weight": 0.5, "draft": False, "reviewer": None}
    assert parse_metadata(json.dumps(sent).encode()) == sent


@pytest.mark.parametrize("text", [None, b"", b"  "])
def test_metadata_may_be_left_out(text: bytes | None) -> None:
    assert parse_metadata(text) == {}


@pytest.mark.parametrize(
    "text",
    [
        b"not json",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b'{"a": {"b": 1}}',
        b'{"a": [1]}',
        b'{"a": 1e999}',
        b'{"a": 9007199254740993}',
        b'{"": 1}',
        b'{"a\\u0000": 1}',
        b'{"a": "\\u0000"}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"a": NaN}',
        b'{"' + b"k" * 65 + b'": 1}',
        b'{"a": "' + b"v" * 513 + b'"}',
        json.dumps({str(number): number for number in range(17)}).encode(),
        b'{"a":' + b"[" * 30_000,
    ],
)
def test_refuses_what_is_not_a_small_flat_object(text: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_metadata(text)
    assert refused.value.field == "metadata"


@pytest.mark.parametrize("name", ["a", "handbooks", "team-1.v2_x", "A" * 64])
def test_a_knowledge_base_is_a_plain_name(name: str) -> None:
    assert parse_knowledge_base(name) == name


@pytest.mark.parametrize("name", ["", "a b", "../x", "-a", "a-", "ü", "a" * 65, "a\n", "a/b"])
def test_refuses_a_knowledge_base_that_is_no_plain_name(name: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_knowledge_base(name)
