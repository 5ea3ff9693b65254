"""The topics, the workers and their names agree with each other."""

from pathlib import Path

import pytest

import workers
from contracts.topics import INPUTS, TOPICS, WORKERS, dead_letter_topic

FOLDERS = {
    path.name
    for path in Path(workers.__file__).parent.iterdir()
    if path.is_dir() and (path / "__init__.py").exists()
}


def test_one_word_names_folder_group_and_input() -> None:
    assert FOLDERS == set(WORKERS) == set(INPUTS)


@pytest.mark.parametrize("worker", WORKERS)
def test_a_worker_reads_a_topic_that_names_it(worker: str) -> None:
    assert worker in INPUTS[worker].consumers  # type: ignore[index]
    assert dead_letter_topic(worker) in TOPICS


def test_topic_names_are_unique_and_versioned() -> None:
    names = [topic.name for topic in TOPICS]
    assert len(set(names)) == len(names)
    assert all(name.rsplit(".", 1)[1].startswith("v") for name in names)


def test_partition_counts_divide_evenly_among_workers() -> None:
    for topic in INPUTS.values():
        assert all(topic.partitions % count == 0 for count in (1, 2, 3, 4, 6, 8, 12, 24))
