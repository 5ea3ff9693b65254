"""What is done to a running system, and when: seeded, so that a run can be repeated."""

# ruff: noqa: S311 - seeded on purpose
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from random import Random


@dataclass(frozen=True, order=True)
class Strike:
    """One disturbance."""

    #: Part of the whole run after which it comes, over 0 and under 1.
    at: float
    what: str
    #: Chooses among several victims, from 0 to 1.
    which: float


def plan_strikes(
    seed: int, counts: Mapping[str, int], *, first: float = 0.03, last: float = 0.95
) -> list[Strike]:
    """Return so many strikes of each kind, in a random order at random times."""
    random = Random(f"strikes:{seed}")
    kinds = list(chain.from_iterable(repeat(what, count) for what, count in counts.items()))
    random.shuffle(kinds)
    times = sorted(random.uniform(first, last) for _ in kinds)
    return [Strike(at, what, random.random()) for at, what in zip(times, kinds, strict=True)]


def chosen(strike: Strike, victims: Sequence[str]) -> str:
    """Return the victim that the strike means among these."""
    return victims[min(int(strike.which * len(victims)), len(victims) - 1)]
