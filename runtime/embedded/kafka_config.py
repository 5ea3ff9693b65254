"""What an embedded Kafka is told: its properties, its logging, its Java options."""

from pathlib import Path

_MEBIBYTE = 1024 * 1024

#: Kept as long as a person may leave this machine alone: 90 days, in minutes.
OFFSETS_RETENTION_MINUTES = 90 * 24 * 60

#: Log4j2 settings that keep 30 MB of Kafka's log, in the folder of the server.
LOGGING = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="ERROR" shutdownHook="disable">
  <Appenders>
    <RollingFile name="file" fileName="logs/kafka.log" filePattern="logs/kafka.log.%i">
      <PatternLayout pattern="%d{ISO8601} %p %m (%c{1})%n"/>
      <Policies><SizeBasedTriggeringPolicy size="10 MB"/></Policies>
      <DefaultRolloverStrategy max="2"/>
    </RollingFile>
  </Appenders>
  <Loggers>
    <Root level="INFO"><AppenderRef ref="file"/></Root>
    <Logger name="org.apache.kafka.common.config.AbstractConfig" level="WARN"/>
    <Logger name="kafka.server.KafkaConfig" level="WARN"/>
  </Loggers>
</Configuration>
"""


def server_properties(*, data: str, port: int, controller_port: int) -> str:
    """The properties of one node that is broker and controller, for loopback clients only.

    `data` is relative to the folder of the server: in a property, a comma would separate two
    paths and a letter beyond Latin-1 would be another one.
    """
    properties: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "message.max.bytes": _MEBIBYTE,
        "offsets.retention.minutes": OFFSETS_RETENTION_MINUTES,
        # A new group starts at once; waiting for more members pays only in large groups.
        "group.initial.rebalance.delay.ms": 0,
    }
    everything = properties | _single_node() | _small()
    return "".join(f"{name}={value}\n" for name, value in everything.items())


def java_options(*, heap: str, logging: Path, temporary: Path) -> list[str]:
    """Options for a small, quickly started Java that ends when it runs out of memory."""
    return [
        f"-Xmx{heap}",
        "-Xms64m",
        "-XX:+UseSerialGC",
        # The first compiler alone: as quickly up, with three fifths of the work.
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:ErrorFile=logs/java-crash-%p.log",
        "-Djava.awt.headless=true",
        "-Djava.net.preferIPv4Stack=true",
        f"-Djava.io.tmpdir={temporary}",
        f"-Dlog4j2.configurationFile={logging.as_uri()}",
        # The libraries for compression are native ones; without these two, Java warns of them.
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
    ]


def _single_node() -> dict[str, object]:
    return {
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # After a kill, the controller takes the new broker only once the session of the old one
        # has run out. Nobody else could take over, so there is nothing to be gained by patience.
        "broker.session.timeout.ms": 3_000,
        "broker.heartbeat.interval.ms": 500,
    }


def _small() -> dict[str, object]:
    """Fewer threads, partitions and buffers than for a machine that is nothing but a broker."""
    return {
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 4,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.num.partitions": 4,
        "log.cleaner.threads": 1,
        "log.cleaner.dedupe.buffer.size": 8 * _MEBIBYTE,
        "log.cleaner.io.buffer.size": 128 * 1024,
        "log.segment.bytes": 64 * _MEBIBYTE,
        "log.index.size.max.bytes": _MEBIBYTE,
    }
