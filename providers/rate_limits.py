"""What the headers of an answer say about a provider's rate limits."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

#: A provider that asks for more is asked again after a day.
LONGEST_PAUSE = 86_400.0

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class Quota:
    """What is left of a limit, and the seconds until all of it is back."""

    limit: float
    remaining: float
    reset: float


def read_retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds to wait before the next request, or None where nothing is said.

    Reads, in this order: ``retry-after-ms``; ``retry-after`` in seconds or as an HTTP date (``now``
    is the Unix time that it is compared with); the reset of each ``x-ratelimit`` limit that is used
    up. Names of headers are in lower case.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return _bounded(milliseconds / 1000)
    stated = headers.get("retry-after", "")
    seconds = _number(stated)
    if seconds is None:
        seconds = _seconds_until(stated, now)
    if seconds is None:
        used_up = [quota.reset for quota in read_quotas(headers).values() if quota.remaining < 1]
        seconds = max(used_up, default=None)
    return None if seconds is None else _bounded(seconds)


def read_quotas(headers: Mapping[str, str]) -> dict[str, Quota]:
    """Return the quotas of ``requests`` and ``tokens`` that the headers state completely."""
    found: dict[str, Quota] = {}
    for unit in ("requests", "tokens"):
        limit = _number(headers.get(f"x-ratelimit-limit-{unit}", ""))
        remaining = _number(headers.get(f"x-ratelimit-remaining-{unit}", ""))
        reset = _duration(headers.get(f"x-ratelimit-reset-{unit}", ""))
        if limit and remaining is not None and reset is not None:
            found[unit] = Quota(limit=limit, remaining=remaining, reset=reset)
    return found


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text.strip()) else None


def _duration(text: str) -> float | None:
    """Read ``6m0s``, ``20ms`` or plain seconds."""
    text = text.strip()
    parts = _DURATION.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return math.fsum(float(number) * _UNITS[unit] for number, unit in parts)
    return _number(text)


def _seconds_until(date: str, now: float) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except (ValueError, OverflowError):
        return None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_PAUSE)
