"""Download the jars of Kafka from Maven Central, or lock their versions anew.

`python -m runtime.embedded.fetch FOLDER JAR…` downloads those jars of `kafka.lock`;
`python -m runtime.embedded.fetch --lock FOLDER` resolves the dependencies again and prints a new
lock. It is a program of its own, so that only it needs `jgo`, and ending it ends the download.
"""

import hashlib
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import requests
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import Artifact, MavenContext

from runtime.embedded.jars import KAFKA_ROOTS, LockedJar, read_lock, sha256_of

_AT_ONCE = 6
_ATTEMPTS = 3
_TIMEOUT_SECONDS = 30


def main() -> None:
    """Run the command line; exits with the reason on standard error when a download fails."""
    logging.disable(logging.WARNING)
    match sys.argv[1:]:
        case ["--lock", folder]:
            sys.stdout.write("".join(f"{line}\n" for line in lock(Path(folder))))
        case [folder, *names] if names:
            try:
                download(Path(folder), [jar for jar in read_lock() if jar.file_name in names])
            except (OSError, RuntimeError, requests.RequestException) as error:
                sys.exit(f"{type(error).__name__}: {error}")
        case _:
            sys.exit("usage: python -m runtime.embedded.fetch (--lock FOLDER | FOLDER JAR...)")


def download(folder: Path, jars: list[LockedJar], *, source: str = MAVEN_CENTRAL_URL) -> None:
    """Put the jars into `folder`, each under its name only when it is whole and the locked one.

    `source` is the URL of a Maven repository. Raises RuntimeError for a jar that it does not have
    or has with other bytes, and `requests.RequestException` when it cannot be reached.
    """
    context = MavenContext(
        repo_cache=folder / "repository",
        remote_repos={"source": source},
        timeout=_TIMEOUT_SECONDS,
    )
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(partial(_download_one, context, folder), jars):
            pass


def lock(folder: Path) -> list[str]:
    """The lines of a new lock: the transitive jars of the roots with their SHA-256, sorted."""
    context = MavenContext(repo_cache=folder, timeout=_TIMEOUT_SECONDS)
    artifacts: dict[tuple[str, str], Artifact] = {}
    for root in KAFKA_ROOTS:
        # One root at a time, and the first one wins: resolved together, the dependency management
        # of the second would replace versions that Kafka was released with.
        inputs, transitive = context.resolver.resolve([context.create_dependency(root)])
        for dependency in [*inputs, *transitive]:
            artifact = dependency.artifact
            artifacts.setdefault((artifact.groupId, artifact.artifactId), artifact)
    return sorted(
        f"{a.groupId}:{a.artifactId}:{a.version} "
        f"sha256:{hashlib.sha256(a.resolve().read_bytes()).hexdigest()}"
        for a in artifacts.values()
    )


def _download_one(context: MavenContext, folder: Path, jar: LockedJar) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            path = context.create_dependency(jar.coordinate).artifact.resolve()
        except requests.RequestException:
            if attempt == _ATTEMPTS:
                raise
            continue
        if sha256_of(path) == jar.sha256:
            path.replace(folder / jar.file_name)
            return
        path.unlink()  # cut short, or changed on its way: the next attempt starts anew
    raise RuntimeError(f"{jar.file_name} arrived with other bytes than the pinned ones")


if __name__ == "__main__":
    main()
