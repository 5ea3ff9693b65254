"""What a worker promises: at least once, in order per key, failures judged in one place.

A worker says what it reads and gives a handler; everything else is decided here: order, offsets,
tries, dead letters, what happens when partitions move and when the process stops.
"""

from runtime.delivery.failures import Failure, Obsolete
from runtime.delivery.process import Probes, WorkerStuck, run_worker
from runtime.delivery.worker import Worker

__all__ = ["Failure", "Obsolete", "Probes", "Worker", "WorkerStuck", "run_worker"]
