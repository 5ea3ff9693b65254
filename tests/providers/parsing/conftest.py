"""The parsers that the behaviour suite runs over."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from providers.parsing.factory import create_parser
from providers.parsing.protocol import DocumentParser, Parsed, RemoteJob, SourceFile
from runtime.settings import Settings
from tests.fixtures.live import Spending, live_settings
from tests.fixtures.llamaparse_server import LlamaParseServer

MIB = 1024 * 1024


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "parser" in metafunc.fixturenames:
        kinds = ["local", "llamaparse"]
        live = live_settings(metafunc.config)
        if live and live.llamaparse_api_key:
            kinds.append("llamaparse-live")
        metafunc.parametrize("parser", kinds, indirect=True)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[LlamaParseServer]:
    async with LlamaParseServer() as server:
        yield server


@pytest_asyncio.fixture
async def parser(
    request: pytest.FixtureRequest,
    server: LlamaParseServer,
    settings_with: Callable[..., Settings],
    spending: Spending,
) -> AsyncIterator[DocumentParser]:
    """Each kind of parser in turn."""
    live = live_settings(request.config)
    if request.param == "llamaparse-live":
        assert live
        parser: DocumentParser = Noted(create_parser(live), spending)
    elif request.param == "llamaparse":
        parser = create_parser(
            settings_with(llamaparse_api_key=server.key, llamaparse_base_url=server.base_url)
        )
    else:
        parser = create_parser(settings_with(parse_memory_bytes=512 * MIB))
    yield parser
    await parser.close()


class Noted:
    """A real parser; what it costs is noted."""

    is_local_twin = False

    def __init__(self, parser: DocumentParser, spending: Spending) -> None:
        self._parser, self._spending = parser, spending
        self.name = parser.name

    async def parse(self, source: SourceFile, job: RemoteJob) -> Parsed:
        parsed = await self._parser.parse(source, job)
        self._spending.add("LlamaParse", files=1, pages=parsed.pages_billed)
        return parsed

    async def close(self) -> None:
        await self._parser.close()
