"""Is Kafka there, with every topic, and does every worker read?"""

from cli.checks.findings import Finding, missing, ok, warn
from contracts.errors import BrokerUnavailable
from contracts.topics import INPUTS, TOPICS, WORKERS, Topic, WorkerName
from runtime.kafka import KafkaConnection, TopicAdmin
from runtime.settings import Settings


async def check_kafka(settings: Settings, *, partitions_cap: int | None) -> list[Finding]:
    """Look at the broker, the topics and their partitions, and the workers' groups and lag."""
    if settings.kafka_bootstrap_servers is None:
        return missing(
            "kafka",
            "KAFKA_BOOTSTRAP_SERVERS is not set and nothing runs here: `ragline up`, or set it.",
        )
    servers = settings.kafka_bootstrap_servers
    try:
        async with TopicAdmin(KafkaConnection.of(settings)) as admin:
            counts = await admin.partition_counts([topic.name for topic in TOPICS])
            findings = ok("kafka", f"Brokers at {servers}.") + _check_topics(counts, partitions_cap)
            for worker in WORKERS:
                if INPUTS[worker].name in counts:
                    findings += await _check_worker(admin, worker)
    except BrokerUnavailable:
        return missing(
            "kafka",
            f"No broker answers at {servers}: start it (`ragline up` starts one), or correct "
            "KAFKA_BOOTSTRAP_SERVERS.",
        )
    return findings


def _check_topics(counts: dict[str, int], cap: int | None) -> list[Finding]:
    absent = [topic.name for topic in TOPICS if topic.name not in counts]
    if absent:
        return missing("topics", f"Missing: {', '.join(absent)}. Run `ragline topics apply`.")
    others = [
        f"{topic.name} has {counts[topic.name]} partitions and {wanted} are declared"
        for topic in TOPICS
        if counts[topic.name] != (wanted := _wanted(topic, cap))
    ]
    if others:
        return warn(
            "topics",
            f"{'; '.join(others)}. Set KAFKA_PARTITIONS to what is there, or run "
            "`ragline topics apply` to add partitions where keys allow it.",
        )
    return ok("topics", f"All {len(TOPICS)} are there, with their partitions.")


def _wanted(topic: Topic, cap: int | None) -> int:
    return min(topic.partitions, cap) if cap and topic.scalable else topic.partitions


async def _check_worker(admin: TopicAdmin, worker: WorkerName) -> list[Finding]:
    try:
        members = await admin.members(worker)
        lag = sum((await admin.lag(worker, INPUTS[worker].name)).values())
    except BrokerUnavailable:  # Kafka keeps no groups before the first one
        return warn(worker, f"Kafka knows of none yet: start one with `ragline worker {worker}`.")
    if not members:
        return warn(
            worker,
            f"None is running, {lag} records wait: start one with `ragline worker {worker}`.",
        )
    return ok(worker, f"{members} running, {lag} records wait.")
