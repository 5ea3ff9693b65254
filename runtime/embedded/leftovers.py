"""Servers whose owner is gone: recognised by process id and start time, then ended."""

import contextlib
import json
import signal
from pathlib import Path

import psutil

# Start times are read from the kernel's clock ticks; corrections of the clock move them a little.
_SAME_START_SECONDS = 2.0
_KILL_SECONDS = 10.0


def record(file: Path, pid: int) -> None:
    """Remember which process serves a data folder."""
    with contextlib.suppress(psutil.NoSuchProcess):
        started = psutil.Process(pid).create_time()
        file.write_text(json.dumps({"pid": pid, "started": started}), encoding="ascii")


def find(file: Path) -> psutil.Process | None:
    """The recorded process, if that very process is still alive (not another with its id)."""
    try:
        kept = json.loads(file.read_text(encoding="ascii"))
        process = psutil.Process(int(kept["pid"]))
        same = abs(process.create_time() - float(kept["started"])) < _SAME_START_SECONDS
        alive = process.status() != psutil.STATUS_ZOMBIE
    except (FileNotFoundError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return process if same and alive else None


def end(process: psutil.Process, how: signal.Signals, *, patience: float) -> None:
    """Ask a process to stop, and kill it when it has not after `patience` seconds."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(how)
        try:
            process.wait(patience)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(_KILL_SECONDS)
