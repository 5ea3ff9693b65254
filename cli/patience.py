"""How long a command waits for a server that is busy or away, and how it says so."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from cli.failures import ApiProblem, BrokenOff, CommandFailed, Unreachable

#: Seconds before the first try after a connection that broke; it doubles each time.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
#: Seconds to wait for a busy server that does not say how long.
UNSAID_PAUSE = 2.0


def _say_nothing(_seconds: float, _why: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Patience:
    """What a command bears before it gives up."""

    #: Seconds in sum that one request waits where the API says 429 or 503.
    busy_seconds: float = 60.0
    #: How many times in a row a broken connection is made again.
    reconnects: int = 0
    #: Is told how long will be waited, and why.
    told: Callable[[float, str], None] = _say_nothing


class Waiting:
    """The waiting of one request."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._left = patience.busy_seconds
        self._broken = 0

    async def out_busy(self, problem: ApiProblem) -> None:
        """Wait as long as the API asks; raises ``problem`` when that is too long."""
        seconds = UNSAID_PAUSE if problem.retry_after is None else problem.retry_after
        if seconds > self._left:
            raise problem
        self._left -= max(seconds, FIRST_PAUSE)
        await self._pause(seconds, str(problem))

    async def out_lost(self, failure: CommandFailed) -> None:
        """Wait before the connection is made again; raises ``failure`` when it was enough."""
        if self._broken >= self._patience.reconnects:
            raise failure
        seconds = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._broken)
        self._broken += 1
        await self._pause(seconds, str(failure))

    def is_through(self) -> None:
        """Note that the connection works: broken ones are counted anew."""
        self._broken = 0

    async def _pause(self, seconds: float, why: str) -> None:
        self._patience.told(seconds, why)
        await asyncio.sleep(seconds)


def connection_failure(url: httpx.URL, error: httpx.TransportError) -> CommandFailed:
    """Return the sentence for a connection that could not be made or did not last."""
    address = str(url).rstrip("/")
    reason = str(error) or type(error).__name__
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.UnsupportedProtocol():
            return Unreachable(
                f"Nothing answers at {address} ({reason}): start it with `ragline up`, or name "
                "the server with --url."
            )
        case httpx.TimeoutException():
            return BrokenOff(f"{address} did not answer in time; try again.")
        case _:
            return BrokenOff(f"The connection to {address} broke off ({reason}); try again.")
