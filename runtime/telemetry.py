"""Traces: one for each upload and one for each question, through every Kafka hop."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from runtime.settings import Settings

_propagator = TraceContextTextMapPropagator()


def configure_telemetry(settings: Settings, *, service: str) -> TracerProvider:
    """Install the tracer provider of this process; spans leave it only with an OTLP endpoint."""
    is_exported = settings.otel_exporter_otlp_endpoint is not None
    provider = TracerProvider(
        # Trace ids are made all the same, for logs and headers; only spans are not recorded.
        sampler=DEFAULT_ON if is_exported else ALWAYS_OFF,
        resource=Resource.create(
            {
                "service.name": f"ragline-{service}",
                "deployment.environment.name": settings.environment.value,
            }
        ),
    )
    if settings.otel_exporter_otlp_endpoint:
        endpoint = settings.otel_exporter_otlp_endpoint.rstrip("/") + "/v1/traces"
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)
    return provider


def tracer() -> Tracer:
    """Return the tracer of this project."""
    return trace.get_tracer("ragline")


def inject() -> dict[str, str]:
    """Return the W3C headers that carry the current span to the next process."""
    headers: dict[str, str] = {}
    _propagator.inject(headers)
    return headers


def extract(headers: Mapping[str, str]) -> Context:
    """Return the context that the sender's headers carry, empty where they carry none."""
    return _propagator.extract(dict(headers))


def current_trace_id() -> str | None:
    """Return the current trace's id as 32 hexadecimal digits, None outside of one."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


@contextmanager
def continued(trace_id: str | None, name: str) -> Generator[None]:
    """Go on with an earlier trace in a span of its own; its id is all that was kept of it.

    Without one, a trace begins. The parent is a span that nobody has: of the trace, not in it.
    """
    parent = None if trace_id is None else trace.set_span_in_context(_remote(int(trace_id, 16)))
    with tracer().start_as_current_span(name, context=parent):
        yield


def _remote(trace_id: int) -> NonRecordingSpan:
    return NonRecordingSpan(
        SpanContext(
            trace_id=trace_id,
            span_id=trace_id & (2**64 - 1) or 1,
            is_remote=True,
            trace_flags=TraceFlags(TraceFlags.SAMPLED),
        )
    )
