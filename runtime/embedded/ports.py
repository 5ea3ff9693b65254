"""Loopback ports: chosen once, remembered beside the data, checked before each start."""

import errno
import secrets
import socket
from pathlib import Path

from runtime.embedded.errors import EmbeddedServerError

# Below the range from which systems take ports for outgoing connections (32768 and up on Linux,
# 49152 and up elsewhere), so that a remembered port is not taken by some client in between.
_LOWEST, _COUNT, _ATTEMPTS = 20_000, 10_000, 200


def remembered_port(file: Path, asked: int | None, *, server: str) -> int:
    """The asked port, else the one kept in `file`, else a free one; it is kept in `file`.

    Raises EmbeddedServerError when the asked or remembered port is in use.
    """
    kept = _read(file)
    port = asked or kept
    if port is None:
        port = free_port()
    elif not is_free(port):
        how = "ask for another port" if asked else f"delete {file} to have a new one chosen"
        raise EmbeddedServerError(
            f"Port {port} of 127.0.0.1, where {server} is to listen, is in use by another program: "
            f"stop that program, or {how}."
        )
    if port != kept:
        file.write_text(f"{port}\n", encoding="ascii")
    return port


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    for _ in range(_ATTEMPTS):
        port = _LOWEST + secrets.randbelow(_COUNT)
        if is_free(port):
            return port
    raise EmbeddedServerError(
        f"No free port was found on 127.0.0.1 between {_LOWEST} and {_LOWEST + _COUNT}: "
        "stop some of the programs that listen there."
    )


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: connections that linger after a close do not occupy the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def is_listening(port: int) -> bool:
    """Whether a server accepts connections on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _read(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None
