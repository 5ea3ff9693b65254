"""The account PostgreSQL runs under: it refuses to run as root, whoever starts ragline."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from runtime.embedded.errors import EmbeddedServerError

_CAPABILITIES = Path("/proc/self/status")
# Bits of the effective set, see capability.h. The first allows less and is enough; containers
# often grant only the second.
_MAY_PASS = {"dac_read_search": 1 << 2, "dac_override": 1 << 1}


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who runs a program: `uid` and `gid` None is whoever we are; `prefix` goes before a command."""

    uid: int | None = None
    gid: int | None = None
    prefix: tuple[str, ...] = ()

    def owns(self, path: Path) -> None:
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
    plain = Account(uid=uid, gid=gid)
    if _reaches(plain, program, folder):
        return plain
    # Folders such as /root let nobody else pass. They stay as they are: the server gets the one
    # capability to pass through them instead.
    passing = Account(uid=uid, gid=gid, prefix=_passing_prefix(uid, gid))
    if passing.prefix and _reaches(passing, program, folder):
        return passing
    raise EmbeddedServerError(
        f"PostgreSQL refuses to run as root, and no other account can reach {folder} and {program}: "
        "start ragline as an ordinary user, or from a folder that others may pass through."
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
    try:
        done = account.run(
            ["/bin/sh", "-c", 'cd "$0" && "$1" --version', str(folder), str(program)], cwd=Path("/")
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _passing_prefix(uid: int, gid: int) -> tuple[str, ...]:
    setpriv, capability = shutil.which("setpriv"), _passing_capability()
    if setpriv is None or capability is None:
        return ()
    return (
        setpriv,
        f"--reuid={uid}",
        f"--regid={gid}",
        "--clear-groups",
        f"--inh-caps=-all,+{capability}",
        f"--ambient-caps=-all,+{capability}",
    )


def _passing_capability() -> str | None:
    try:
        lines = _CAPABILITIES.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    effective = next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff")), 0)
    return next((name for name, bit in _MAY_PASS.items() if effective & bit), None)
