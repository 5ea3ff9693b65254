"""Around every request: its id, its trace, its metrics, its line in the log."""

import re
from collections.abc import Iterable, MutableMapping
from functools import cached_property, lru_cache
from http import HTTPStatus
from typing import Any

import structlog
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode, Tracer
from prometheus_client import Counter, Histogram

from contracts.ids import new_id
from gateway.admission import ANSWER_HEADERS
from gateway.asgi import App, Message, Receive, Scope, Send
from runtime import metrics, telemetry
from runtime.clock import Clock

log = structlog.get_logger(__name__)

REQUEST_ID = "request_id"
_SANE_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")

#: Routes that probes ask every few seconds; a line and a span each would bury the rest.
QUIET_ROUTES = frozenset({"/health", "/health/ready", "/metrics"})

#: The route of what no route answers.
UNROUTED = "(none)"

#: What a browser must know of an answer; the API has no cookies and is nobody's page.
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
API_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
NOT_STORED = (b"cache-control", b"no-store")
ONLY_TLS = (b"strict-transport-security", b"max-age=31536000")


class Observed:
    """The whole application, seen from outside: also answers that no route gave."""

    def __init__(self, app: App, *, clock: Clock, over_tls: bool) -> None:
        self._app = app
        self._clock = clock
        self._headers = (*SECURITY_HEADERS, *((ONLY_TLS,) if over_tls else ()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = dict(scope["headers"])
        request_id = _request_id(sent)
        scope["state"][REQUEST_ID] = request_id
        # The server gives each request a context of its own: there is nothing to take back.
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if scope["path"] in QUIET_ROUTES:
            await self._answer(scope, receive, send, INVALID_SPAN)
            return
        with self._tracer.start_as_current_span(
            scope["method"],
            context=_sent_context(sent),
            kind=SpanKind.SERVER,
            record_exception=False,
        ) as span:
            await self._answer(scope, receive, send, span)

    @cached_property
    def _tracer(self) -> Tracer:
        return telemetry.tracer()

    async def _answer(self, scope: Scope, receive: Receive, send: Send, span: Span) -> None:
        began = self._clock.monotonic()
        answered = _Answered(scope, send, self._headers, self._clock)
        try:
            await self._app(scope, receive, answered.send)
        finally:
            now = self._clock.monotonic()
            _measure(scope, answered.status, (answered.started or now) - began)
            _describe(span, scope, answered.status)
            _log(scope, answered.status, now - began)


def _measure(scope: Scope, status: int, seconds: float) -> None:
    route = scope.get("path_template", UNROUTED)
    # What nothing answers has any method and path; it must not make a series each.
    method = scope["method"] if route != UNROUTED else "(any)"
    requests, times = _series(method, route, status)
    requests.inc()
    times.observe(seconds)


@lru_cache(4096)
def _series(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return (
        metrics.HTTP_REQUESTS.labels(method, route, str(status)),
        metrics.HTTP_SECONDS.labels(method, route),
    )


def _describe(span: Span, scope: Scope, status: int) -> None:
    if not span.is_recording():
        return
    route = scope.get("path_template", UNROUTED)
    span.update_name(f"{scope['method']} {route}")
    span.set_attribute("http.request.method", scope["method"])
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        span.set_status(Status(StatusCode.ERROR))


def _log(scope: Scope, status: int, seconds: float) -> None:
    if scope["path"] in QUIET_ROUTES and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return
    principal = scope.get("user")
    log.info(
        "request_answered",
        method=scope["method"],
        route=scope.get("path_template", UNROUTED),
        status=status,
        milliseconds=round(seconds * 1000, 1),
        tenant_id=str(principal.tenant_id) if principal else None,
        user_id=str(principal.user_id) if principal else None,
    )


class _Answered:
    """Adds the headers of every answer, and remembers its status."""

    def __init__(
        self, scope: Scope, send: Send, headers: Iterable[tuple[bytes, bytes]], clock: Clock
    ) -> None:
        self._scope = scope
        self._send = send
        self._added = headers
        self._clock = clock
        #: When the answer began; None while it has not.
        self.started: float | None = None
        #: 499 while nothing was answered: the client left.
        self.status = 499

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.started = self._clock.monotonic()
            message["headers"] = self._complete(list(message.get("headers", ())))
        await self._send(message)

    def _complete(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name.lower() for name, _ in headers}
        state: MutableMapping[str, Any] = self._scope["state"]
        headers.extend(self._added)
        headers.extend(pair for pair in (API_POLICY, NOT_STORED) if pair[0] not in names)
        headers.append((b"x-request-id", state[REQUEST_ID].encode()))
        given: dict[str, str] = state.get(ANSWER_HEADERS, {})
        headers.extend((name.encode(), value.encode()) for name, value in given.items())
        return headers


def _request_id(sent: dict[bytes, bytes]) -> str:
    """Return the id that a proxy in front gave, where it is harmless, else a new one."""
    given = sent.get(b"x-request-id", b"")
    return given.decode() if _SANE_ID.fullmatch(given) else str(new_id())


def _sent_context(sent: dict[bytes, bytes]) -> Any:
    parent = sent.get(b"traceparent")
    return telemetry.extract({"traceparent": parent.decode("latin-1")}) if parent else None
