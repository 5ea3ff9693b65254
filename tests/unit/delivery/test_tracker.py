from hypothesis import given
from hypothesis import strategies as st

from runtime.delivery.progress import MOST_CHARACTERS, Progress
from runtime.delivery.tracker import OffsetTracker


def _position(tracker: OffsetTracker) -> int | None:
    progress = tracker.to_commit()
    return None if progress is None else progress.position


def test_commits_nothing_before_the_first_record() -> None:
    assert OffsetTracker().to_commit() is None


def test_commits_behind_the_oldest_open_offset() -> None:
    tracker = OffsetTracker()
    for offset in (5, 6, 9):  # 7 and 8 were compacted away
        tracker.seen(offset)
    tracker.done(6)
    assert _position(tracker) == 5
    tracker.done(5)
    assert _position(tracker) == 9
    tracker.done(9)
    assert _position(tracker) == 10


def test_does_not_commit_twice() -> None:
    tracker = OffsetTracker()
    tracker.seen(1)
    tracker.done(1)
    progress = tracker.to_commit()
    assert progress == Progress(2, (), 2, is_held=True)
    assert progress is not None
    tracker.committed(progress)
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


def test_a_commit_with_nothing_complete_behind_it_has_no_note() -> None:
    tracker = OffsetTracker()
    for offset in range(7, 12):
        tracker.seen(offset)
    progress = tracker.to_commit(is_held=False)
    assert progress is not None
    assert progress.note() == ""


@given(st.data())
def test_owners_one_after_the_other_execute_each_record_once(data: st.DataObject) -> None:
    """As long as nothing completes between a commit and the end of its owner."""
    offsets = sorted(data.draw(st.sets(st.integers(0, 300), min_size=1, max_size=60)))
    committed, executed = Progress(0), list[int]()
    for _ in range(data.draw(st.integers(1, 5))):
        tracker = OffsetTracker(Progress.noted(committed.position, committed.note()))
        ahead = [offset for offset in offsets if offset >= committed.position]
        read = ahead[: data.draw(st.integers(0, len(ahead)))]
        opened = [offset for offset in read if tracker.seen(offset)]
        for offset in data.draw(st.permutations(opened))[: data.draw(st.integers(0, len(opened)))]:
            tracker.done(offset)
            executed.append(offset)
        committed = tracker.to_commit() or committed
    last = OffsetTracker(committed)
    executed += [at for at in offsets if at >= committed.position and last.seen(at)]
    assert sorted(executed) == offsets


@given(st.sets(st.integers(0, 10**7), max_size=3000))
def test_a_note_is_never_too_long_and_never_calls_an_open_record_complete(opened: set[int]) -> None:
    progress = Progress(0, tuple(sorted(opened)), max(opened, default=0) + 5)
    note = progress.note()
    assert len(note) <= MOST_CHARACTERS
    said = Progress.noted(0, note)
    assert set(said.open) == {offset for offset in opened if offset < said.end}
    assert said.end <= progress.end


def test_a_note_that_is_cut_short_still_says_what_fits() -> None:
    progress = Progress(0, tuple(range(0, 100_000, 7)), 100_000)
    said = Progress.noted(0, progress.note())
    assert said.end > 7 * 1000
    assert said.open == tuple(range(0, said.end, 7))


def test_texts_of_others_add_nothing() -> None:
    for note in ("", "open:", "open:x", "consumer-1", "open:3 1 b"):
        assert Progress.noted(5, note) == Progress(5)
