"""The account PostgreSQL runs under: it refuses to run as root, whoever starts ragline."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.embedded.errors import EmbeddedServerError

_STATUS = Path("/proc/self/status")
# Bits of the effective set, see capability.h. The first allows less and mostly suffices; some
# containers grant only the second, and files installed for root alone need it.
_PASSING_CAPABILITIES = {"dac_read_search": 1 << 2, "dac_override": 1 << 1}


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who runs a program: `uid` and `gid` None mean ourselves; `prefix` goes before a command."""

    uid: int | None = None
    gid: int | None = None
    prefix: tuple[str, ...] = ()

    def own(self, path: Path) -> None:
        """Give a file or folder to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def run(self, command: list[str], *, cwd: Path) -> subprocess.CompletedProcess[bytes]:
        """Run a program to its end under this account; its output is captured."""
        switch = None if self.prefix else self.uid
        return subprocess.run(  # noqa: S603 - our own command line, no shell
            [*self.prefix, *command],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            user=switch,
            group=None if switch is None else self.gid,
            extra_groups=None if switch is None else [],
        )


def postgres_account(program: Path, folder: Path) -> Account:
    """An account, not root, that can run `program` and reach `folder` (which exists).

    Raises EmbeddedServerError when root started us and no such account can reach them.
    """
    if os.geteuid() != 0:
        return Account()
    uid, gid = _unprivileged(folder)
    for prefix in [(), *_passing_prefixes(uid, gid)]:
        account = Account(uid=uid, gid=gid, prefix=prefix)
        if _reaches(account, program, folder):
            return account
    raise EmbeddedServerError(
        "PostgreSQL refuses to run as root, and no other account can reach both "
        f"{folder} and {program}: start ragline as an ordinary user, or from a folder that "
        "others may pass through."
    )


def _unprivileged(folder: Path) -> tuple[int, int]:
    """Whoever the data belongs to already, else `nobody`, which every system has."""
    kept = folder / "pgdata"
    if kept.exists() and kept.stat().st_uid != 0:
        return kept.stat().st_uid, kept.stat().st_gid
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise EmbeddedServerError(
            "PostgreSQL refuses to run as root and this machine has no account `nobody`: "
            "start ragline as an ordinary user."
        ) from error
    return nobody.pw_uid, nobody.pw_gid


def _reaches(account: Account, program: Path, folder: Path) -> bool:
    script = 'cd "$0" && exec "$1" --version'
    try:
        done = account.run(["/bin/sh", "-c", script, str(folder), str(program)], cwd=Path("/"))
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _passing_prefixes(uid: int, gid: int) -> Iterator[tuple[str, ...]]:
    """Command prefixes that switch the account and let it pass through folders closed to it.

    Folders such as /root let nobody else pass. They stay as they are: the server gets the one
    capability that lets it through instead.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return
    effective = _effective_capabilities()
    for name, bit in _PASSING_CAPABILITIES.items():
        if effective & bit:
            yield (
                setpriv,
                f"--reuid={uid}",
                f"--regid={gid}",
                "--clear-groups",
                f"--inh-caps=-all,+{name}",
                f"--ambient-caps=-all,+{name}",
            )


def _effective_capabilities() -> int:
    try:
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)
