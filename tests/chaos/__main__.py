"""Every chaos run, one after the other, with a table each: ``python -m tests.chaos --seed 1``."""

import argparse
import subprocess
import sys
from collections.abc import Sequence


def main() -> int:
    """Run all; 1 when a promise was broken anywhere."""
    parser = argparse.ArgumentParser(description="Kill processes at random while work flows.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--kills", type=int, default=20)
    asked = parser.parse_args()
    same = ["--seed", asked.seed, "--kills", asked.kills]
    runs: list[tuple[str, Sequence[object]]] = [
        ("slow", []),
        ("lanes", [*same, "--records", asked.records]),
        ("orders", ["--seed", asked.seed]),
        ("pipeline", [*same, "--documents", asked.documents, "--questions", asked.questions]),
    ]
    return max([_run(module, arguments) for module, arguments in runs])


def _run(module: str, arguments: Sequence[object]) -> int:
    # A process for each, so that none inherits another's state.
    command = [sys.executable, "-m", f"tests.chaos.{module}", *map(str, arguments)]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - ourselves


if __name__ == "__main__":
    sys.exit(main())
