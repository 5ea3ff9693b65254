from hypothesis import given
from hypothesis import strategies as st

from runtime.delivery.tracker import OffsetTracker


def test_commits_nothing_before_the_first_record() -> None:
    assert OffsetTracker().to_commit() is None


def test_commits_behind_the_oldest_open_offset() -> None:
    tracker = OffsetTracker()
    for offset in (5, 6, 9):  # 7 and 8 were compacted away
        tracker.seen(offset)
    tracker.done(6)
    assert tracker.to_commit() == 5
    tracker.done(5)
    assert tracker.to_commit() == 9
    tracker.done(9)
    assert tracker.to_commit() == 10


def test_does_not_commit_twice() -> None:
    tracker = OffsetTracker()
    tracker.seen(1)
    tracker.done(1)
    tracker.committed(2)
    assert tracker.to_commit() is None


@given(st.data())
def test_never_commits_past_an_open_offset(data: st.DataObject) -> None:
    offsets = sorted(data.draw(st.sets(st.integers(0, 1000), min_size=1, max_size=60)))
    tracker = OffsetTracker()
    for offset in offsets:
        tracker.seen(offset)
    order = data.draw(st.permutations(offsets))
    still_open = set(offsets)
    for offset in order:
        tracker.done(offset)
        still_open.discard(offset)
        position = tracker.position
        assert position is not None
        assert all(position <= other for other in still_open)
        assert all(other >= position or other not in still_open for other in offsets)
    assert tracker.position == offsets[-1] + 1
