"""Has this machine what the embedded servers need?"""

import asyncio
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from cli.checks.findings import Finding, missing, ok, warn
from runtime.embedded import EmbeddedServerError
from runtime.embedded.folder import LEAST_FREE_BYTES
from runtime.embedded.installed import java_program, postgres_programs
from runtime.settings import Settings

GIB = 1024**3
#: Below this the next large ingestion may fill the disk.
LITTLE_FREE_BYTES = 5 * GIB
_VERSION = re.compile(rb'version "([^"]+)"')


def check_disk(folder: Path) -> list[Finding]:
    """Look at the disk that the data folder is, or will be, on."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return missing("disk", f"{place} cannot be looked at ({error.strerror}); set DATA_DIR.")
    said = f"{free / GIB:.1f} GiB free for {folder}"
    if free < LEAST_FREE_BYTES:
        return missing("disk", f"{said}: too little to start; make room, or set DATA_DIR.")
    if free < LITTLE_FREE_BYTES:
        return warn("disk", f"{said}: make room before you ingest much.")
    return ok("disk", f"{said}.")


async def check_programs(settings: Settings) -> list[Finding]:
    """Look for Java and PostgreSQL, as far as `ragline up` would need them."""
    findings: list[Finding] = []
    if settings.kafka_bootstrap_servers is None:
        findings += await _check_java()
    if settings.database_url is None:
        findings += _check_postgres()
    return findings


async def _check_java() -> list[Finding]:
    try:
        program = java_program()
    except EmbeddedServerError as error:
        return missing("java", str(error))
    try:
        process = await asyncio.create_subprocess_exec(
            program, "-version", stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
        )
        _, said = await process.communicate()
    except OSError as error:
        return missing("java", f"{program} does not run ({error.strerror}); use a real Kafka.")
    found = _VERSION.search(said)
    if process.returncode or found is None:
        return missing("java", f"{program} does not run here; set KAFKA_BOOTSTRAP_SERVERS.")
    return ok("java", f"{found.group(1).decode()}, for the embedded Kafka.")


def _check_postgres() -> list[Finding]:
    try:
        programs = postgres_programs()
    except EmbeddedServerError as error:
        return missing("postgresql", str(error))
    return ok("postgresql", f"In {programs}, for the embedded database.")
