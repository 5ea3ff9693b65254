"""What a process of a ``ProcessPool`` runs: ``python -m runtime.process_worker BYTES``."""

import ctypes
import os
import pickle
import resource
import signal
import struct
import sys
from typing import Any, BinaryIO

#: Before every request and every reply: its length in bytes.
FRAME_HEADER = struct.Struct(">Q")

#: ``PR_SET_PDEATHSIG`` of ``<sys/prctl.h>``: which signal to get when the parent ends.
_PARENT_DEATH_SIGNAL = 1


def main() -> None:
    """Answer requests until standard input ends."""
    requests, replies = _take_streams()
    _end_with_parent()
    _limit_resources(int(sys.argv[1]))
    while header := requests.read(FRAME_HEADER.size):
        reply = _run(requests.read(FRAME_HEADER.unpack(header)[0]))
        replies.write(FRAME_HEADER.pack(len(reply)))
        replies.write(reply)
        replies.flush()


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep both pipes for requests and replies alone: native code may write to descriptor 1."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+b") as nothing:  # noqa: PTH123  # only its descriptor matters
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
    return requests, replies


def _end_with_parent() -> None:
    """Die with the parent even in the middle of native code, where Linux offers that.

    Elsewhere the process ends when it next reads its input.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def _limit_resources(memory_bytes: int) -> None:
    # A core would hold the text of a document.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_bytes:
        # Not RLIMIT_AS: allocators and thread stacks reserve far more addresses than memory.
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))


def _run(request: bytes) -> bytes:
    outcome: tuple[bool, Any]
    try:
        function, args = pickle.loads(request)  # noqa: S301  # written by our own parent
        outcome = (True, function(*args))
    except Exception as error:  # noqa: BLE001  # raised again in the parent
        outcome = (False, error)
    try:
        return pickle.dumps(outcome, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001  # raised in the parent
        return pickle.dumps((False, error))


if __name__ == "__main__":
    main()
