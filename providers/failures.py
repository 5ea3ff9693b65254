"""What an error of a provider means for the work, whichever provider it is."""

from dataclasses import dataclass

import msgspec

from contracts.errors import (
    ProviderBusy,
    ProviderRefused,
    ProviderUnauthorized,
    ProviderUnavailable,
    RaglineError,
)

#: Enough for a person.
_LONGEST_REASON = 500

#: Codes that ask for money or a higher limit: waiting does not help.
_OUT_OF_CREDIT = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "billing_error",
        "contract_spend_limit_reached",
        "enforced_spend_limit_reached",
    }
)
_OUT_OF_CREDIT_REASON = "credit balance is too low"

#: The status that an error stands for when it arrives inside a stream, which began with 200.
_STATUS_BY_CODE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
}
_UNAVAILABLE = 500

#: These say nothing of the request itself: time-out, conflict, too early.
_PASSING = frozenset({408, 409, 425})


class RequestTooLarge(ProviderRefused):
    """The provider takes less in one request; a smaller one may work."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error as the provider stated it."""

    #: The provider's name as people know it.
    provider: str
    #: The setting that holds its key.
    key_setting: str
    status: int
    #: The provider's own words for the kind of error: ``code``, ``type``.
    codes: frozenset[str]
    reason: str
    retry_after: float | None = None


class _Details(msgspec.Struct):
    error_code: str | None = None


class _Error(msgspec.Struct):
    type: str | None = None
    code: str | int | None = None
    message: str | None = None
    details: _Details | None = None


class _Enveloped(msgspec.Struct):
    error: _Error


def judge(failure: Failure) -> RaglineError:
    """Return the error that says whether trying again can help.

    401, 403 and used-up credit are ``ProviderUnauthorized``, 429 is ``ProviderBusy``, time-outs and
    5xx are ``ProviderUnavailable``, every other 4xx is ``ProviderRefused`` with the reason.
    """
    name, status = failure.provider, _status(failure)
    reason = _shortened(failure)
    if status == 402 or failure.codes & _OUT_OF_CREDIT or _OUT_OF_CREDIT_REASON in reason:
        return ProviderUnauthorized(
            f"The credit of the {name} account is used up; add credit or raise its limit, then try "
            "again."
        )
    if status in {401, 403}:
        return _unauthorized(failure, status, reason)
    if status == 429:
        return ProviderBusy(
            f"{name} limits our requests; the work waits and goes on by itself.",
            retry_after=failure.retry_after,
        )
    if status >= _UNAVAILABLE or status in _PASSING:
        return ProviderUnavailable(
            f"{name} has a problem of its own ({reason}); the work waits and goes on by itself.",
            retry_after=failure.retry_after,
        )
    too_large = status == 413 or "max_tokens_per_request" in failure.codes
    return (RequestTooLarge if too_large else ProviderRefused)(f"{name} refused: {reason}")


def stated_error(body: object) -> tuple[frozenset[str], str]:
    """Return the codes and the reason in the body of an error, in the shape of either vendor."""
    try:
        stated = msgspec.convert(body, _Enveloped).error
    except msgspec.ValidationError:
        try:
            stated = msgspec.convert(body, _Error)
        except msgspec.ValidationError:
            return frozenset(), body if isinstance(body, str) else ""
    detail = stated.details.error_code if stated.details else None
    codes = frozenset(str(code) for code in (stated.type, stated.code, detail) if code)
    return codes, stated.message or ""


def _status(failure: Failure) -> int:
    if failure.status >= 400:
        return failure.status
    statuses = (_STATUS_BY_CODE[code] for code in failure.codes if code in _STATUS_BY_CODE)
    return max(statuses, default=_UNAVAILABLE)


def _unauthorized(failure: Failure, status: int, reason: str) -> ProviderUnauthorized:
    # The reason of a 401 may repeat the key.
    because = "" if status == 401 else f" ({reason})"
    return ProviderUnauthorized(
        f"{failure.provider} does not accept the API key{because}; correct {failure.key_setting}, "
        "then try again."
    )


def _shortened(failure: Failure) -> str:
    reason = " ".join(failure.reason.split()).rstrip(".")
    # What stands between us and the provider answers with pages of HTML.
    return reason[:_LONGEST_REASON] if reason[:1] not in {"", "<"} else f"status {failure.status}"
