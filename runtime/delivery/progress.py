"""What a commit says beside its offset: which later records are complete already.

An offset alone says that everything before it is complete. Behind one slow record thousands of
others may be done; without more, a crash would have all of them executed again. Kafka keeps a short
text with each committed offset. Here it names the records that are still open, so that the next
owner of the partition executes those alone.
"""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

log = structlog.get_logger(__name__)

#: Brokers refuse more than 4,096 bytes (``offset.metadata.max.bytes``).
MOST_CHARACTERS = 4_000
FETCH_SECONDS = 5.0
#: The text of another writer, and one that resets offsets by hand leaves none, means nothing here.
_MARK = "open:"


@dataclass(frozen=True)
class Progress:
    """What is known of a partition: all before ``position``, and then all but ``open``, is done.

    ``open`` are the offsets from ``position`` to before ``end`` that are not complete, in growing
    order. Nothing is known from ``end`` on.
    """

    position: int
    open: tuple[int, ...] = ()
    end: int = 0

    def note(self) -> str:
        """Return the text to commit with the position; empty when there is nothing to add.

        Where not all that is known fits, the end comes earlier.
        """
        if self.end - self.position == len(self.open):
            return ""
        parts: list[str] = []
        room, before = MOST_CHARACTERS - len(f"{_MARK}{self.end - self.position}"), self.position
        for offset in self.open:
            part = str(offset - before)
            room -= len(part) + 1
            if room < 0:
                return _joined(offset - self.position, parts)
            parts.append(part)
            before = offset
        return _joined(self.end - self.position, parts)

    @classmethod
    def noted(cls, position: int, note: str) -> "Progress":
        """Return what a commit says; a text that is not one of ours adds nothing."""
        if not note.startswith(_MARK):
            return cls(position)
        try:
            span, *gaps = (int(part) for part in note.removeprefix(_MARK).split(" "))
        except ValueError:
            return cls(position)
        return cls(position, tuple(_running_sum(position, gaps)), position + span)


def _joined(span: int, gaps: Iterable[str]) -> str:
    return _MARK + " ".join([str(span), *gaps])


def _running_sum(start: int, gaps: Iterable[int]) -> Iterable[int]:
    for gap in gaps:
        start += gap
        yield start


async def committed_progress(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, Progress]:
    """Return what was committed for these partitions, without those that say nothing beyond it.

    Nothing at all where Kafka does not answer in time: then records are executed again.
    """
    coordinator = consumer._coordinator  # noqa: SLF001 - the public method leaves the text out
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            found = await coordinator.fetch_committed_offsets(list(partitions))
    except (TimeoutError, KafkaError) as error:
        log.warning("progress_not_read", reason=type(error).__name__)
        return {}
    noted = {
        partition: Progress.noted(said.offset, said.metadata) for partition, said in found.items()
    }
    return {partition: progress for partition, progress in noted.items() if progress.end}
