"""Every version of every event that was ever published can still be read."""

import json
from pathlib import Path

import msgspec
import pytest

import contracts
from contracts.codec import decode, encode
from contracts.errors import UndecodableEvent
from contracts.topics import DOCUMENTS_CHUNKED, DOCUMENTS_UPLOADED, TOPICS, TOPICS_BY_NAME

EXAMPLES = Path(contracts.__file__).parent / "examples"
FILES = sorted(EXAMPLES.glob("*/*/*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_an_example_is_read_and_written_as_it_is(path: Path) -> None:
    topic = TOPICS_BY_NAME[f"{path.parts[-3]}.{path.parts[-2]}"]
    event = decode(topic, path.read_bytes())
    written = json.loads(encode(event))
    read = json.loads(path.read_bytes())
    assert {name: written[name] for name in read} == read


def test_every_event_of_every_topic_has_an_example() -> None:
    have = {(path.parts[-3], path.stem) for path in FILES}
    want = {
        (topic.name.rsplit(".", 1)[0], event.__struct_config__.tag)
        for topic in TOPICS
        for event in topic.events
    }
    assert have == want


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_reader_accepts_fields_of_a_later_writer(path: Path) -> None:
    topic = TOPICS_BY_NAME[f"{path.parts[-3]}.{path.parts[-2]}"]
    later = json.loads(path.read_bytes()) | {"a_field_of_tomorrow": {"x": 1}}
    assert decode(topic, msgspec.json.encode(later)) == decode(topic, path.read_bytes())


@pytest.mark.parametrize(
    "value",
    [b"", b"null", b"[]", b"\xff\xfe", b'{"type":"document_parsed"}', b'{"type":"no_such"}'],
)
def test_what_is_no_event_is_refused(value: bytes) -> None:
    with pytest.raises(UndecodableEvent):
        decode(DOCUMENTS_UPLOADED, value)


def test_a_number_in_quotes_is_no_number() -> None:
    path = EXAMPLES / "documents.chunked" / "v1" / "document_chunked.json"
    wrong = json.loads(path.read_bytes()) | {"part": "0"}
    with pytest.raises(UndecodableEvent):
        decode(DOCUMENTS_CHUNKED, msgspec.json.encode(wrong))
