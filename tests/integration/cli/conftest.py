"""The command line as a person has it: a home, a folder, an API."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import cli.following
import cli.patience
from cli.local.secrets import write_private
from cli.main import app
from runtime.settings import Settings
from tests.fixtures.scripted_api import EMAIL, PASSWORD, ScriptedApi, serving_api

Ragline = Callable[..., Result]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, an empty working folder, no settings, and no long pauses."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(cli.following, "PAUSE", 0.02)
    monkeypatch.setattr(cli.following, "PAUSE_PER_REQUEST", 0.0)
    monkeypatch.setattr(cli.patience, "FIRST_PAUSE", 0.02)
    return home


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with serving_api() as served:
        yield served


@pytest.fixture
def stack(api: ScriptedApi) -> ScriptedApi:
    """The API, as `ragline up` would leave word of it in the data folder."""
    folder = Path(".ragline")
    folder.mkdir()
    write_private(
        folder / "connection.json", {"url": api.url, "email": EMAIL, "password": PASSWORD}
    )
    return api


@pytest.fixture
def ragline() -> Ragline:
    """Run `ragline` with arguments, in this process."""

    def run(*arguments: str | Path, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, [str(one) for one in arguments], input=stdin)

    return run


@pytest.fixture
def started() -> Iterator[Start]:
    """Start one of the client's commands as a process: module, then arguments."""
    commands: list[subprocess.Popen[bytes]] = []

    def start(program: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        commands.append(command)
        return command

    yield start
    for command in commands:
        command.kill()
        command.communicate()
