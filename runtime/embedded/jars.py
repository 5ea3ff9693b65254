"""The jars of Kafka: pinned with hashes in `kafka.lock`, downloaded once, always verified."""

import asyncio
import contextlib
import hashlib
import shutil
import ssl
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
        """The name of the jar in the cache folder, which has no room for groups."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def read_lock() -> list[LockedJar]:
    """Every jar that Kafka runs on, in the order of the class path."""
    lines = _LOCK.read_text(encoding="ascii").splitlines()
    return [
        LockedJar(coordinate=coordinate, sha256=digest.removeprefix("sha256:"))
        for coordinate, digest in (line.split() for line in lines)
    ]


def default_cache_dir() -> Path:
    """The folder that all embedded Kafkas of this user share."""
    return Path.home() / ".cache" / "ragline" / f"kafka-{KAFKA_VERSION}"


def sha256_of(file: Path) -> str | None:
    """The SHA-256 of a file in hexadecimal digits; None when there is no such file."""
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except FileNotFoundError:
        return None


async def class_path(cache_dir: Path) -> str:
    """The class path of a verified Kafka; what is missing or damaged is downloaded first.

    Raises EmbeddedServerError when that download fails or brings other bytes than the pinned ones.
    """
    jars = read_lock()
    if missing := await asyncio.to_thread(_missing, cache_dir, jars):
        await _download(cache_dir, missing)
    return ":".join(str(cache_dir / jar.file_name) for jar in jars)


def _missing(cache_dir: Path, jars: list[LockedJar]) -> list[LockedJar]:
    return [jar for jar in jars if sha256_of(cache_dir / jar.file_name) != jar.sha256]


async def _download(cache_dir: Path, jars: list[LockedJar]) -> None:
    _log.info("kafka_download_started", version=KAFKA_VERSION, folder=str(cache_dir))
    folder = _folder_in(cache_dir)
    try:
        await _run_fetch(folder, jars)
    finally:
        # Whole jars are kept even when others failed. They are moved: neither a second download
        # at the same time nor an interrupted one ever leaves half a jar under its name.
        for jar in folder.glob("*.jar"):
            jar.replace(cache_dir / jar.name)
        shutil.rmtree(folder, ignore_errors=True)
    _log.info("kafka_downloaded", version=KAFKA_VERSION, jars=len(jars))


def _folder_in(cache_dir: Path) -> Path:
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".download-", dir=cache_dir))
    except OSError as error:
        raise EmbeddedServerError(
            f"Kafka cannot be kept in {cache_dir} ({error.strerror}): "
            "make that folder writable, or set the URL of a real Kafka."
        ) from error


async def _run_fetch(folder: Path, jars: list[LockedJar]) -> None:
    process = await asyncio.create_subprocess_exec(
        *_trusting(),
        sys.executable,
        "-m",
        "runtime.embedded.fetch",
        str(folder),
        *(jar.file_name for jar in jars),
        cwd=Path(__file__).parents[2],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    said = b"it took more than ten minutes"
    try:
        async with asyncio.timeout(_DOWNLOAD_SECONDS):
            _, said = await process.communicate()
    except TimeoutError:
        pass
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode != 0:
        reason = said.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise EmbeddedServerError(
            f"Kafka {KAFKA_VERSION} could not be downloaded from Maven Central ({reason[0]}): "
            "connect this machine to the Internet once, or set the URL of a real Kafka."
        )


def _trusting() -> list[str]:
    """A command prefix that makes the download trust what SSL_CERT_FILE names, if it is set.

    The rest of Python follows that variable; `requests` knows only one of its own.
    """
    paths = ssl.get_default_verify_paths()
    if not paths.cafile or paths.cafile == paths.openssl_cafile:
        return []
    return ["/usr/bin/env", f"REQUESTS_CA_BUNDLE={paths.cafile}"]
