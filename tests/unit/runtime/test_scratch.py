"""What a killed process leaves of its files goes, and nothing that a living one uses."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from runtime.scratch import PREFIX, UNLOCKED_SECONDS, scratch_folder, sweep_scratch
from runtime.settings import environment_with

HOLDER = """
import time
from runtime.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "original").write_text("private")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_goes_with_its_content_when_the_work_ends() -> None:
    with scratch_folder() as folder:
        (folder / "original").write_text("private")
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()


def test_what_a_killed_process_left_goes_and_what_a_living_one_uses_stays(place: Path) -> None:
    holder = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-c", HOLDER],
        stdout=subprocess.PIPE,
        text=True,
        env=environment_with(tmpdir=str(place)),
    )
    with holder:
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().strip())
        assert folder.parent == place
        assert sweep_scratch() == 0
        assert (folder / "original").read_text() == "private"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with scratch_folder() as own:
            assert sweep_scratch() == 1
            assert own.exists()
    assert not folder.exists()


def test_a_folder_without_a_lock_is_left_over_after_a_minute(place: Path) -> None:
    folder = place / f"{PREFIX}new"
    folder.mkdir()
    assert sweep_scratch() == 0
    long_ago = time.time() - UNLOCKED_SECONDS - 1
    os.utime(folder, (long_ago, long_ago))
    assert sweep_scratch() == 1
    assert not folder.exists()


def test_what_a_link_points_to_and_what_is_not_ours_stays(place: Path) -> None:
    precious = place / "precious"
    precious.mkdir()
    (precious / "lock").touch()
    (place / f"{PREFIX}link").symlink_to(precious)
    (place / f"{PREFIX}file").touch()
    assert sweep_scratch() == 0
    assert (precious / "lock").exists()
