"""The shape of every error answer (RFC 9457), and its part of the API description."""

from http import HTTPStatus

import msgspec
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example, SecurityRequirement

MEDIA_TYPE = "application/problem+json"

_WHEN = {
    400: "The request cannot be read.",
    401: "No valid token or API key was sent.",
    403: "Known, but not allowed.",
    404: "There is no such thing in this tenant.",
    408: "The client stopped sending.",
    409: "It collides with what is there.",
    413: "Larger than this server accepts.",
    415: "Not a kind of content that is understood.",
    422: "A value is wrong; `errors` names it.",
    429: "Too many requests; `Retry-After` says when to come back.",
    502: "A provider of models refused; `code` and `detail` say why.",
    503: "A server behind this one is missing; `Retry-After` says when to come back.",
    504: "The answer takes longer than a request waits; `detail` says where it will be.",
}


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one value."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error answer: ``code`` is stable and for programs, ``detail`` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    #: Names this one answer; quote it when you ask for help.
    instance: str | None = None
    errors: tuple[FieldProblem, ...] = ()


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """Return the ``responses`` of a handler that may answer with these error statuses."""
    return {status: _spec(status) for status in (400, *statuses, 429, 503)}


def _spec(status: int) -> ResponseSpec:
    code = HTTPStatus(status).phrase.lower().replace(" ", "_")
    return ResponseSpec(
        data_container=Problem,
        generate_examples=False,
        description=_WHEN[status],
        media_type=MEDIA_TYPE,
        examples=[
            Example(
                value={
                    "type": f"urn:ragline:problem:{code}",
                    "title": HTTPStatus(status).phrase,
                    "status": status,
                    "detail": _WHEN[status],
                    "code": code,
                }
            )
        ],
    )


#: ``security`` of a controller that needs no token.
ANYBODY: list[SecurityRequirement] = [{}]
