"""A self-signed certificate without any tool: ECDSA over P-256, in DER by hand. For tests only."""

import base64
import hashlib
import secrets
from pathlib import Path

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_Point = tuple[int, int] | None


def self_signed(folder: Path) -> tuple[str, str]:
    """Write a certificate for 127.0.0.1 and its key; return the names of the two files."""
    private = secrets.randbelow(_N - 1) + 1
    public = b"\x04" + _bytes(_times(private, _G))
    signed_with = _sequence(bytes.fromhex("06082a8648ce3d040302"))  # ecdsa-with-SHA256
    key_kind = _sequence(
        bytes.fromhex("06072a8648ce3d0201") + bytes.fromhex("06082a8648ce3d030107")
    )
    name = _sequence(_tagged(0x31, _sequence(bytes.fromhex("0603550403") + _text(b"127.0.0.1"))))
    valid = _sequence(_tagged(0x17, b"250101000000Z") + _tagged(0x17, b"491231235959Z"))
    content = _sequence(
        _integer(secrets.randbits(64))
        + signed_with
        + name
        + valid
        + name
        + _sequence(key_kind + _tagged(0x03, b"\x00" + public))
    )
    certificate = _sequence(
        content + signed_with + _tagged(0x03, b"\x00" + _signature(private, content))
    )
    key = _sequence(
        _integer(1)
        + _tagged(0x04, private.to_bytes(32))
        + _tagged(0xA0, bytes.fromhex("06082a8648ce3d030107"))
    )
    return _written(folder / "cert.pem", "CERTIFICATE", certificate), _written(
        folder / "key.pem", "EC " + "PRIVATE KEY", key
    )


def _signature(private: int, content: bytes) -> bytes:
    once = secrets.randbelow(_N - 1) + 1
    point = _times(once, _G)
    assert point is not None
    first = point[0] % _N
    digest = int.from_bytes(hashlib.sha256(content).digest())
    return _sequence(
        _integer(first) + _integer(pow(once, -1, _N) * (digest + first * private) % _N)
    )


def _times(factor: int, point: _Point) -> _Point:
    total: _Point = None
    while factor:
        if factor & 1:
            total = _plus(total, point)
        point, factor = _plus(point, point), factor >> 1
    return total


def _plus(one: _Point, other: _Point) -> _Point:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % _P == 0:
        return None
    if one == other:
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, _P)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, _P)
    x = (slope * slope - x1 - x2) % _P
    return x, (slope * (x1 - x) - y1) % _P


def _bytes(point: _Point) -> bytes:
    assert point is not None
    return point[0].to_bytes(32) + point[1].to_bytes(32)


def _tagged(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(size)]) + size + content


def _sequence(content: bytes) -> bytes:
    return _tagged(0x30, content)


def _text(content: bytes) -> bytes:
    return _tagged(0x0C, content)


def _integer(value: int) -> bytes:
    return _tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def _written(path: Path, label: str, content: bytes) -> str:
    lines = base64.encodebytes(content).decode()
    path.write_text(f"-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
    return str(path)
