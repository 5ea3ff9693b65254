"""What clients get about usage."""

from collections.abc import Sequence
from datetime import date

import msgspec

from store.usage import DayUsed


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """What was used."""

    #: Documents that were parsed; one that is parsed again counts again.
    documents: int
    pages: int
    #: Of these, pages that a provider of parsing counts as paid.
    pages_billed: int
    #: Of documents; texts whose vectors were known already cost nothing.
    embedding_tokens: int
    questions: int
    #: Tokens that chat models read and wrote, and calls to them, for answers that failed or were
    #: cancelled too. What a call that broke off cost is estimated.
    input_tokens: int
    output_tokens: int
    calls: int


class UsedOnDay(Used, frozen=True, kw_only=True):
    """What was used on one day of UTC."""

    day: date


class UsageShown(msgspec.Struct, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """What was used from one day to another, both included."""

    first: date
    last: date
    #: Days with any usage, in order.
    days: Sequence[UsedOnDay]
    total: Used

    @classmethod
    def of(cls, first: date, last: date, rows: Sequence[DayUsed]) -> "UsageShown":
        """Return the days with their sum."""
        days = [msgspec.convert(row, UsedOnDay, from_attributes=True) for row in rows]
        total = {name: sum(getattr(day, name) for day in days) for name in Used.__struct_fields__}
        return cls(first=first, last=last, days=days, total=Used(**total))
