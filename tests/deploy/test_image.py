"""What holds of the Dockerfile as text; `make image-test` runs what it builds."""

import json
import re
import shlex
import tomllib
from functools import cache

import pytest
import yaml

from tests.deploy.queries import ROOT


@cache
def _instructions() -> list[tuple[str, str]]:
    """The instructions in order, without comments, lines that go on joined."""
    lines = [
        line
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined)]


@cache
def _stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage, the last one being the image."""
    stages: list[list[tuple[str, str]]] = []
    for name, rest in _instructions():
        if name == "FROM":
            stages.append([])
        if stages:
            stages[-1].append((name, rest))
    return stages


def _all(name: str) -> list[str]:
    """What an instruction of the image says, each time."""
    return [rest for instruction, rest in _stages()[-1] if instruction == name]


def _environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for line in _all("ENV") for pair in shlex.split(line))


def test_every_stage_is_built_on_the_base_that_can_be_chosen() -> None:
    assert _instructions()[0] == ("ARG", "BASE=python:3.11-slim-bookworm")
    assert [stage[0][1].split(" AS ")[0] for stage in _stages()] == ["${BASE}", "${BASE}"]


def test_the_user_is_the_one_of_the_chart_and_never_root_again() -> None:
    chart = yaml.safe_load((ROOT / "charts" / "ragline" / "values.yaml").read_text())
    pod = chart["podSecurityContext"]
    assert _all("USER") == [f"{pod['runAsUser']}:{pod['runAsGroup']}"]
    after = [name for name, _ in _stages()[-1]]
    assert "RUN" not in after[after.index("USER") :]


def test_every_process_is_an_argument_of_ragline() -> None:
    [entry] = _all("ENTRYPOINT")
    assert json.loads(entry) == ["ragline"]
    assert _all("CMD") == []


@pytest.mark.parametrize("command", ["pip install", "uv pip sync", "uv build"])
def test_what_is_downloaded_is_checked_by_its_hash(command: str) -> None:
    text = " && ".join(rest for name, rest in _instructions() if name == "RUN")
    calls = [call for call in text.split("&&") if f"/{command}" in " ".join(call.split())]
    assert calls
    assert all("--require-hashes" in call for call in calls)


def test_only_the_environment_comes_into_the_image() -> None:
    assert _all("COPY") == ["--from=build /opt/ragline /opt/ragline"]
    assert _all("ADD") == []
    run = " ".join(_all("RUN"))
    assert not re.search(r"\b(pip|uv|curl|wget|apt-get)\b", run)


def test_nothing_of_development_or_of_embedded_servers_is_installed() -> None:
    synced = [rest for name, rest in _stages()[0] if "uv pip sync" in rest and name == "RUN"]
    assert [re.findall(r"requirements/(\w+)\.txt", run) for run in synced] == [["uv", "cloud"]]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = (ROOT / "requirements" / "cloud.txt").read_text()
    locked = set(re.findall(r"^([\w.-]+)==", requirements, re.MULTILINE))
    optional = project["optional-dependencies"]
    named = {re.split(r"[\[<>=~!]", one)[0] for one in optional["local"] + optional["dev"]}
    # What a dependency of the product brings along is no development tool.
    assert named & locked <= {"opentelemetry-proto", "pyyaml"}


def test_the_image_is_strict_where_nobody_says_otherwise() -> None:
    environment = _environment()
    assert environment["ENVIRONMENT"] == "production"
    assert environment["DEPLOYMENT_MODE"] == "cloud"
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"


def test_what_is_written_is_written_below_tmp() -> None:
    environment = _environment()
    assert environment["DATA_DIR"].startswith("/tmp/")  # noqa: S108 - the volume of a pod
    assert environment["CACHE_DIR"].startswith("/tmp/")  # noqa: S108
    assert _all("WORKDIR") == ["/tmp"]  # noqa: S108
    assert _all("VOLUME") == []


def test_no_secret_is_kept_in_a_layer() -> None:
    names = {
        pair.split("=")[0]
        for name, rest in _instructions()
        if name in {"ARG", "ENV"}
        for pair in shlex.split(rest)
    }
    assert not [name for name in names if re.search(r"KEY|SECRET|TOKEN|PASSWORD|URL", name)]


def test_the_labels_say_what_it_is() -> None:
    labels = dict(pair.split("=", 1) for line in _all("LABEL") for pair in shlex.split(line))
    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}title"] == "ragline"
    assert labels[f"{prefix}licenses"] == "MIT"
    assert labels[f"{prefix}version"] == "${VERSION}"
    assert labels[f"{prefix}revision"] == "${REVISION}"
    assert labels[f"{prefix}base.name"] == "${BASE}"


def test_the_versions_agree() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"VERSION={version}" in _all("ARG")
    chart = yaml.safe_load((ROOT / "charts" / "ragline" / "Chart.yaml").read_text())
    assert chart["appVersion"] == version


def test_the_engine_is_sent_what_the_wheel_is_made_of_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert let_in == {*packages, "requirements", "LICENSE", "README.md", "pyproject.toml"}
