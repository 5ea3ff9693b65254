"""The parsers that the behaviour suite runs over."""

from collections.abc import AsyncIterator

import pytest_asyncio

from providers.parsing.local import LocalParser
from providers.parsing.protocol import DocumentParser

MIB = 1024 * 1024


@pytest_asyncio.fixture(params=["local"])
async def parser() -> AsyncIterator[DocumentParser]:
    async with LocalParser(processes=1, memory_bytes=512 * MIB, timeout=60) as local:
        yield local
