"""What a run found: a table for people, an exit status for machines."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field

_WIDTH = 44


@dataclass(frozen=True)
class Finding:
    """One number of a run, and what it must be where that is promised."""

    name: str
    value: int
    must_be: int | None = None
    #: A few of the things that were counted, to look into.
    examples: tuple[object, ...] = ()

    @property
    def is_off(self) -> bool:
        """Whether a promise is broken."""
        return self.must_be is not None and self.value != self.must_be


@dataclass
class Report:
    """The findings of one run, in the order in which they are shown."""

    title: str
    findings: list[Finding] = field(default_factory=list[Finding])
    _began: float = field(default_factory=time.monotonic)
    _seconds: float | None = None

    def say(self, name: str, value: int) -> None:
        """Add a number that nothing is promised of."""
        self.findings.append(Finding(name, value))

    def none(self, name: str, found: Collection[object]) -> None:
        """Add things of which there must be none."""
        examples = tuple(sorted(found, key=str)[:5])
        self.findings.append(Finding(name, len(found), 0, examples))

    def same(self, name: str, value: int, must_be: int) -> None:
        """Add a number that must be another."""
        self.findings.append(Finding(name, value, must_be))

    def end(self) -> "Report":
        """Stop the clock."""
        self._seconds = time.monotonic() - self._began
        return self

    @property
    def off(self) -> list[Finding]:
        """The broken promises."""
        return [finding for finding in self.findings if finding.is_off]

    @property
    def status(self) -> int:
        """The exit status: 1 where a promise is broken."""
        return 1 if self.off else 0

    def text(self) -> str:
        """Return the table."""
        lines = [self.title, "-" * len(self.title)]
        lines += [_line(finding) for finding in self.findings]
        if self._seconds is not None:
            lines.append(f"{'seconds':<{_WIDTH}}{self._seconds:>10.1f}")
        lines.append("OFF" if self.off else "as promised")
        return "\n".join(lines) + "\n"


def _line(finding: Finding) -> str:
    line = f"{finding.name:<{_WIDTH}}{finding.value:>10}"
    if finding.must_be is not None:
        line += f"   must be {finding.must_be}" + ("   OFF" if finding.is_off else "")
    if finding.examples:
        line += f"   such as {', '.join(map(str, finding.examples))}"
    return line
