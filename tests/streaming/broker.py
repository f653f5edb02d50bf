"""A real Kafka broker in KRaft mode, alone on its own machine."""

import base64
import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

JARS: Final = Path(__file__).parent / "jars"
# One client compiler and one collector: it is started for a minute, on a machine that has others.
_JAVA: Final = ("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp")
_START: Final = 30.0
_LOGIN: Final = "org.apache.kafka.common.security.plain.PlainLoginModule"
USER: Final = "shop"
PASSWORD: Final = "s3cr3t-pass"
_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
listeners=BROKER://127.0.0.1:{port},GUARDED://127.0.0.1:{guarded},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=BROKER://127.0.0.1:{port},GUARDED://127.0.0.1:{guarded}
listener.security.protocol.map=BROKER:PLAINTEXT,GUARDED:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.guarded.plain.sasl.jaas.config={login} required user_{user}="{password}";
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={folder}/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
"""


def missing() -> str | None:
    """Say what this machine lacks for a broker, or None."""
    if not shutil.which("java"):
        return "a Kafka broker needs Java 17: install a JRE, then run `make kafka`"
    if not list(JARS.glob("kafka_*.jar")):
        return "the jars of the Kafka broker are not here: run `make kafka` (it needs Maven)"
    return None


class Broker:
    """Runs in *folder*, which outlives it, so that it can be started again."""

    def __init__(self, folder: Path) -> None:
        self.port, self.guarded, controller = _free_ports(3)
        self._folder = folder
        self._settings = folder / "server.properties"
        self._settings.write_text(
            _PROPERTIES.format(
                port=self.port,
                guarded=self.guarded,
                controller=controller,
                folder=folder,
                login=_LOGIN,
                user=USER,
                password=PASSWORD,
            )
        )
        self._process: subprocess.Popen[bytes] | None = None
        cluster = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        format_log = ("kafka.tools.StorageTool", "format", "-t", f"A{cluster[1:]}", "-c")
        subprocess.run(
            [*_JAVA, f"{JARS}/*", *format_log, str(self._settings)],
            check=True,
            capture_output=True,
            timeout=_START,
        )

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"127.0.0.1:{self.port}"

    def url(self, topic: str, **options: object) -> str:
        """Return the URL of a topic; `session_timeout_ms` stands for `session.timeout.ms`."""
        query = "&".join(f"{key.replace('_', '.')}={value}" for key, value in options.items())
        return f"kafka://{self.address}/{topic}" + (f"?{query}" if query else "")

    def guarded_url(self, topic: str, password: str) -> str:
        """Return the URL of a topic where the broker wants a password."""
        where = f"{USER}:{password}@127.0.0.1:{self.guarded}/{topic}"
        return f"kafka://{where}?security.protocol=SASL_PLAINTEXT&message.timeout.ms=2000"

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self._folder / "out").open("ab") as out:
            self._process = subprocess.Popen(
                [*_JAVA, f"{JARS}/*", "kafka.Kafka", str(self._settings)], stdout=out, stderr=out
            )
        deadline = time.monotonic() + _START
        client = self._admin()
        while time.monotonic() < deadline:
            assert self._process.poll() is None, (self._folder / "out").read_text()
            with contextlib.suppress(KafkaException):
                client.list_topics(timeout=0.5)
                return
        raise AssertionError(f"the broker did not start within {_START:.0f} s")

    def stop(self) -> None:
        """End it as an administrator would."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def create(self, topic: str, partitions: int = 1, **config: object) -> None:
        """Make a topic; `max_message_bytes` stands for `max.message.bytes`."""
        named = {key.replace("_", "."): str(value) for key, value in config.items()}
        new = NewTopic(topic, partitions, 1, config=named)
        admin = self._admin()  # what it made ends with it
        for made in admin.create_topics([new]).values():
            made.result(_START)

    def records(self, topic: str) -> list[Message]:
        """Return everything on a topic, partition by partition; none if there is no such topic."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.address,
                "group.id": "tests that only look",
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        try:
            numbers = consumer.list_topics(topic, timeout=_START).topics[topic].partitions
            partitions = [TopicPartition(topic, number, 0) for number in numbers]
            wanted = sum(
                consumer.get_watermark_offsets(each, timeout=_START)[1] for each in partitions
            )
            consumer.assign(partitions)
            return sorted(_read(consumer, wanted), key=_place)
        finally:
            consumer.close()

    def committed(self, group: str, topic: str, partitions: int) -> int:
        """Return how many records of a topic a group is done with."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": group, "log_level": 0})
        try:
            wanted = [TopicPartition(topic, number) for number in range(partitions)]
            return sum(max(0, each.offset) for each in consumer.committed(wanted, timeout=_START))
        finally:
            consumer.close()

    def members(self, group: str) -> list[int]:
        """Return how many partitions each member of a group has; none while nobody knows."""
        admin = self._admin()
        [described] = admin.describe_consumer_groups([group]).values()
        try:
            members = described.result(_START).members
        except KafkaException:
            # It has just started, and looks for who coordinates the group.
            return []
        return [len(each.assignment.topic_partitions) for each in members]

    def _admin(self) -> AdminClient:
        config: Mapping[str, Any] = {"bootstrap.servers": self.address, "log_level": 0}
        return AdminClient(dict(config))


def _read(consumer: Consumer, wanted: int) -> list[Message]:
    found: list[Message] = []
    deadline = time.monotonic() + _START
    while len(found) < wanted:
        assert time.monotonic() < deadline, f"{len(found)} of {wanted} records came"
        found += [each for each in consumer.consume(wanted, 0.1) if not each.error()]
    return found


def _place(message: Message) -> tuple[int, int]:
    return message.partition() or 0, message.offset() or 0


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
