"""Lists come in pages: ``limit`` rows after the row whose id is ``after``."""

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, Self, TypeVar
from uuid import UUID

import msgspec
from litestar.params import QueryParameter

Row = TypeVar("Row")
Shown = TypeVar("Shown")

DEFAULT_LIMIT = 20
MAX_LIMIT = 100

#: Query parameter: how many rows to return.
Limit = Annotated[
    int,
    QueryParameter(name="limit", ge=1, le=MAX_LIMIT, description="How many to return, 1 to 100."),
]
#: Query parameter: the id of the last row of the page before.
After = Annotated[
    UUID | None,
    QueryParameter(name="after", description="The last id of the page before this one."),
]


class Page(msgspec.Struct, Generic[Shown], frozen=True):
    """Some rows of a list, and whether there are more.

    Each list has a subclass of its own, which gives its schema a name.
    """

    data: list[Shown]
    has_more: bool

    @classmethod
    def of(cls, rows: Sequence[Row], limit: int, show: Callable[[Row], Shown]) -> Self:
        """Return the first ``limit`` rows as shown; ask the store for ``limit + 1``."""
        return cls([show(row) for row in rows[:limit]], has_more=len(rows) > limit)
