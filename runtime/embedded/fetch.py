"""Download the jars of Kafka from Maven Central, or lock their versions anew.

`python -m runtime.embedded.fetch FOLDER` downloads what `kafka.lock` names; `--lock` resolves the
dependencies again and prints a new lock. It is a program of its own, so that only it needs `jgo`,
and so that ending it ends the download.
"""

import hashlib
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from jgo.maven import Artifact, MavenContext

from runtime.embedded.jars import KAFKA_ROOTS, LockedJar, read_lock

_WORKERS = 6
_TIMEOUT_SECONDS = 30


def main() -> None:
    """Run the command line; exits with a sentence on standard error when a download fails."""
    logging.disable(logging.WARNING)
    match sys.argv[1:]:
        case ["--lock", folder]:
            sys.stdout.write("".join(f"{line}\n" for line in lock(Path(folder))))
        case [folder]:
            try:
                download(Path(folder), read_lock())
            except (OSError, RuntimeError, requests.RequestException) as error:
                sys.exit(_reason(error))
        case _:
            sys.exit("usage: python -m runtime.embedded.fetch [--lock] FOLDER")


def download(folder: Path, jars: list[LockedJar]) -> None:
    """Fetch every locked jar into a Maven repository layout under `folder`."""
    context = MavenContext(repo_cache=folder, timeout=_TIMEOUT_SECONDS)
    with ThreadPoolExecutor(_WORKERS) as pool:
        for path, jar in zip(
            pool.map(lambda jar: _artifact(context, jar.coordinate).resolve(), jars),
            jars,
            strict=True,
        ):
            path.replace(folder / jar.file_name)


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


def _artifact(context: MavenContext, coordinate: str) -> Artifact:
    return context.create_dependency(coordinate).artifact


def _reason(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {text}"


if __name__ == "__main__":
    main()
