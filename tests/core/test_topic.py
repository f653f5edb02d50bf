"""What a kafka: URL may say, and what its errors and texts never do."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.errors import ConfigurationError, UnknownOption
from segment_identity.topic import OPTIONS, topic


def test_a_url_names_brokers_topic_and_options() -> None:
    read = topic("kafka://one:9092,[::1]:9093,10.0.0.1/shop.events?linger.ms=20&client.id=a%20b")
    assert read.brokers == "one:9092,[::1]:9093,10.0.0.1"
    assert read.name == "shop.events"
    assert read.options == {"linger.ms": "20", "client.id": "a b"}


def test_each_role_is_told_its_own_options_only() -> None:
    """Thus one URL serves the app that writes and the command that reads."""
    read = topic("kafka://b/t?linger.ms=20&fetch.min.bytes=9&client.id=shop")
    common = {"bootstrap.servers": "b", "client.id": "shop"}
    assert read.settings("producer") == {**common, "linger.ms": "20"}
    assert read.settings("consumer") == {**common, "fetch.min.bytes": "9"}


def test_a_user_and_a_password_mean_sasl_over_tls() -> None:
    read = topic("kafka://sh%40p:p%2Fw%3A1@b:9092/t")
    assert read.options == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "sh@p",
        "sasl.password": "p/w:1",
    }
    other = topic("kafka://u:p@b/t?sasl.mechanism=SCRAM-SHA-512&security.protocol=SASL_PLAINTEXT")
    assert other.options["sasl.mechanism"] == "SCRAM-SHA-512"
    assert other.options["security.protocol"] == "SASL_PLAINTEXT"


def test_a_topic_shows_neither_user_nor_options() -> None:
    read = topic("kafka://user:pass@b:9092/t?ssl.key.password=word")
    assert repr(read) == "kafka://b:9092/t"
    assert repr(read.named("t.dead-letters")) == "kafka://b:9092/t.dead-letters"
    assert read.named("other").options == read.options


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("kafka://one:9092,two:9092/shop", True),
        ("kafka://user:pass@TWO/shop?client.id=x", True),
        ("kafka://two:9093/shop", False),
        ("kafka://three:9092/shop", False),
        ("kafka://one:9092/shop.events", False),
        ("kafka://[::1]/shop", True),
        ("kafka://[::1]:9093/shop", False),
    ],
)
def test_topics_of_one_name_with_a_broker_in_common_are_the_same(other: str, same: bool) -> None:
    here = topic("kafka://one:9092,two:9092,[::1]:9092/shop")
    assert here.is_same_as(topic(other)) is same
    assert topic(other).is_same_as(here) is same


@pytest.mark.parametrize(
    "url",
    [
        "kafka:",
        "kafka://",
        "kafka:///t",
        "kafka://b",
        "kafka://b/",
        "kafka://b/t/u",
        "kafka://b/..",
        "kafka://b/a topic",
        "kafka://b/" + "t" * 250,
        "kafka://b,/t",
        "kafka://b:port/t",
        "kafka://http://b/t",
        "kafka://user@b/t",
        "kafka://:pass@b/t",
        "kafka://b/t#part",
        "amqp://b/t",
    ],
)
def test_a_url_that_cannot_work_is_refused_in_words(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^Kafka was given .*; ?want "):
        topic(url)


def test_a_misspelt_option_is_named_and_its_value_is_not() -> None:
    with pytest.raises(UnknownOption) as caught:
        topic("kafka://b/t?sasl.pasword=s3cr3t")
    assert str(caught.value) == (
        "a kafka: URL has no option 'sasl.pasword'; did you mean 'sasl.password'?"
    )


@pytest.mark.parametrize(
    "option",
    """
    acks enable.idempotence partitioner enable.auto.commit group.id bootstrap.servers debug
    plugin.library.paths sasl.kerberos.kinit.cmd
    """.split(),
)
def test_what_promises_rest_on_is_no_option(option: str) -> None:
    with pytest.raises(UnknownOption, match=f"no option '{re.escape(option)}'"):
        topic(f"kafka://b/t?{option}=1")


def test_an_option_given_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'linger\.ms' twice; want it once"):
        topic("kafka://b/t?linger.ms=1&linger.ms=2")


@given(
    secret=st.text("abcdefghijklmnop0123456789", min_size=12, max_size=20),
    shape=st.sampled_from(
        [
            "kafka://user:{}@b/t",
            "kafka://user:{}@b",
            "kafka://user:{}@/t",
            "kafka://{}@b/t",
            "kafka://b/t?sasl.password={}",
            "kafka://b/t?sasl.pass={}",
            "kafka://b/t?sasl.password={0}&sasl.password={0}",
            "kafka://user:{}@b/t t",
            "kafka://user:{}@b;c/t",
        ]
    ),
)
def test_no_error_and_no_text_shows_a_password(secret: str, shape: str) -> None:
    try:
        shown = repr(topic(shape.format(secret)))
    except ConfigurationError as error:
        shown = f"{error!r} {error.__cause__!r}"
    assert secret not in shown


def test_there_are_options_for_both_roles() -> None:
    assert "compression.type" in OPTIONS["producer"] - OPTIONS["consumer"]
    assert "session.timeout.ms" in OPTIONS["consumer"] - OPTIONS["producer"]
    assert "sasl.password" in OPTIONS["producer"] & OPTIONS["consumer"]
