"""Structured logs: one JSON object a line on standard output, with trace and document ids.

Log events are past-tense facts with fields; never a secret, never a document's text.
"""

import json
import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import msgspec
import structlog
from opentelemetry import trace

from runtime.settings import Settings

#: Libraries that speak below WARNING about what we already say.
QUIET = ("aiokafka", "faststream", "httpx", "httpx2", "openai", "anthropic", "asyncio", "uvicorn")


def configure_logging(settings: Settings, *, service: str) -> None:
    """Send every log of this process, ours and the libraries', to stdout as ``LOG_FORMAT``."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        _add_service(service),
        _exceptions_without_values(settings),
    ]
    is_json = settings.log_format == "json"
    structlog.configure(
        processors=[*shared, _json_bytes() if is_json else _console()],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        # Straight to the stream: a line costs a third of one that goes through `logging`.
        logger_factory=structlog.BytesLoggerFactory(file=sys.stdout.buffer)
        if is_json
        else structlog.PrintLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    _route_library_logs(settings, shared)


def _json_bytes() -> structlog.typing.Processor:
    return structlog.processors.JSONRenderer(serializer=_encode)


def _encode(event: Any, **_: Any) -> bytes:
    try:
        return msgspec.json.encode(event, enc_hook=repr)
    except (UnicodeEncodeError, TypeError, ValueError):  # a log line must not break its caller
        return json.dumps(event, default=repr).encode()


def _console() -> structlog.typing.Processor:
    return structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())


def _route_library_logs(settings: Settings, shared: list[structlog.typing.Processor]) -> None:
    is_json = settings.log_format == "json"
    renderer = structlog.processors.JSONRenderer() if is_json else _console()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def _exceptions_without_values(settings: Settings) -> structlog.typing.Processor:
    """Return the renderer of exceptions: type and frames, no values that may hold a document."""
    if settings.log_format == "console":
        return structlog.processors.format_exc_info
    transform = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)

    def describe(exc_info: structlog.typing.ExcInfo) -> list[dict[str, Any]]:
        return [{"type": one["exc_type"], "frames": one["frames"]} for one in transform(exc_info)]

    return structlog.processors.ExceptionRenderer(describe)


def _add_trace(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def _add_service(service: str) -> structlog.typing.Processor:
    def add(
        _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return add
