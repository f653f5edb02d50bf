"""Make librdkafka's clients: their settings checked, their noise tamed, their errors understood."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from segment_identity.errors import ConfigurationError, Unauthorized, Unavailable, Undeliverable
from segment_identity.logs import Throttle, logger
from segment_identity.topic import Role, Topic

Client = TypeVar("Client", Producer, Consumer)

_PROPERTY: Final = re.compile(r'property:? "([a-z.]+)"')
# These lie in the event, whichever broker takes it.
_IN_THE_EVENT: Final = frozenset(
    {
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
    }
)
_REFUSALS: Final = frozenset(
    {
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError._AUTHENTICATION,
    }
)
# librdkafka logs the first two beside calling back with the error itself, which says more, and the
# third while it waits for a broker that has just started.
_TOLD: Final = frozenset({"FAIL", "ERROR", "GETPID"})
_WARNING: Final = 30


class Voice:
    """Passes on what librdkafka has to say: one line per reason and minute, never its text."""

    def __init__(self, topic: Topic) -> None:
        self._name = topic.name
        self._throttle = Throttle()
        # Why the brokers could not be reached, for whoever waited in vain.
        self.trouble: KafkaError | None = None

    def log(self, level: int, _: str, facility: str, *rest: object) -> None:
        """Take a line of librdkafka's log."""
        if level >= _WARNING and facility not in _TOLD:
            self.say(facility)

    def failed(self, error: KafkaError) -> None:
        """Take an error that concerns the client as a whole."""
        known = self.trouble
        if known is None or known.code() not in _REFUSALS:
            self.trouble = error
        self.say(error.name())

    def say(self, reason: str) -> None:
        """Log *reason*, unless it was logged within the last minute."""
        if self._throttle.allows(reason, time.monotonic()):
            logger.warning("kafka topic %s: %s", self._name, reason)


def settings(
    topic: Topic, role: Role, voice: Voice, defaults: Mapping[str, Any], fixed: Mapping[str, Any]
) -> dict[str, Any]:
    """Return all settings of a client: *defaults*, the URL's, then *fixed*."""
    quiet = {"error_cb": voice.failed, "logger": voice, "log.connection.close": False}
    return {**quiet, **defaults, **topic.settings(role), **fixed}


def opened(build: Callable[[dict[str, Any]], Client], config: Mapping[str, Any]) -> Client:
    """Return a client; raises `ConfigurationError` for settings that librdkafka refuses."""
    try:
        return build(dict(config))
    except KafkaException as error:
        # Its text may quote a password, and a chain of errors is printed whole.
        why = _why(error, config)
        raise ConfigurationError(f"Kafka was given options that do not work: {why}") from None
    except (TypeError, ValueError) as error:
        raise ConfigurationError("Kafka was given options of the wrong kind") from error


def check(build: Callable[[dict[str, Any]], Client], config: Mapping[str, Any]) -> None:
    """Raise `ConfigurationError` if *config* cannot work, without reaching for a broker."""
    opened(build, {name: value for name, value in config.items() if name != "bootstrap.servers"})


def _why(error: KafkaException, config: Mapping[str, Any]) -> str:
    """Return librdkafka's words unless they quote a value, which may be a secret."""
    text = str(error.args[0].str()).strip()
    if text.startswith("No such configuration property"):
        return text
    if not any(value in text for value in config.values() if isinstance(value, str) and value):
        return text
    quoted = _PROPERTY.search(text)
    names = [name for name in config if name in text] or ([quoted[1]] if quoted else [])
    return f"the value of {' or '.join(names) or 'one of them'} cannot be used"


def explained(error: KafkaError, trouble: KafkaError | None = None) -> Exception:
    """Return what a lane understands; *trouble* is what was amiss with the client meanwhile."""
    if error.code() in _IN_THE_EVENT:
        return Undeliverable(error.name())
    reasons = [error] if trouble is None else [error, trouble]
    text = ", ".join(each.name() for each in reasons)
    if any(each.code() in _REFUSALS for each in reasons):
        return Unauthorized(text)
    return Unavailable(text)
