"""A job is lost only when no record of it can be on its way any more."""

import pytest

from contracts.topics import TOPICS, Topic, retry_topics
from gateway.unread import DOCUMENT_WORKERS, Place, Seen, readings
from runtime.kafka import Progress

HERE: Place = ("parser", "documents.uploaded.v1", 0)
THERE: Place = ("parser.retry", "parser.retry.10m.v1", 3)


def seen(**progress: tuple[int, int]) -> Seen:
    places = {"here": HERE, "there": THERE}
    return Seen({places[name]: Progress(*found) for name, found in progress.items()})


@pytest.mark.parametrize(
    ("later", "is_behind"),
    [
        (seen(here=(5, 7), there=(2, 2)), False),
        (seen(here=(7, 9), there=(1, 2)), False),
        (seen(here=(7, 9), there=(2, 2)), True),
        (seen(here=(9, 9), there=(2, 8)), True),
        # A topic that was made anew: what it held is gone, what it holds now is not.
        (seen(here=(0, 0), there=(2, 2)), True),
        (seen(here=(0, 3), there=(2, 2)), False),
        (seen(there=(2, 2)), True),
    ],
)
def test_records_are_behind_once_all_of_them_are_completed(
    later: Seen,
    is_behind: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert seen(here=(5, 7), there=(1, 2)).is_behind(later) is is_behind


def test_where_nothing_waits_all_is_behind_at_once() -> None:
    quiet = seen(here=(7, 7), there=(2, 2))
    assert quiet.is_behind(quiet)
    assert not seen(here=(6, 7)).is_behind(seen(here=(6, 7)))


def test_everything_that_documents_are_read_from_is_looked_at() -> None:
    looked_at = {topic for worker in DOCUMENT_WORKERS for _, topic in readings(worker)}
    assert looked_at == {topic.name for topic in TOPICS if _is_read_for_documents(topic)}


def _is_read_for_documents(topic: Topic) -> bool:
    return bool(set(topic.consumers) & set(DOCUMENT_WORKERS)) and (
        topic.name in retry_topics(topic.owner)
        or topic.name.startswith("documents.")
        or ".replay." in topic.name
    )
