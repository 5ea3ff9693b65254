"""The HTTP server: uvicorn, with bounds on what comes before a request, and an orderly end."""

import asyncio
import signal
import socket
import ssl
from collections.abc import Callable
from types import FrameType
from typing import Any, cast

import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from contracts.errors import Misconfigured
from runtime.settings import Settings

#: Request line and headers together; ours need less than 4 KB.
MAX_HEAD_BYTES = 64 * 1024
#: A client that has not sent its headers by then is not served.
HEAD_SECONDS = 20.0
#: Longer than the idle time of common load balancers (60 s), so that they close first.
KEEP_ALIVE_SECONDS = 75
BACKLOG = 2048


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose heads are bounded in size and time; uvicorn bounds neither."""

    _in_head = False
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        self._expect_head()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._head_bytes = self._head_bytes + len(data) if self._in_head else 0
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The request's headers are too long.")

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._expect_head()

    @override
    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_arrived()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._head_arrived()
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class GatewayServer(uvicorn.Server):
    """Says when it listens, and says goodbye to open streams before it waits for them."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        listening: Callable[[str], None],
        stopping: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._listening = listening
        self._stopping = stopping

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            self._listening(self._address(sockets[0]))

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping()
        await super().shutdown(sockets)

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the signal; uvicorn's own way raises it again, before anything else is closed."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    def _address(self, listener: socket.socket) -> str:
        scheme = "https" if self.config.is_ssl else "http"
        host, port = listener.getsockname()[:2]
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def listen(settings: Settings) -> socket.socket:
    """Return the socket that the gateway listens on; ``Misconfigured`` when it cannot."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise Misconfigured(
            f"The gateway cannot listen on {settings.host}:{settings.port}: "
            f"{error.strerror or error}; set HOST and PORT to an address that is free."
        ) from error


def server_config(app: Any, settings: Settings) -> uvicorn.Config:
    """Return uvicorn's configuration; ``Misconfigured`` when the certificate cannot be used."""
    config = _config(app, settings)
    try:
        config.load()
    except OSError as error:  # TLS errors are such, too
        raise Misconfigured(
            f"TLS_CERT_PATH and TLS_KEY_PATH are no certificate and its key: {error}."
        ) from error
    return config


def _config(app: Any, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=round(settings.drain_seconds),
        ssl_certfile=settings.tls_cert_path,
        ssl_keyfile=settings.tls_key_path,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )
