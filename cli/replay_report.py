"""Replays as the API tells of them, and how they show themselves."""

import msgspec
from rich.table import Table

from cli.console import out
from cli.terminal import one_line, say


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay would do."""

    kind: str
    topic: str
    ranges: dict[str, tuple[int, int]]
    records: int
    is_complete: bool
    members: int
    seconds: float | None = None


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A replay, and how far it is handed to the workers."""

    replay_id: str
    kind: str
    group: str
    state: str
    records: int
    published: int
    chosen: dict[str, str] = {}
    problem: str | None = None


class ReplayPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some replays, newest first."""

    data: list[Replay]


def print_plan(plan: Plan) -> None:
    """Print what would be read again; nothing was changed."""
    count = f"{plan.records} records" if plan.is_complete else f"at least {plan.records} records"
    took = "" if plan.seconds is None else f", about {plan.seconds:.0f} s"
    say(f"{count} of {plan.topic} would be read again{took}.")
    for number, (first, end) in sorted(plan.ranges.items(), key=lambda one: int(one[0])):
        if end > first:
            say(f"  partition {number}: {first} to {end - 1}")
    if plan.kind == "group" and plan.members:
        say(f"The group has {plan.members} members; stop its workers before it is run.")


def print_replays(page: ReplayPage) -> None:
    """Print a list: a table on a terminal, else a line for each; problems below."""
    if not page.data:
        say("No replays.")
    elif out.is_terminal:
        table = Table("replay", "kind", "group", "state", "read", "handed over")
        for replay in page.data:
            table.add_row(*_cells(replay))
        out.print(table)
    else:
        for replay in page.data:
            say("\t".join(_cells(replay)))
    for replay in page.data:
        if replay.problem is not None:
            say(f"{replay.replay_id}: {one_line(replay.problem)}")


def _cells(replay: Replay) -> list[str]:
    return [
        replay.replay_id,
        replay.kind,
        replay.group,
        replay.state,
        str(replay.records),
        str(replay.published),
    ]
