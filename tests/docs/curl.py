"""What the pages use of curl, for machines without it: the same request, the same output."""

import argparse
import sys
from pathlib import Path

import httpx


def main() -> None:
    """Send the request and write the body to standard output, or to a file."""
    options = _parser().parse_args()
    headers = [tuple(part.strip() for part in header.split(":", 1)) for header in options.header]
    method = options.request or ("POST" if options.form or options.data else "GET")
    with (
        httpx.Client(timeout=60, trust_env=False) as client,
        client.stream(
            method,
            options.url,
            headers=headers,
            content=options.data.encode() if options.data else None,
            files=[_part(part) for part in options.form] or None,
        ) as answer,
        Path(options.output).open("wb") if options.output else sys.stdout.buffer as out,
    ):
        if options.include:
            out.write(f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}\n".encode())
            out.writelines(b"%s: %s\n" % header for header in answer.headers.raw)
            out.write(b"\n")
        out.writelines(answer.iter_bytes())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="curl", allow_abbrev=False)
    parser.add_argument("url")
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-S", action="store_true")
    parser.add_argument("-N", action="store_true")
    parser.add_argument("-i", dest="include", action="store_true")
    parser.add_argument("-H", dest="header", action="append", default=[])
    parser.add_argument("-F", dest="form", action="append", default=[])
    parser.add_argument("-d", dest="data")
    parser.add_argument("-X", dest="request")
    parser.add_argument("-o", dest="output")
    return parser


def _part(part: str) -> tuple[str, tuple[str | None, bytes]]:
    name, _, value = part.partition("=")
    if value.startswith("@"):
        file = Path(value.removeprefix("@"))
        return name, (file.name, file.read_bytes())
    return name, (None, value.encode())


if __name__ == "__main__":
    main()
