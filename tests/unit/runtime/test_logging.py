"""A log line is one JSON object with its ids, and never breaks its caller."""

import json
import subprocess
import sys

PROGRAM = """
import logging, uuid
import structlog
from runtime.logging import configure_logging
from runtime.settings import Settings
from runtime.telemetry import configure_telemetry, current_trace_id, tracer

settings = Settings(_env_file=None)
configure_logging(settings, service="test")
configure_telemetry(settings, service="test")
log = structlog.get_logger("a")
with tracer().start_as_current_span("span"):
    log.info("thing_done", document_id=uuid.UUID(int=1), odd=object(), broken="\\ud83d")
def work(secret):
    raise ValueError(secret)
try:
    work("hunter2")
except ValueError:
    log.exception("work_failed")
log.debug("not_shown")
logging.getLogger("library").warning("it said %s", "this")
"""


def _lines() -> list[dict[str, object]]:
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM], capture_output=True, check=True, timeout=60
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_every_line_is_an_object_with_its_ids_and_without_local_values() -> None:
    done, failed, said = _lines()
    assert done["event"] == "thing_done"
    assert done["level"] == "info"
    assert done["service"] == "test"
    assert done["document_id"] == "00000000-0000-0000-0000-000000000001" or "UUID" in str(
        done["document_id"]
    )
    assert len(str(done["trace_id"])) == 32
    assert "ValueError" in json.dumps(failed["exception"])
    assert "hunter2" not in json.dumps(failed)
    assert (said["event"], said["logger"]) == ("it said this", "library")
