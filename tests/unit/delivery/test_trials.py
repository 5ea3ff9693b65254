import pytest
from aiokafka import ConsumerRecord, TopicPartition

from runtime.delivery.progress import Progress
from runtime.delivery.trials import MOST_DEATHS, SUSPICIOUS_DEATHS, Trials

ONE, OTHER = TopicPartition("t", 0), TopicPartition("t", 1)


def _record(partition: TopicPartition, offset: int) -> ConsumerRecord:
    return ConsumerRecord(
        topic=partition.topic,
        partition=partition.partition,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        key=None,
        value=None,
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=-1,
        headers=(),
    )


def _died(times: int) -> Progress:
    """Return what the next owner learns after so many owners died at offset 5."""
    progress = Progress(5)
    for _ in range(times):
        held = Progress(5, (5,), 6, progress.deaths, is_held=True)
        progress = Progress.noted(5, held.note())
    return progress


@pytest.mark.parametrize("times", [0, 1, SUSPICIOUS_DEATHS, MOST_DEATHS])
def test_deaths_are_counted_from_owner_to_owner(times: int) -> None:
    assert _died(times).deaths == times


def test_an_owner_that_lets_go_is_no_death() -> None:
    assert Progress.noted(5, Progress(5, (5,), 9, 4).note()).deaths == 0


def test_a_few_deaths_change_nothing() -> None:
    trials = Trials()
    trials.suspect({ONE: _died(SUSPICIOUS_DEATHS - 1)})
    trials.read(ONE, 5)
    assert trials.admits(_record(OTHER, 1), is_alone=False)


def test_a_suspect_runs_alone_and_then_the_others() -> None:
    trials = Trials()
    trials.suspect({ONE: _died(SUSPICIOUS_DEATHS)})
    assert trials.admits(_record(OTHER, 1), is_alone=False)  # the suspect was not read yet
    trials.read(ONE, 5)
    assert not trials.admits(_record(OTHER, 1), is_alone=True)
    assert not trials.admits(_record(ONE, 6), is_alone=True)
    assert not trials.admits(_record(ONE, 5), is_alone=False)
    assert trials.admits(_record(ONE, 5), is_alone=True)
    assert trials.verdict(_record(ONE, 5)) is None
    trials.ended(ONE, 5)
    assert trials.admits(_record(OTHER, 1), is_alone=False)


def test_a_death_counts_for_the_one_on_trial_alone() -> None:
    trials = Trials()
    trials.suspect({ONE: _died(SUSPICIOUS_DEATHS), OTHER: _died(SUSPICIOUS_DEATHS)})
    assert trials.is_at_risk(OTHER)
    trials.read(ONE, 5)
    trials.read(OTHER, 5)
    assert trials.is_at_risk(ONE)
    assert not trials.is_at_risk(OTHER)
    trials.forget([ONE])
    assert trials.is_at_risk(OTHER)


def test_a_suspect_is_given_up_after_the_last_death() -> None:
    trials = Trials()
    trials.suspect({ONE: _died(MOST_DEATHS)})
    failure = trials.verdict(_record(ONE, 5))
    assert failure is not None
    assert failure.code == "ends_its_worker"
    assert trials.verdict(_record(ONE, 6)) is None
    assert trials.verdict(_record(OTHER, 5)) is None


def test_a_suspect_that_left_the_log_holds_nobody_up() -> None:
    trials = Trials()
    trials.suspect({ONE: _died(SUSPICIOUS_DEATHS)})
    trials.read(ONE, 8)
    assert trials.admits(_record(ONE, 8), is_alone=False)
