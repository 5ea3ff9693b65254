"""Kafka runs on exactly the pinned jars, wherever they came from."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typing_extensions import override

from runtime.embedded import EmbeddedServerError
from runtime.embedded.fetch import download
from runtime.embedded.jars import KAFKA_VERSION, LockedJar, class_path, default_cache_dir, read_lock

_JAR = LockedJar(coordinate="org.example:thing:1.0", sha256=hashlib.sha256(b"right").hexdigest())


class _Repository(ThreadingHTTPServer):
    """A Maven repository whose one jar arrives as the bodies say, the last one for ever."""

    def __init__(self, *bodies: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.bodies = list(bodies)
        self.url = f"http://127.0.0.1:{self.server_port}/maven2"


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, _Repository)
        if not self.path.endswith("/org/example/thing/1.0/thing-1.0.jar"):
            self.send_error(404)
            return
        bodies = self.server.bodies
        body = bodies.pop(0) if len(bodies) > 1 else bodies[0]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def flaky_repository() -> Iterator[str]:
    yield from _serve(_Repository(b"wro", b"right"))


@pytest.fixture
def wrong_repository() -> Iterator[str]:
    yield from _serve(_Repository(b"wrong"))


def test_a_jar_that_arrives_damaged_is_fetched_again(tmp_path: Path, flaky_repository: str) -> None:
    download(tmp_path, [_JAR], source=flaky_repository)
    assert (tmp_path / "thing-1.0.jar").read_bytes() == b"right"


def test_a_jar_with_other_bytes_is_never_kept(tmp_path: Path, wrong_repository: str) -> None:
    with pytest.raises(RuntimeError, match=r"thing-1\.0\.jar arrived with other bytes"):
        download(tmp_path, [_JAR], source=wrong_repository)
    assert not list(tmp_path.rglob("*.jar"))


@pytest.mark.asyncio
@pytest.mark.usefixtures("kafka_server")  # by then the jars are in the cache
async def test_a_changed_jar_in_the_cache_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):  # it would be downloaded again
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for jar in read_lock():
        (tmp_path / jar.file_name).symlink_to(default_cache_dir() / jar.file_name)
    assert await class_path(tmp_path)
    changed = tmp_path / read_lock()[0].file_name
    changed.unlink()
    changed.write_bytes(b"something else")
    with pytest.raises(EmbeddedServerError, match="could not be downloaded from Maven Central"):
        await class_path(tmp_path)


def test_the_lock_names_each_jar_once_and_the_kafka_that_is_promised() -> None:
    names = [jar.file_name for jar in read_lock()]
    assert len(names) == len(set(names))
    assert f"kafka_2.13-{KAFKA_VERSION}.jar" in names


def _serve(repository: _Repository) -> Iterator[str]:
    thread = threading.Thread(target=repository.serve_forever)
    thread.start()
    yield repository.url
    repository.shutdown()
    repository.server_close()
    thread.join()
