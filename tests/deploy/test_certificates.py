"""ssl-certificate-setup.sh takes a certificate that will do, and says when one runs out."""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.deploy.scripts import Checkout

DOMAIN = "ragline.example.org"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout.made(tmp_path)


def _certificate(
    folder: Path, *, days: int = 90, name: str = DOMAIN, key: str = "key"
) -> list[str]:
    """Make a self-signed certificate; return the options that name it and its key."""
    certificate, keyfile = folder / f"{name}-{days}.pem", folder / f"{key}.pem"
    subprocess.run(  # noqa: S603 - what a person would do
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", str(days), "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1"),
            *("-keyout", str(keyfile), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return ["--certificate", str(certificate), "--key", str(keyfile)]


@contextmanager
def _shown(folder: Path, *, days: int) -> Iterator[str]:
    """Serve TLS on loopback with such a certificate; yields HOST:PORT."""
    _, certificate, _, key = _certificate(folder, days=days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_certificate_of_ones_own_becomes_the_secret(checkout: Checkout) -> None:
    files = _certificate(checkout.folder)
    settings = {"INGRESS_DOMAIN": DOMAIN, "SSL_CERTIFICATE": "own-tls", "NAMESPACE": "docs"}
    done = checkout.run("ssl-certificate-setup.sh", *files, **settings)
    assert done.returncode == 0, done.stderr
    made, applied = sorted(checkout.calls("kubectl"), key=lambda call: "apply" in call)
    assert "--namespace docs create secret tls own-tls" in made
    assert "--dry-run=client" in made
    assert applied.endswith("apply -f -")


def test_a_certificate_for_another_name_is_refused(checkout: Checkout) -> None:
    files = _certificate(checkout.folder, name="other.example.org")
    done = checkout.run("ssl-certificate-setup.sh", *files, INGRESS_DOMAIN=DOMAIN)
    assert done.returncode == 1
    assert f"not for {DOMAIN}" in done.stderr
    assert checkout.calls() == []


def test_a_key_of_another_certificate_is_refused(checkout: Checkout) -> None:
    certificate = _certificate(checkout.folder)[:2]
    other = _certificate(checkout.folder, name="other.example.org", key="other")[2:]
    done = checkout.run("ssl-certificate-setup.sh", *certificate, *other, INGRESS_DOMAIN=DOMAIN)
    assert done.returncode == 1
    assert "is not the key of" in done.stderr


def test_a_certificate_that_runs_out_soon_is_refused(checkout: Checkout) -> None:
    files = _certificate(checkout.folder, days=5)
    done = checkout.run("ssl-certificate-setup.sh", *files, INGRESS_DOMAIN=DOMAIN)
    assert done.returncode == 1
    assert "less than 21 days" in done.stderr
    again = checkout.run("ssl-certificate-setup.sh", *files, "--days", "2", INGRESS_DOMAIN=DOMAIN)
    assert again.returncode == 0


def test_a_file_that_is_no_certificate_is_refused(checkout: Checkout) -> None:
    text = checkout.folder / "text.pem"
    text.write_text("nothing")
    done = checkout.run("ssl-certificate-setup.sh", "--certificate", str(text), "--key", str(text))
    assert done.returncode == 1
    assert "no certificate in PEM" in done.stderr


@pytest.mark.parametrize(("days", "status"), [(90, 0), (5, 1)])
def test_the_shown_certificate_is_checked(checkout: Checkout, days: int, status: int) -> None:
    with _shown(checkout.folder, days=days) as address:
        done = checkout.run(
            "ssl-certificate-setup.sh", "--check", "--address", address, INGRESS_DOMAIN=DOMAIN
        )
    assert done.returncode == status, done.stderr
    assert "valid until" in done.stderr


def test_an_address_without_a_certificate_fails_the_check(checkout: Checkout) -> None:
    done = checkout.run("ssl-certificate-setup.sh", "--check", "--address", "127.0.0.1:1")
    assert done.returncode == 1
    assert "Nobody shows a certificate" in done.stderr


def test_issuers_are_made_for_cert_manager(checkout: Checkout) -> None:
    done = checkout.run("ssl-certificate-setup.sh", "--email", "ops@example.org")
    assert done.returncode == 0, done.stderr
    documents = [
        document
        for document in yaml.safe_load_all(checkout.incoming().partition("\n")[2])
        if document
    ]
    assert [document["metadata"]["name"] for document in documents] == [
        "letsencrypt",
        "letsencrypt-staging",
    ]
    assert {document["spec"]["acme"]["email"] for document in documents} == {"ops@example.org"}


@pytest.mark.parametrize("given", [[], ["--email", "nobody"], ["--certificate", "only.pem"]])
def test_half_of_what_is_needed_is_refused(checkout: Checkout, given: list[str]) -> None:
    assert checkout.run("ssl-certificate-setup.sh", *given).returncode == 2
    assert checkout.calls() == []
