"""What a killed PostgreSQL leaves behind: sessions that have not noticed yet, and a lock file."""

from pathlib import Path

import psutil

_PATIENCE_SECONDS = 10.0


def clear_leftovers(pgdata: Path) -> None:
    """End the processes that still work in `pgdata`, then remove the lock file of the dead server.

    The caller is the only owner of the folder. The order matters: the lock file is what keeps a
    second server from writing beside sessions of the first.
    """
    lock = pgdata / "postmaster.pid"
    if not lock.exists():
        return
    working = [process for process in psutil.process_iter() if _works_in(process, pgdata)]
    for process in working:
        process.kill()
    psutil.wait_procs(working, timeout=_PATIENCE_SECONDS)
    lock.unlink(missing_ok=True)


def _works_in(process: psutil.Process, pgdata: Path) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()) == pgdata.resolve()
    except (psutil.Error, OSError):
        return False
