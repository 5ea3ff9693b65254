"""What the server cannot do is said in one sentence before it serves."""

import socket
from pathlib import Path

import pytest

from contracts.errors import Misconfigured
from gateway.server import listen, server_config
from runtime.settings import load_settings


async def app(*_: object) -> None:
    """Answer nothing."""


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured, match=rf"cannot listen on 127\.0\.0\.1:{port}: "):
            listen(load_settings(host="127.0.0.1", port=port))


def test_a_free_port_is_found() -> None:
    with listen(load_settings(host="127.0.0.1", port=0)) as found:
        assert found.getsockname()[1] > 0


def test_ipv6_is_spoken() -> None:
    with listen(load_settings(host="::1", port=0)) as found:
        assert found.family is socket.AF_INET6


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_certificate_that_is_none_is_said(tmp_path: Path, content: str | None) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    for path in (cert, key):
        if content is not None:
            path.write_text(content)
    with pytest.raises(Misconfigured, match="TLS_CERT_PATH"):
        server_config(app, load_settings(tls_cert_path=cert, tls_key_path=key))
