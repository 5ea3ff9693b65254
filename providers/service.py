"""A provider as one process sees it: its name, its limits, and what its errors mean."""

import ssl
import time
from collections.abc import Generator
from contextlib import contextmanager

import anyio
import httpx2
import msgspec

from contracts.errors import ProviderBusy, ProviderUnavailable, RaglineError, Retryable
from providers.failures import Failure, judge, stated_error
from providers.pacing import Pacer
from providers.rate_limits import read_quotas, read_retry_after

#: How broken connections, and answers that are none, surface past the errors of an SDK.
_BROKEN: tuple[type[Exception], ...] = (
    httpx2.HTTPError,
    httpx2.StreamError,
    ssl.SSLError,
    OSError,
    anyio.EndOfStream,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    ValueError,  # JSON, pydantic and UTF-8 errors are all of this kind
    msgspec.MsgspecError,
)
_TIMEOUTS = (httpx2.TimeoutException, TimeoutError)
#: A server that is there accepts a connection within this many seconds.
_CONNECT_SECONDS = 10.0


class Service:
    """Turns what goes wrong with a provider into our errors, and holds back what it limits."""

    def __init__(
        self, name: str, *, key_setting: str, errors: type[Exception], patience: float
    ) -> None:
        self.name = name
        self._key_setting = key_setting
        self._errors = (errors, *_BROKEN)
        self._pacer = Pacer(name, patience=patience)

    async def turn(self, tokens: int = 0) -> None:
        """Return when the provider's limits allow the next request, or raise ``ProviderBusy``."""
        await self._pacer.turn(tokens)

    def learn(self, headers: httpx2.Headers) -> None:
        """Take over the limits that a good answer states."""
        self._pacer.learn(read_quotas(headers))

    @contextmanager
    def judged(self) -> Generator[None]:
        """Raise our errors in place of whatever the SDK and what is under it raise.

        A limit that the provider names is kept by every request of the process from then on.
        """
        try:
            yield
        except RaglineError:
            raise
        except self._errors as error:
            judgement = self._judge(error)
            if isinstance(judgement, Retryable) and _asks_to_wait(judgement):
                self._pacer.pause(judgement.retry_after)
            raise judgement from error

    def broken(self, what: str) -> ProviderUnavailable:
        """Return the error of an answer that came and is none; ``what`` completes the sentence."""
        return ProviderUnavailable(f"{self.name} {what}; the work waits and goes on by itself.")

    def _judge(self, error: Exception) -> RaglineError:
        response = getattr(error, "response", None)
        body = getattr(error, "body", None)
        if isinstance(response, httpx2.Response):
            return judge(self._failure(body, response.status_code, response.headers))
        if body:
            return judge(self._failure(body, 0, httpx2.Headers()))
        if any(isinstance(one, _TIMEOUTS) for one in (error, error.__cause__)):
            return self.broken("did not answer in time")
        if isinstance(error, (ValueError, msgspec.MsgspecError)):
            return self.broken("sent an answer that cannot be read")
        return self.broken("cannot be reached or broke off")

    def _failure(self, body: object, status: int, headers: httpx2.Headers) -> Failure:
        codes, reason = stated_error(body)
        return Failure(
            provider=self.name,
            key_setting=self._key_setting,
            status=status,
            codes=codes,
            reason=reason,
            retry_after=read_retry_after(headers, time.time()),
        )


def timeouts(seconds: float) -> httpx2.Timeout:
    """Return time-outs of ``seconds`` without a byte, and less for the connection itself."""
    return httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


def _asks_to_wait(error: Retryable) -> bool:
    return isinstance(error, ProviderBusy) or error.retry_after is not None
