"""Ends a process whose event loop is blocked: nothing inside the loop could notice it."""

import faulthandler

#: Nothing of ours holds the loop for longer than milliseconds.
BLOCKED_SECONDS = 30.0
STANDARD_ERROR = 2


class Watchdog:
    """Ends the process, with the stacks on standard error, unless it is fed in time.

    The stacks name files and lines, no values. It runs in a thread of the interpreter that needs
    neither the loop nor the interpreter's lock.
    """

    def __init__(self, seconds: float = BLOCKED_SECONDS) -> None:
        self._seconds = seconds

    def feed(self) -> None:
        """Say that the loop goes round; to be called well within the time."""
        faulthandler.dump_traceback_later(self._seconds, exit=True, file=STANDARD_ERROR)

    def stop(self) -> None:
        """Watch no longer."""
        faulthandler.cancel_dump_traceback_later()
