"""`/api/v2/usage`."""

from datetime import date, timedelta
from typing import Annotated

from litestar import Controller, get
from litestar.params import QueryParameter

from gateway.auth.guards import may_read
from gateway.dependencies import Given
from gateway.principal import Principal
from gateway.problems import documented
from gateway.refusals import InvalidRequest
from gateway.usage.schemas import UsageShown
from runtime.clock import Clock
from store import Store

#: Without `from`, so many days up to `to` are shown.
DEFAULT_DAYS = 30
MOST_DAYS = 366


class UsageController(Controller):
    """Shows what the tenant has used."""

    path = "/api/v2/usage"
    tags = ("usage",)
    guards = (may_read,)

    @get(
        operation_id="getUsage",
        summary="See what was used",
        responses=documented(400, 401, 403, 422),
    )
    async def usage(
        self,
        principal: Given[Principal],
        store: Given[Store],
        clock: Given[Clock],
        first: Annotated[
            date | None,
            QueryParameter(name="from", description="First day, in UTC; default 30 days' worth."),
        ] = None,
        last: Annotated[
            date | None, QueryParameter(name="to", description="Last day, in UTC; default today.")
        ] = None,
    ) -> UsageShown:
        """Return documents, pages, tokens, calls and questions by day, and their sum.

        Deleting documents or conversations does not change what was used.
        """
        last = last or clock.now().date()
        first = first or last - timedelta(days=DEFAULT_DAYS - 1)
        if first > last:
            raise InvalidRequest("`from` is after `to`.", field="from")
        if (last - first).days >= MOST_DAYS:
            raise InvalidRequest(f"At most {MOST_DAYS} days at once.", field="from")
        async with store.tenant(principal.tenant_id) as tx:
            rows = await tx.usage.by_day(first, last)
        return UsageShown.of(first, last, rows)
