"""A gate before every try of a process: open, or one try at a time as a probe."""

import asyncio


class Gate:
    """Lets every try through until it is stopped; then one each ``probe_seconds``."""

    def __init__(self, probe_seconds: float) -> None:
        self._probe_seconds = probe_seconds
        self._probing = asyncio.Lock()
        self._opened = asyncio.Event()
        self._opened.set()

    @property
    def is_stopped(self) -> bool:
        """Whether only probes are let through."""
        return not self._opened.is_set()

    async def admit(self) -> None:
        """Return when a try may begin."""
        while not self._opened.is_set():
            async with self._probing:
                try:
                    async with asyncio.timeout(self._probe_seconds):
                        await self._opened.wait()
                except TimeoutError:
                    return  # this one is the probe

    def stop(self) -> None:
        """Let only probes through from now on."""
        self._opened.clear()

    def resume(self) -> None:
        """Let every try through again."""
        self._opened.set()
