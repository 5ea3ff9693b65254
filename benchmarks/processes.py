"""What each process of a machine costs: processor seconds and memory, its children included."""

from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from benchmarks.stack import Machine

MIB = 2**20
#: The servers among our children, by the name of their program.
_SERVERS = {"java": "kafka", "postgres": "postgres"}
CLIENT = "(this client)"


@dataclass(frozen=True)
class Memory:
    """Memory of one process and its children, in MiB."""

    #: With what is shared, counted in each process again.
    rss: float
    #: What would be free if it ended.
    uss: float


class Processes:
    """The processes of a machine by role, and this one, which plays the clients."""

    def __init__(self, machine: Machine) -> None:
        ours = psutil.Process()
        self._roots = {
            _SERVERS[child.name()]: child for child in ours.children() if child.name() in _SERVERS
        }
        for child in machine.stack.children:
            self._roots[child.name] = psutil.Process(child.pid)
        self._ours = ours

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor seconds of each role since its start."""
        spent = {name: sum(map(_cpu, _tree(root))) for name, root in self._roots.items()}
        times = self._ours.cpu_times()
        return spent | {CLIENT: times.user + times.system}

    def memory(self) -> dict[str, Memory]:
        """Return the memory of each role now."""
        return {name: _memory(_tree(root)) for name, root in self._roots.items()}


def spent_since(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Return what each role spent between two readings."""
    return {name: after[name] - before.get(name, 0.0) for name in after}


def _tree(root: psutil.Process) -> list[psutil.Process]:
    return [root, *root.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    """Return the seconds of a process and of those of its children that have ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # it ended just now: its parent has its seconds
        return 0.0
    return times.user + times.system + times.children_user + times.children_system


def _memory(processes: Iterable[psutil.Process]) -> Memory:
    rss = uss = 0.0
    for process in processes:
        try:
            full = process.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        rss += full.rss / MIB
        uss += full.uss / MIB
    return Memory(rss=rss, uss=uss)
