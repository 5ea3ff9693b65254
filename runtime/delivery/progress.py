"""What a commit says beside its offset: which later records are complete, and who died here.

An offset alone says that everything before it is complete. Behind one slow record thousands of
others may be done; without more, a crash would have all of them executed again. Kafka keeps a short
text with each committed offset. Here it names the records that are still open, so that the next
owner of the partition executes those alone. It also says whether the owner still holds the
partition: one that is followed by another without having let go has died.
"""

import asyncio
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

log = structlog.get_logger(__name__)

#: Brokers refuse more than 4,096 bytes (``offset.metadata.max.bytes``).
MOST_CHARACTERS = 4_000
FETCH_SECONDS = 5.0
# The text of another writer means nothing here; one that resets offsets by hand leaves none.
_NOTE = re.compile(r"(?:held:(\d{1,9}) )?open:(\d{1,18}(?: \d{1,18})*)", re.ASCII)


@dataclass(frozen=True)
class Progress:
    """What is known of a partition: all before ``position``, and then all but ``open``, is done.

    ``open`` are the offsets from ``position`` to before ``end`` that are not complete, in growing
    order. Nothing is known from ``end`` on.
    """

    position: int
    open: tuple[int, ...] = ()
    end: int = 0
    #: How many owners in a row died while the record at ``position`` was open.
    deaths: int = 0
    #: Whether who commits this goes on with the record at ``position``.
    is_held: bool = False

    def note(self) -> str:
        """Return the text to commit with the position; empty when there is nothing to add.

        Where not all that is known fits, the end comes earlier.
        """
        if not self.is_held and self.end - self.position == len(self.open):
            return ""
        held = f"held:{self.deaths} " if self.is_held else ""
        gaps: list[str] = []
        end, before = max(self.end, self.position), self.position
        room = MOST_CHARACTERS - len(f"{held}open:{end - self.position}")
        for offset in self.open:
            gap = str(offset - before)
            room -= len(gap) + 1
            if room < 0:
                end = offset
                break
            gaps.append(gap)
            before = offset
        return f"{held}open:" + " ".join([str(end - self.position), *gaps])

    @classmethod
    def noted(cls, position: int, note: str) -> "Progress":
        """Return what a commit says to the next owner; a text that is not one of ours, nothing."""
        found = _NOTE.fullmatch(note)
        if found is None:
            return cls(position)
        span, *gaps = (int(part) for part in found[2].split(" "))
        opened = tuple(_running_sum(position, gaps))
        may_be_open = opened[:1] == (position,) or span == 0
        deaths = int(found[1]) + 1 if found[1] and may_be_open else 0
        return cls(position, opened, position + span, deaths)


def _running_sum(start: int, gaps: Iterable[int]) -> Iterable[int]:
    for gap in gaps:
        start += gap
        yield start


async def committed_progress(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, Progress]:
    """Return what was committed for these partitions, where anything was.

    Nothing at all where Kafka does not answer in time: then records are executed again.
    """
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            return await _read(consumer, partitions)
    except (TimeoutError, KafkaError) as error:
        log.warning("progress_not_read", reason=type(error).__name__)
        return {}


async def _read(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, Progress]:
    coordinator = consumer._coordinator  # noqa: SLF001 - the public method leaves the text out
    committed = await coordinator.fetch_committed_offsets(list(partitions))
    found = {
        partition: Progress.noted(said.offset, said.metadata)
        for partition, said in committed.items()
        if said.offset >= 0
    }
    died = [partition for partition, progress in found.items() if progress.deaths]
    ends = await consumer.end_offsets(died) if died else {}
    for partition, end in ends.items():
        if end <= found[partition].position:  # no record is there that could be to blame
            found[partition] = replace(found[partition], deaths=0)
    return found
