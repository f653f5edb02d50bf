"""Where a Kafka topic is, and which of librdkafka's options its URL may set."""

import difflib
import re
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, unquote

import msgspec

from segment_identity.errors import ConfigurationError, UnknownOption

Role = Literal["producer", "consumer"]

_URL: Final = re.compile(r"kafka://(?:([^/?#]*)@)?([^/?#@]+)/([^?#]*)(?:\?([^#]*))?")
# A host name, an IPv4 address, or an IPv6 address in brackets; librdkafka's own port is 9092.
_BROKER: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PORT: Final = re.compile(r":[0-9]+$")
_MAX_PORT: Final = 65_535
_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")
_WANTED: Final = "want 'kafka://broker1:9092,broker2:9092/topic?option=value'"

# What a URL may say. Not in the lists: what this package's promises rest on (acks, idempotence, the
# partitioner, commits), and what loads a library or runs a command.
_COMMON: Final = """
    broker.address.family broker.address.ttl client.dns.lookup client.id client.rack
    connections.max.idle.ms enable.ssl.certificate.verification message.max.bytes
    metadata.max.age.ms receive.message.max.bytes reconnect.backoff.max.ms reconnect.backoff.ms
    retry.backoff.max.ms retry.backoff.ms sasl.kerberos.keytab sasl.kerberos.principal
    sasl.kerberos.service.name sasl.mechanism sasl.oauthbearer.client.id
    sasl.oauthbearer.client.secret sasl.oauthbearer.extensions sasl.oauthbearer.method
    sasl.oauthbearer.scope sasl.oauthbearer.token.endpoint.url sasl.password sasl.username
    security.protocol socket.connection.setup.timeout.ms socket.keepalive.enable
    socket.nagle.disable socket.receive.buffer.bytes socket.send.buffer.bytes socket.timeout.ms
    ssl.ca.location ssl.ca.pem ssl.certificate.location ssl.certificate.pem ssl.cipher.suites
    ssl.endpoint.identification.algorithm ssl.key.location ssl.key.password ssl.key.pem
    ssl.keystore.location ssl.keystore.password topic.metadata.refresh.interval.ms
    """
_OWN: Final[Mapping[Role, str]] = {
    "producer": """
    batch.num.messages batch.size compression.level compression.type linger.ms message.timeout.ms
    queue.buffering.max.kbytes queue.buffering.max.messages request.timeout.ms
    """,
    "consumer": """
    allow.auto.create.topics auto.offset.reset check.crcs fetch.error.backoff.ms fetch.max.bytes
    fetch.min.bytes fetch.wait.max.ms group.instance.id group.protocol group.remote.assignor
    heartbeat.interval.ms isolation.level max.partition.fetch.bytes max.poll.interval.ms
    queued.max.messages.kbytes queued.min.messages session.timeout.ms
    """,
}
OPTIONS: Final[Mapping[Role, frozenset[str]]] = {
    role: frozenset((_COMMON + own).split()) for role, own in _OWN.items()
}
_ALL: Final = sorted(OPTIONS["producer"] | OPTIONS["consumer"])


class Topic(msgspec.Struct, frozen=True):
    """One topic of one cluster; *options* are librdkafka's, and hold what may not be shown."""

    brokers: str
    name: str
    options: Mapping[str, str]

    def __repr__(self) -> str:
        return f"kafka://{self.brokers}/{self.name}"

    def named(self, name: str) -> "Topic":
        """Return another topic of the same cluster."""
        return Topic(self.brokers, checked_name(name), self.options)

    def is_same_as(self, other: "Topic") -> bool:
        """Tell whether both surely are one topic: of one name, with a broker in common."""
        return self.name == other.name and not _hosts(self).isdisjoint(_hosts(other))

    def settings(self, role: Role) -> dict[str, Any]:
        """Return what librdkafka is told for *role*; the options of the other one are left out."""
        own = {name: value for name, value in self.options.items() if name in OPTIONS[role]}
        return {"bootstrap.servers": self.brokers, **own}


def topic(url: str) -> Topic:
    """Read `kafka://[user:password@]broker:9092,…/topic?option=value`.

    A user and a password mean SASL PLAIN over TLS unless options say otherwise. Raises
    `ConfigurationError`, which quotes neither the URL nor an option's value.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"Kafka was given {type(url).__name__} as a URL; {_WANTED}")
    found = _URL.fullmatch(url)
    if found is None:
        raise ConfigurationError(f"Kafka was given a URL that it cannot read; {_WANTED}")
    credentials, brokers, name, query = found.groups()
    for broker in brokers.split(","):
        port = _PORT.search(broker)
        if not _BROKER.fullmatch(broker) or (port and int(port[0][1:]) > _MAX_PORT):
            raise ConfigurationError(f"Kafka was given a URL with a broker that is none; {_WANTED}")
    return Topic(brokers, checked_name(name), {**_login(credentials), **_options(query or "")})


def checked_name(name: str) -> str:
    """Return *name* if a topic can have it."""
    if not isinstance(name, str):
        raise ConfigurationError(
            f"Kafka was given {type(name).__name__} as the name of a topic; want a str"
        )
    if not _TOPIC.fullmatch(name) or name in (".", ".."):
        shown = repr(name[:40]) if name else "none"
        raise ConfigurationError(
            f"Kafka was given {shown} as the name of a topic; want letters, digits, '.', '_' and "
            "'-', at most 249"
        )
    return name


def _hosts(topic: Topic) -> set[str]:
    brokers = topic.brokers.lower().split(",")
    return {each if _PORT.search(each) else f"{each}:9092" for each in brokers}


def _login(credentials: str | None) -> Mapping[str, str]:
    if credentials is None:
        return {}
    user, colon, password = credentials.partition(":")
    if not user or not colon:
        raise ConfigurationError("Kafka was given a URL with '@'; want 'user:password' before it")
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": unquote(user),
        "sasl.password": unquote(password),
    }


def _options(query: str) -> Mapping[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _ALL:
            close = difflib.get_close_matches(name, _ALL, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "it has: " + ", ".join(_ALL)
            raise UnknownOption(f"a kafka: URL has no option {name[:60]!r}; {hint}")
        if name in options:
            raise ConfigurationError(f"a kafka: URL was given {name!r} twice; want it once")
        options[name] = value
    return options
