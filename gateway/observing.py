"""Around every request: its id, its trace, its metrics, its line in the log."""

import re
from collections.abc import Iterable, MutableMapping
from typing import Any

import structlog
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

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
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            telemetry.tracer().start_as_current_span(
                scope["method"],
                context=_sent_context(sent),
                kind=SpanKind.SERVER,
                record_exception=False,
            ) as span,
        ):
            await self._answer(scope, receive, send, span)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, span: Span) -> None:
        began = self._clock.monotonic()
        answered = _Answered(scope, send, self._headers)
        try:
            await self._app(scope, receive, answered.send)
        finally:
            seconds = self._clock.monotonic() - began
            self._note(scope, answered.status, seconds, span)

    def _note(self, scope: Scope, status: int, seconds: float, span: Span) -> None:
        route = scope.get("path_template", "(none)")
        method = scope["method"] if route != "(none)" else "(any)"
        metrics.HTTP_REQUESTS.labels(method, route, str(status)).inc()
        metrics.HTTP_SECONDS.labels(method, route).observe(seconds)
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        if route not in QUIET_ROUTES or status >= 500:
            log.info(
                "request_answered",
                method=scope["method"],
                route=route,
                status=status,
                milliseconds=round(seconds * 1000, 1),
                **_who(scope),
            )


class _Answered:
    """Adds the headers of every answer, and remembers its status."""

    def __init__(self, scope: Scope, send: Send, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._scope = scope
        self._send = send
        self._added = headers
        #: 499 while nothing was answered: the client left.
        self.status = 499

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
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


def _who(scope: Scope) -> dict[str, str]:
    principal = scope.get("user")
    if principal is None:
        return {}
    return {"tenant_id": str(principal.tenant_id), "user_id": str(principal.user_id)}
