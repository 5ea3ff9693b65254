"""What holds of the Terraform files as text; `make terraform-check` asks Terraform itself."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from tests.deploy.queries import ROOT

TERRAFORM = ROOT / "terraform"
FILES = {path.name: path for path in TERRAFORM.glob("*.tf")}
#: Parts of the installation, and the file that describes each.
NAMES = {
    "main.tf",
    "variables.tf",
    "outputs.tf",
    "networking.tf",
    "security.tf",
    "database.tf",
    "upload-pipeline.tf",
    "agent-services.tf",
    "document-processing.tf",
    "monitoring.tf",
}


@cache
def _parsed(file: str) -> dict[str, Any]:
    return hcl2.loads(FILES[file].read_text())


def _blocks(kind: str) -> list[dict[str, Any]]:
    return [block for file in FILES for block in _parsed(file).get(kind, [])]


def _plain(name: str) -> str:
    return name.strip('"')


def _names(kind: str) -> set[str]:
    return {_plain(name) for block in _blocks(kind) for name in block}


def _resources() -> set[tuple[str, str]]:
    return {
        (_plain(kind), _plain(name))
        for block in _blocks("resource")
        for kind, named in block.items()
        for name in named
    }


def test_every_part_has_its_file() -> None:
    assert set(FILES) == NAMES
    assert len(_resources()) > 70


def test_resources_are_plain_ones_of_known_providers() -> None:
    assert _blocks("module") == []
    assert {kind.partition("_")[0] for kind, _ in _resources()} == {"aws", "helm"}


def test_no_secret_can_get_into_the_state() -> None:
    kinds = {kind for kind, _ in _resources()}
    assert "aws_secretsmanager_secret" in kinds
    assert not kinds & {"aws_secretsmanager_secret_version", "random_password", "tls_private_key"}
    text = "\n".join(path.read_text() for path in FILES.values())
    assert not re.search(r"^\s*(master_)?password(_wo)?\s*=", text, re.MULTILINE)
    assert not re.search(r"^\s*(auth_token|secret_string)\s*=", text, re.MULTILINE)


@pytest.mark.parametrize("kind", ["variable", "output"])
def test_what_others_use_is_described(kind: str) -> None:
    blocks = {_plain(name): body for block in _blocks(kind) for name, body in block.items()}
    assert len(blocks) > 10
    assert [name for name, body in blocks.items() if not body.get("description")] == []


def test_scripts_read_outputs_that_exist() -> None:
    scripts = "\n".join(path.read_text() for path in (ROOT / "deployment").glob("*.sh"))
    read = set(re.findall(r"(?:\$\(|^  )output ([a-z_]+)", scripts, re.MULTILINE))
    assert len(read) > 10
    assert read <= _names("output")


@pytest.mark.parametrize(
    ("script", "file"),
    [
        ("deploy-upload-pipeline.sh", "upload-pipeline.tf"),
        ("deploy-document-processing.sh", "document-processing.tf"),
    ],
)
def test_a_script_of_a_part_brings_all_of_its_file(script: str, file: str) -> None:
    text = (ROOT / "deployment" / script).read_text()
    targets = set(re.search(r"TARGETS=\((.*?)\)", text, re.DOTALL)[1].split())  # type: ignore[index]
    described = {
        f"{_plain(kind)}.{_plain(name)}"
        for block in _parsed(file)["resource"]
        for kind, named in block.items()
        for name in named
    }
    assert targets == described


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_a_size_sets_every_variable_without_a_default_but_the_place(size: str) -> None:
    given = set(hcl2.loads((TERRAFORM / "environments" / f"{size}.tfvars").read_text()))
    needed = {
        _plain(name)
        for block in _blocks("variable")
        for name, body in block.items()
        if "default" not in body
    }
    assert needed - {key for key in given if not key.startswith("__")} == {"region", "domain"}
    assert given - _names("variable") <= {"__comments__"}


def test_roles_are_bound_to_the_accounts_that_the_chart_makes() -> None:
    security = FILES["security.tf"].read_text()
    bound = set(re.findall(r'account = "ragline-([a-z]+)"', security))
    values = yaml.safe_load((ROOT / "charts" / "ragline" / "values.yaml").read_text())
    assert bound == ({*values["gateways"], *values["workers"]} - {"embedder"})


def test_values_for_the_chart_have_keys_that_it_knows() -> None:
    values = yaml.safe_load((ROOT / "charts" / "ragline" / "values.yaml").read_text())
    text = FILES["agent-services.tf"].read_text().partition("chart_values = {")[2]
    keys = set(re.findall(r"^    ([a-zA-Z]+)\s+=", text, re.MULTILINE))
    assert {"image", "config", "networkPolicy", "workers"} <= keys
    assert keys <= set(values)


def test_tests_of_terraform_are_there() -> None:
    runs = [
        run
        for path in (TERRAFORM / "tests").glob("*.tftest.hcl")
        for run in re.findall(r'^run "(\w+)"', Path(path).read_text(), re.MULTILINE)
    ]
    assert len(runs) >= 24
    assert len(set(runs)) == len(runs)
