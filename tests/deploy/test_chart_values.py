"""The chart's values and the settings are the same words; what is wrong is refused."""

import json
from typing import Any

import jsonschema
import pytest
import yaml

from contracts.topics import INPUTS, RETRY_DELAYS
from docs.chart_schema import secret_settings
from runtime.settings import Settings
from tests.deploy.queries import ROOT

CHART = ROOT / "charts" / "ragline"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SETTINGS = {name.upper() for name in Settings.model_fields}
OVERRIDES = sorted((CHART / "ci").glob("*-values.yaml"))


def refused(values: dict[str, Any]) -> str:
    """Return what the schema says against the values; empty when nothing."""
    found = jsonschema.Draft7Validator(SCHEMA).iter_errors(values)
    return "; ".join(f"{error.json_path}: {error.message}" for error in found)


def test_every_setting_is_a_key_of_config_or_of_the_secret() -> None:
    config = set(SCHEMA["definitions"]["config"]["properties"])
    assert config | secret_settings() == SETTINGS
    assert config & secret_settings() == set()


def test_every_secret_setting_reaches_the_processes_that_need_it() -> None:
    # The owner of the tables is for migrations alone.
    assert set(VALUES["secrets"]["keys"]) == secret_settings() - {"MIGRATION_DATABASE_URL"}


def test_the_defaults_of_config_are_accepted_by_the_settings_themselves() -> None:
    given = {name.lower(): value for name, value in VALUES["config"].items()}
    Settings(_env_file=None, **given)  # type: ignore[call-arg]  # pydantic-settings' own


def test_the_topics_and_delays_of_the_templates_are_those_of_the_contracts() -> None:
    template = (CHART / "templates" / "_components.tpl").read_text()
    topics = template.split('define "ragline.topics" -}}')[1].split("{{- end -}}")[0]
    delays = template.split('define "ragline.retryDelays" -}}')[1].split("{{- end -}}")[0]
    assert yaml.safe_load(topics) == {name: topic.name for name, topic in INPUTS.items()}
    assert yaml.safe_load(delays) == list(RETRY_DELAYS)


@pytest.mark.parametrize("path", [CHART / "values.yaml", *OVERRIDES], ids=lambda path: path.stem)
def test_what_is_shipped_fits_the_schema(path: Any) -> None:
    assert refused(yaml.safe_load(path.read_text())) == ""


def test_there_are_overrides_for_each_kind_of_cluster() -> None:
    names = {path.name.removesuffix("-values.yaml") for path in OVERRIDES}
    assert names == {"production", "staging", "small", "split"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"config": {"MAX_CHUNK": 5}}, "MAX_CHUNK"),
        ({"config": {"MAX_CHUNKS": 0}}, "less than the minimum"),
        ({"config": {"MAX_CHUNKS": "five"}}, "not of type"),
        ({"config": {"JWT_SECRET": "in the values"}}, "JWT_SECRET"),
        ({"config": {"ENVIRONMENT": "prod"}}, "is not one of"),
        ({"workers": {"parsers": {}}}, "parsers"),
        ({"workers": {"parser": {"scaling": {"lagThreshold": 64}}}}, "not of type 'string'"),
        ({"workers": {"parser": {"scaling": {"lagThreshold": "0"}}}}, "does not match"),
        ({"gateways": {"Agent_API": {}}}, "Agent_API"),
        ({"gateways": {"gateway": {"paths": ["api"]}}}, "does not match"),
        ({"generations": {"building": ["seven"]}}, "not of type 'integer'"),
        ({"secrets": {"keys": ["HOST"]}}, "is not one of"),
        ({"postgresql": {"enabled": True}}, "postgresql"),
        ({"image": {"digest": "latest"}}, "does not match"),
        ({"ingress": {"tls": {"certificates": "x"}}}, "certificates"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(values: dict[str, Any], words: str) -> None:
    assert words in refused(values)
