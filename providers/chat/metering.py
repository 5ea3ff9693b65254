"""What the calls of one piece of work cost, also of those that broke off or were cancelled."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from contracts.conversations import Usage

_meter: ContextVar["Meter | None"] = ContextVar("meter", default=None)


class Meter:
    """Adds up calls as they end."""

    def __init__(self) -> None:
        self.usage = Usage()

    def add(self, usage: Usage) -> None:
        """Count more."""
        self.usage = Usage(
            input_tokens=self.usage.input_tokens + usage.input_tokens,
            output_tokens=self.usage.output_tokens + usage.output_tokens,
            calls=self.usage.calls + usage.calls,
        )


@contextmanager
def metered() -> Generator[Meter]:
    """Count every call that this task, and the tasks that it starts, make of a remote model."""
    meter = Meter()
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)


def count(usage: Usage) -> None:
    """Count a call that has ended, if somebody wants to know."""
    meter = _meter.get()
    if meter is not None:
        meter.add(usage)
