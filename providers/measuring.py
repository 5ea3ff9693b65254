"""How long calls of providers take and how they fail, for dashboards and alerts."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from contracts.errors import RaglineError
from runtime import metrics

P = ParamSpec("P")
R = TypeVar("R")

AsyncMethod = Callable[P, Coroutine[Any, Any, R]]


def measured(provider: str, operation: str) -> Callable[[AsyncMethod[P, R]], AsyncMethod[P, R]]:
    """Count the seconds and the failures, by code, of what the decorated method asks for."""

    def decorate(method: AsyncMethod[P, R]) -> AsyncMethod[P, R]:
        @wraps(method)
        async def call(*args: P.args, **kwargs: P.kwargs) -> R:
            with metrics.PROVIDER_SECONDS.labels(provider, operation).time():
                try:
                    return await method(*args, **kwargs)
                except RaglineError as error:
                    metrics.PROVIDER_ERRORS.labels(provider, operation, error.code).inc()
                    raise

        return call

    return decorate
