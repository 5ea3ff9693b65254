"""How long a provider is waited for while somebody waits for the answer."""

import random

from contracts.errors import RaglineError, Retryable

#: A provider gets this many tries, with short pauses between.
TRIES = 3
FIRST_PAUSE = 0.5
#: A provider that asks for a longer pause is not waited for.
LONGEST_PAUSE = 8.0


def pause_after(error: RaglineError, attempt: int) -> float | None:
    """Return the seconds to wait before the next try, None when there is none (attempts from 1)."""
    if not isinstance(error, Retryable) or attempt >= TRIES:
        return None
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= LONGEST_PAUSE else None
    return FIRST_PAUSE * 2.0 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
