"""From an error to its HTTP answer: one table, one shape."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from contracts import errors
from contracts.errors import RaglineError, Rejected, Retryable
from gateway import refusals
from gateway.observing import REQUEST_ID
from gateway.problems import MEDIA_TYPE, FieldProblem, Problem
from store.users import EmailTaken

log = structlog.get_logger(__name__)

#: Seconds after which to try again where nobody said how many.
RETRY_AFTER = 2

#: nginx's status for "the client left"; nobody reads it, the log shows it.
CLIENT_GONE = 499

#: The nearest class of an error decides.
STATUSES: dict[type[RaglineError], int] = {
    refusals.MalformedForm: HTTPStatus.BAD_REQUEST,
    refusals.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    refusals.InvalidToken: HTTPStatus.UNAUTHORIZED,
    refusals.TokenExpired: HTTPStatus.UNAUTHORIZED,
    refusals.BadCredentials: HTTPStatus.UNAUTHORIZED,
    refusals.Forbidden: HTTPStatus.FORBIDDEN,
    refusals.RegistrationClosed: HTTPStatus.FORBIDDEN,
    refusals.NotFound: HTTPStatus.NOT_FOUND,
    refusals.UploadStalled: HTTPStatus.REQUEST_TIMEOUT,
    EmailTaken: HTTPStatus.CONFLICT,
    refusals.DeadLetterSettled: HTTPStatus.CONFLICT,
    refusals.DeadLetterObsolete: HTTPStatus.CONFLICT,
    refusals.RedrivenTooOften: HTTPStatus.CONFLICT,
    refusals.GenerationConflict: HTTPStatus.CONFLICT,
    refusals.ReplayConflict: HTTPStatus.CONFLICT,
    refusals.DocumentBusy: HTTPStatus.CONFLICT,
    errors.ModelRequired: HTTPStatus.CONFLICT,
    errors.DocumentNotReady: HTTPStatus.CONFLICT,
    errors.MissingBlob: HTTPStatus.NOT_FOUND,
    refusals.UploadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    refusals.MessageTooLong: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.DocumentTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    refusals.ExpectedForm: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    refusals.InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    refusals.IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    refusals.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    refusals.AnswerPending: HTTPStatus.GATEWAY_TIMEOUT,
    refusals.ClientGone: CLIENT_GONE,
    # What a provider does not take from us is no fault of the caller.
    errors.ProviderUnauthorized: HTTPStatus.BAD_GATEWAY,
    errors.ProviderRefused: HTTPStatus.BAD_GATEWAY,
    errors.AnswerFailed: HTTPStatus.BAD_GATEWAY,
    errors.Stalled: HTTPStatus.GATEWAY_TIMEOUT,
    errors.Misconfigured: HTTPStatus.INTERNAL_SERVER_ERROR,
    Rejected: HTTPStatus.UNPROCESSABLE_ENTITY,
    Retryable: HTTPStatus.SERVICE_UNAVAILABLE,
}

#: Codes of answers that Litestar gives by itself.
FRAMEWORK_CODES = {
    400: "malformed_request",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    415: "unsupported_media_type",
}
SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
    413: "The request's body is larger than this address accepts.",
}


def problem_of(error: RaglineError) -> Problem:
    """Return the error as the body of an answer, or as the data of an `error` event."""
    fields = (
        (FieldProblem(field=error.field, message=error.message),)
        if isinstance(error, refusals.InvalidRequest)
        else ()
    )
    return _problem(_status(error), error.code, error.message, fields=fields)


def answer_known(request: Request[Any, Any, Any], error: RaglineError) -> Response[Problem]:
    """Answer an error of ours as the table says."""
    problem = problem_of(error)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request_failed", code=error.code, reason=error.message)
    return _respond(request, problem, _headers(error, problem.status))


def answer_invalid(
    request: Request[Any, Any, Any], error: ValidationException
) -> Response[Problem]:
    """Answer a body or parameter of the wrong shape with 422 and the names of the fields."""
    fields = tuple(_field(entry) for entry in error.extra or ())
    detail = "; ".join(f"{entry.field}: {entry.message}" for entry in fields) or error.detail
    return _respond(request, _problem(422, "invalid_request", detail, fields=fields))


def answer_framework(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """Answer what Litestar refuses by itself: no such route, method, body too large."""
    status = error.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return answer_unexpected(request, error)
    code = FRAMEWORK_CODES.get(status, "refused")
    problem = _problem(status, code, SENTENCES.get(status, error.detail))
    return _respond(request, problem, dict(error.headers or {}))


def answer_nested(request: Request[Any, Any, Any], _: RecursionError) -> Response[Problem]:
    """Answer JSON that is nested deeper than anything is read here."""
    return _respond(request, _problem(400, FRAMEWORK_CODES[400], "The JSON is nested too deeply."))


def answer_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Answer a bug with its reference and nothing else; the log has the rest."""
    log.error("request_broke", exc_info=error)
    detail = "Something went wrong on our side; quote `instance` when you ask for help."
    return _respond(request, _problem(500, "internal_error", detail))


HANDLERS: dict[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[Any]]] = {
    RaglineError: answer_known,
    ValidationException: answer_invalid,
    HTTPException: answer_framework,
    RecursionError: answer_nested,
    Exception: answer_unexpected,
}


def _status(error: RaglineError) -> int:
    for kind in type(error).__mro__:
        if kind in STATUSES:
            return int(STATUSES[kind])
    return HTTPStatus.INTERNAL_SERVER_ERROR


def _headers(error: RaglineError, status: int) -> dict[str, str]:
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        seconds = getattr(error, "retry_after", None) or RETRY_AFTER
        return {"Retry-After": str(max(1, round(seconds)))}
    return {}


def _problem(
    status: int, code: str, detail: str, *, fields: tuple[FieldProblem, ...] = ()
) -> Problem:
    return Problem(
        type=f"urn:ragline:problem:{code}",
        title=_title(status),
        status=status,
        detail=detail,
        code=code,
        errors=fields,
    )


def _title(status: int) -> str:
    return "Client Closed Request" if status == CLIENT_GONE else HTTPStatus(status).phrase


def _respond(
    request: Request[Any, Any, Any], problem: Problem, headers: dict[str, str] | None = None
) -> Response[Problem]:
    reference = request.scope["state"].get(REQUEST_ID)
    body = msgspec.structs.replace(
        problem, instance=f"urn:ragline:request:{reference}" if reference else None
    )
    return Response(body, status_code=problem.status, headers=headers, media_type=MEDIA_TYPE)


def _field(entry: object) -> FieldProblem:
    if not isinstance(entry, dict):
        return FieldProblem(field="", message=str(entry))
    found = cast("dict[str, object]", entry)
    name = str(found.get("key", ""))
    if found.get("source") == "header":
        name = name.replace("_", "-")
    return FieldProblem(field=name, message=str(found.get("message", "")))
