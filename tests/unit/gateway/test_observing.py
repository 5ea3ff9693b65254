"""Every request is a span of the caller's trace, a line in the log and a figure in the metrics."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from gateway.asgi import Message, Receive, Scope, Send
from gateway.observing import Observed
from runtime import telemetry
from runtime.clock import SystemClock

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "tracer", lambda: provider.get_tracer("test"))
    yield exporter
    provider.shutdown()
    structlog.contextvars.clear_contextvars()


class App:
    """Answers with a status; remembers the trace that it saw."""

    def __init__(self, status: int | None = 200, route: str | None = "/things/{id}") -> None:
        self.status = status
        self.route = route
        self.trace: str | None = None

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        self.trace = telemetry.current_trace_id()
        if self.route is not None:
            scope["path_template"] = self.route
        if self.status is None:
            raise ConnectionError
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def ask(app: App, path: str = "/things/7", **headers: str) -> dict[bytes, bytes]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "state": {},
    }
    await Observed(app, clock=SystemClock(), over_tls=True)(scope, receive, send)
    return dict(sent[0]["headers"]) if sent else {}


def one(spans: InMemorySpanExporter) -> ReadableSpan:
    [span] = spans.get_finished_spans()
    return span


@pytest.mark.asyncio
async def test_a_request_is_a_span_named_by_its_route_in_the_callers_trace(
    spans: InMemorySpanExporter,
) -> None:
    app = App()
    await ask(app, traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
    span = one(spans)
    assert span.name == "GET /things/{id}"
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == TRACE == app.trace
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert dict(span.attributes or {})["http.response.status_code"] == 200


@pytest.mark.asyncio
@pytest.mark.parametrize("parent", ["", "nonsense", "00-0-0-00", f"00-{'0' * 32}-{'0' * 16}-01"])
async def test_a_wrong_parent_begins_a_new_trace(spans: InMemorySpanExporter, parent: str) -> None:
    await ask(App(), traceparent=parent)
    assert one(spans).parent is None


@pytest.mark.asyncio
async def test_a_failure_marks_the_span(spans: InMemorySpanExporter) -> None:
    await ask(App(status=503))
    assert one(spans).status.status_code is StatusCode.ERROR


@pytest.mark.asyncio
async def test_probes_leave_no_span_and_no_line(spans: InMemorySpanExporter) -> None:
    with capture_logs() as logged:
        await ask(App(route="/health"), path="/health")
    assert spans.get_finished_spans() == ()
    assert logged == []


@pytest.mark.asyncio
async def test_a_failing_probe_is_logged(spans: InMemorySpanExporter) -> None:
    with capture_logs() as logged:
        await ask(App(status=503, route="/health/ready"), path="/health/ready")
    assert [line["status"] for line in logged] == [503]
    assert spans.get_finished_spans() == ()


@pytest.mark.asyncio
async def test_a_client_that_left_before_its_answer_is_seen_as_such(
    spans: InMemorySpanExporter,
) -> None:
    with capture_logs() as logged, pytest.raises(ConnectionError):
        await ask(App(status=None))
    assert [line["status"] for line in logged] == [499]
    assert one(spans).name == "GET /things/{id}"


@pytest.mark.asyncio
async def test_what_no_route_answers_is_one_series_whatever_was_asked(
    spans: InMemorySpanExporter,
) -> None:
    def count() -> float:
        labels = {"method": "(any)", "route": "(none)", "status": "404"}
        return REGISTRY.get_sample_value("ragline_http_requests_total", labels) or 0.0

    before = count()
    await ask(App(status=404, route=None), path="/made/up")
    await ask(App(status=404, route=None), path="/made/up/too")
    assert count() == before + 2
    assert len(spans.get_finished_spans()) == 2


@pytest.mark.asyncio
async def test_an_answer_over_tls_says_so(spans: InMemorySpanExporter) -> None:
    assert b"strict-transport-security" in await ask(App())
    assert one(spans)
