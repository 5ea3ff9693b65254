"""The jars of Kafka: pinned with hashes in `kafka.lock`, downloaded once, verified at every start."""

import asyncio
import contextlib
import hashlib
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import structlog

from runtime.embedded.errors import EmbeddedServerError

KAFKA_VERSION = "4.4.0"
#: What `kafka.lock` is resolved from; the second binds Kafka's log calls to its own log4j.
KAFKA_ROOTS = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5",
)
_LOCK = Path(__file__).with_name("kafka.lock")
_DOWNLOAD_SECONDS = 600.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class LockedJar:
    """One jar: its Maven coordinate (group:artifact:version) and the SHA-256 of its bytes."""

    coordinate: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The name of the jar in the cache folder; groups are left out, as in Kafka's own releases."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def read_lock() -> list[LockedJar]:
    """Every jar that Kafka runs on, in the order of the class path."""
    lines = _LOCK.read_text(encoding="ascii").split("\n")
    pairs = [line.split() for line in lines if line]
    return [
        LockedJar(coordinate=coordinate, sha256=digest.removeprefix("sha256:"))
        for coordinate, digest in pairs
    ]


def default_cache_dir() -> Path:
    """The folder that all embedded Kafkas of this user share."""
    return Path.home() / ".cache" / "ragline" / f"kafka-{KAFKA_VERSION}"


async def class_path(cache_dir: Path) -> str:
    """The class path of a verified Kafka; what is missing or damaged is downloaded first.

    Raises EmbeddedServerError when Maven Central cannot be reached or a jar has other bytes.
    """
    jars = read_lock()
    wrong = await asyncio.to_thread(_wrong, cache_dir, jars)
    if wrong:
        await _download(cache_dir)
        wrong = await asyncio.to_thread(_wrong, cache_dir, jars)
    if wrong:
        raise EmbeddedServerError(
            f"The downloaded {wrong[0].file_name} is not the pinned one (its SHA-256 differs): "
            f"check what stands between this machine and Maven Central, then delete {cache_dir}."
        )
    return ":".join(str(cache_dir / jar.file_name) for jar in jars)


def _wrong(cache_dir: Path, jars: list[LockedJar]) -> list[LockedJar]:
    return [jar for jar in jars if _sha256(cache_dir / jar.file_name) != jar.sha256]


def _sha256(file: Path) -> str | None:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except FileNotFoundError:
        return None


async def _download(cache_dir: Path) -> None:
    _log.info("kafka_download_started", version=KAFKA_VERSION, folder=str(cache_dir))
    cache_dir.mkdir(parents=True, exist_ok=True)
    # Beside the cache and moved jar by jar: neither a second download at the same time nor an
    # interrupted one ever leaves half a jar under its name.
    folder = Path(tempfile.mkdtemp(prefix=".download-", dir=cache_dir))
    try:
        await _run_fetch(folder)
        for jar in folder.glob("*.jar"):
            jar.replace(cache_dir / jar.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _log.info("kafka_downloaded", version=KAFKA_VERSION)


async def _run_fetch(folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "runtime.embedded.fetch",
        str(folder),
        cwd=Path(__file__).parents[2],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_DOWNLOAD_SECONDS):
            _, said = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if process.returncode != 0:
        lines = said.decode(errors="replace").strip().splitlines()
        raise EmbeddedServerError(
            f"Kafka {KAFKA_VERSION} could not be downloaded from Maven Central "
            f"({lines[-1] if lines else 'no reason given'}): connect this machine to the Internet "
            "once, or set the URL of a real Kafka."
        )
