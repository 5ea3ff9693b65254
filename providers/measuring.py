"""How long calls of providers take and how they fail, for dashboards and alerts."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, TypeVar, cast

from contracts.errors import RaglineError
from runtime import metrics

Method = TypeVar("Method", bound=Callable[..., Coroutine[Any, Any, Any]])


def measured(provider: str, operation: str) -> Callable[[Method], Method]:
    """Count the seconds and the failures, by code, of what the decorated method asks for."""

    def decorate(method: Method) -> Method:
        @wraps(method)
        async def call(*args: Any, **kwargs: Any) -> Any:
            with metrics.PROVIDER_SECONDS.labels(provider, operation).time():
                try:
                    return await method(*args, **kwargs)
                except RaglineError as error:
                    metrics.PROVIDER_ERRORS.labels(provider, operation, error.code).inc()
                    raise

        return cast("Method", call)

    return decorate
