"""What becomes of a record whose handler failed: another try, later tries, or none."""

import random
from dataclasses import dataclass

from contracts.errors import (
    BlobsUnavailable,
    BrokerUnavailable,
    RaglineError,
    Rejected,
    Retryable,
    StoreUnavailable,
)
from contracts.topics import RETRY_DELAYS

#: Our own servers: while one is down nothing is wrong with any record, so none is given up.
OWN_SERVERS = (StoreUnavailable, BlobsUnavailable, BrokerUnavailable)
FIRST_DELAY = 0.5
LONGEST_SERVER_DELAY = 10.0
#: Tries in place before a record waits in a retry topic.
QUICK_TRIES = 3
#: What a provider may ask for and still be waited for in place, in seconds.
LONGEST_QUICK_DELAY = 5.0
#: An error that nobody classified is a bug; it gets this many tries in all.
TRIES_OF_A_BUG = 3
DELAYS = tuple(RETRY_DELAYS.values())


@dataclass(frozen=True)
class TryAgain:
    """Try the record again in place after this many seconds."""

    after: float
    code: str
    #: False where the record is not at fault, so that waiting takes none of its tries.
    counts: bool = True


@dataclass(frozen=True)
class TryLater:
    """Let the record wait in the retry topic of this level (an index into ``DELAYS``)."""

    level: int
    code: str


@dataclass(frozen=True)
class Failure:
    """Why a record is given up, in words that its owner may read."""

    code: str
    message: str


class Obsolete(Exception):
    """Nothing is left to do for a record, and nothing of it may be kept: its subject is gone."""


Verdict = TryAgain | TryLater | Failure


def judge(error: BaseException, *, attempt: int, level: int) -> Verdict:
    """Decide on the failure of the ``attempt``-th try in place (from 1).

    ``level`` is the first retry topic in which the record has not waited yet.
    """
    match error:
        case Retryable() if isinstance(error, OWN_SERVERS):
            return TryAgain(_delay(attempt, LONGEST_SERVER_DELAY), error.code)
        case Retryable():
            return _transient(error, attempt, level)
        case Rejected():
            return Failure(error.code, error.message)
        case _ if attempt < TRIES_OF_A_BUG:
            return TryAgain(_delay(attempt, LONGEST_QUICK_DELAY), RaglineError.code)
        case _:
            return Failure(
                RaglineError.code,
                "Something went wrong on our side; the operators see it as a dead letter.",
            )


def _transient(error: Retryable, attempt: int, level: int) -> Verdict:
    asked = error.retry_after or 0.0
    if attempt < QUICK_TRIES and asked <= LONGEST_QUICK_DELAY:
        return TryAgain(max(asked, _delay(attempt, LONGEST_QUICK_DELAY)), error.code)
    for number in range(level, len(DELAYS)):
        if DELAYS[number] >= asked or number == len(DELAYS) - 1:
            return TryLater(number, error.code)
    return Failure(error.code, error.message)


def _delay(attempt: int, longest: float) -> float:
    """Return a delay that doubles, with jitter, so that tries do not come in step."""
    doubled = FIRST_DELAY * 2.0 ** min(attempt - 1, 10)
    return min(longest, doubled) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
