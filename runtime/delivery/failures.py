"""What becomes of a record whose handler failed: another try, when, or none."""

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

#: Our own servers: while one is down nothing is wrong with any record, so none is given up.
OWN_SERVERS = (StoreUnavailable, BlobsUnavailable, BrokerUnavailable)
FIRST_DELAY = 0.5
LONGEST_DELAY = 60.0
LONGEST_SERVER_DELAY = 10.0
#: Seconds of transient failures after which a record is given up.
PATIENCE = 700.0
#: An error that nobody classified is a bug; it gets this many tries in all.
TRIES_OF_A_BUG = 3


@dataclass(frozen=True)
class TryAgain:
    """Try the record again after this many seconds."""

    after: float
    code: str


@dataclass(frozen=True)
class Failure:
    """Why a record is given up, in words that its owner may read."""

    code: str
    message: str


def judge(error: Exception, *, attempt: int, elapsed: float) -> TryAgain | Failure:
    """Decide on the failure of the ``attempt``-th try (from 1), ``elapsed`` s after the first."""
    match error:
        case Retryable() if isinstance(error, OWN_SERVERS):
            return TryAgain(_delay(attempt, LONGEST_SERVER_DELAY), error.code)
        case Retryable() if elapsed < PATIENCE:
            wait = max(_delay(attempt, LONGEST_DELAY), error.retry_after or 0.0)
            return TryAgain(min(wait, PATIENCE), error.code)
        case Rejected() | Retryable():
            return Failure(error.code, error.message)
        case _ if attempt < TRIES_OF_A_BUG:
            return TryAgain(_delay(attempt, LONGEST_DELAY), RaglineError.code)
        case _:
            return Failure(
                RaglineError.code,
                "Something went wrong on our side; the operators see it as a dead letter.",
            )


def _delay(attempt: int, longest: float) -> float:
    """Return a delay that doubles, with jitter, so that tries do not come in step."""
    return min(longest, FIRST_DELAY * 2.0 ** min(attempt - 1, 10)) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
