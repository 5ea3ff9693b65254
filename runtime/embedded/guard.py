"""The guard of a server: a tiny process that stops the server when the owner is gone."""

import signal
import subprocess

# It waits for the end of the pipe whose other end only the owner holds, and so notices even a
# SIGKILL of the owner. It asks the server to stop, and insists after 30 seconds.
_SCRIPT = """
read -r _
kill -"$2" "$1" 2>/dev/null || exit 0
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
  kill -0 "$1" 2>/dev/null || exit 0
  sleep 1
done
kill -KILL "$1" 2>/dev/null
"""


class Guard:
    """Watches over one child process of ours until it is dismissed."""

    def __init__(self, pid: int, stop_signal: signal.Signals) -> None:
        """Post a guard that sends `stop_signal` to `pid` once this process has ended."""
        name = stop_signal.name.removeprefix("SIG")
        self._process = subprocess.Popen(  # noqa: S603 - a constant script
            ["/bin/sh", "-c", _SCRIPT, "guard", str(pid), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """Send the guard away; to be done as soon as its process id may belong to another."""
        self._process.kill()
        self._process.communicate()
