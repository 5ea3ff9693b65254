"""Telling a cancellation of ours from one that somebody else's code lets out."""

import asyncio


def is_cancelled() -> bool:
    """Tell whether the current task was cancelled.

    False for a ``CancelledError`` that a library leaks: whoever catches that must go on, or its
    work would end in silence.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
