"""What is derived from the code is committed as the code derives it now."""

import importlib.util
from pathlib import Path
from types import ModuleType

import jsonschema
import msgspec
import pytest

from contracts.codec import encode
from contracts.topics import TOPICS_BY_NAME

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "contracts" / "examples").glob("*/*/*.json"))


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DOCUMENTS: dict[str, str] = _generator().documents()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_generated_file_is_up_to_date(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == DOCUMENTS[path], "run `make docs`"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_fits_the_published_schema(path: Path) -> None:
    schemas = msgspec.json.decode((ROOT / "contracts/published/events.schema.json").read_bytes())
    topic = TOPICS_BY_NAME[f"{path.parts[-3]}.{path.parts[-2]}"]
    [event] = [event for event in topic.events if event.__struct_config__.tag == path.stem]
    schema = {"$ref": f"#/$defs/{event.__name__}", "$defs": schemas["$defs"]}
    example = msgspec.json.decode(path.read_bytes())
    jsonschema.Draft202012Validator(schema).validate(example)
    assert encode(msgspec.json.decode(path.read_bytes(), type=event))
