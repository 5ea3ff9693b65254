"""Passwords: argon2id, in threads of its own, with the same work for an unknown account."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

T = TypeVar("T")

#: OWASP's setting: 2 passes over 19 MiB, one lane.
PASSES = 2
MEMORY_KIB = 19 * 1024
LANES = 1
#: Each check holds 19 MiB; more at once would only share the same cores.
AT_ONCE = 2


class Passwords:
    """Hashes and checks passwords without holding up the event loop."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID
        )
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        #: What an unknown account is checked against: it costs the same and never fits.
        self._nobody = self._hasher.hash("")

    async def hash(self, password: str) -> str:
        """Return the hash to store, with its parameters and salt."""
        return await self._in_thread(self._hasher.hash, password)

    async def fits(self, password: str, password_hash: str | None) -> bool:
        """Return whether the password fits; None, for no such account, takes the same time."""
        fits = await self._in_thread(self._verify, password_hash or self._nobody, password)
        return fits and password_hash is not None

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[..., T], *arguments: str) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
