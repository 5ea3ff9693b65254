"""The HTTP client that the LlamaParse package is given: every failure is one of our errors.

The package would retry some failures by itself for half an hour and wrap others in exceptions
without a type; it leaves alone what it does not know.
"""

from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx
from typing_extensions import override

from contracts.errors import (
    DocumentTooLarge,
    ProviderBusy,
    ProviderRefused,
    ProviderUnauthorized,
    ProviderUnavailable,
    RaglineError,
    Rejected,
    UnsupportedMediaType,
)

_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
_WRONG_KEY = (
    ProviderUnauthorized,
    (
        "LlamaParse does not accept the key; correct LLAMAPARSE_API_KEY (and LLAMAPARSE_BASE_URL, "
        "where the key belongs to another region)."
    ),
)
_REJECTIONS: dict[int, tuple[type[Rejected], str]] = {
    HTTPStatus.UNAUTHORIZED: _WRONG_KEY,
    HTTPStatus.FORBIDDEN: _WRONG_KEY,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        DocumentTooLarge,
        "The file is larger than LlamaParse takes; split it and upload the parts.",
    ),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (
        UnsupportedMediaType,
        "LlamaParse does not take files of this kind; save it as PDF and upload that.",
    ),
}


class UnknownJob(ProviderUnavailable):
    """LlamaParse does not know the job; the file is sent again."""


class LlamaParseClient(httpx.AsyncClient):
    """An ``httpx`` client that returns good answers, read to their end, and raises otherwise.

    Raises ``ProviderUnauthorized``, ``ProviderRefused``, ``ProviderBusy``, ``ProviderUnavailable``,
    ``UnknownJob``, ``DocumentTooLarge`` or ``UnsupportedMediaType``.
    """

    @override
    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send the request; see the class for what it raises."""
        try:
            response = await super().send(request, **options)
        except httpx.TimeoutException as error:
            raise ProviderUnavailable("LlamaParse did not answer in time.") from error
        except httpx.RequestError as error:
            raise ProviderUnavailable("LlamaParse cannot be reached, or broke off.") from error
        if response.is_success:
            return response
        raise _error(response)


def _error(response: httpx.Response) -> RaglineError:
    status = response.status_code
    said = f"{status}: {_reason(response)}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ProviderBusy(
            "LlamaParse limits our requests; the document waits and goes on by itself.",
            retry_after=_retry_after(response),
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING:
        return ProviderUnavailable(
            f"LlamaParse answered {said}", retry_after=_retry_after(response)
        )
    if status in _REJECTIONS:
        kind, sentence = _REJECTIONS[status]
        return kind(sentence)
    if status == HTTPStatus.NOT_FOUND:
        return UnknownJob(f"LlamaParse knows nothing at {response.url.path}.")
    return ProviderRefused(f"LlamaParse refused the request with {said}")


def _reason(response: httpx.Response) -> str:
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = response.reason_phrase
    return str(detail)[:500]


def _retry_after(response: httpx.Response) -> float | None:
    """Return the seconds to wait; a date is compared with the clock of the server that sent it."""
    value = response.headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(response.headers["date"])
    except (ValueError, KeyError, TypeError):
        return None
    return max(timedelta(), wait).total_seconds()
