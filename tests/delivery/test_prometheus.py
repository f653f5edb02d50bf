"""The counts, as Prometheus reads them."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from segment_identity import Analytics, Undeliverable
from segment_identity.destinations import Memory
from segment_identity.prometheus import StatsCollector

from .support import PATIENCE, Gate, emit

EVENTS = "segment_identity_events_total"


class Picky(Memory):
    """Takes no event called Poison."""

    def send(self, batch: object, /) -> None:
        """Refuse a batch with poison, or add it."""
        assert isinstance(batch, list)
        if any(b'"Poison"' in event for event in batch):
            raise Undeliverable
        super().send(batch)


def test_every_count_has_its_place(tmp_path: Path) -> None:
    gate = Gate()
    registry = CollectorRegistry()
    with Analytics(Picky(), gate, spool=tmp_path, before_send=_only_good) as analytics:
        registry.register(StatsCollector(analytics))
        emit(analytics, "One", "Poison", "Unwanted")
        assert analytics.store()
        assert gate.entered.wait(PATIENCE)
        assert not analytics.flush(0.5)

        def count(name: str, **labels: str) -> float | None:
            return registry.get_sample_value(name, labels)

        def events(destination: str, outcome: str, reason: str = "") -> float | None:
            return count(EVENTS, destination=destination, outcome=outcome, reason=reason)

        assert events("picky", "accepted") == 2
        assert events("picky", "delivered") == 1
        assert events("picky", "dead_lettered") == 1
        assert events("", "dropped", "before_send") == 1
        assert count("segment_identity_events_pending", destination="gate") == 2
        assert count("segment_identity_events_stored", destination="gate") == 2
        assert count("segment_identity_events_pending", destination="picky") == 0
        gate.opened.set()


def _only_good(message: dict[str, object]) -> dict[str, object] | None:
    return None if message["event"] == "Unwanted" else message


def test_no_label_says_who_it_was() -> None:
    registry = CollectorRegistry()
    with Analytics(Memory()) as analytics:
        registry.register(StatsCollector(analytics))
        analytics.identity(user_id="ada", anonymous_id="device-of-ada").track("Secret Event")
        assert analytics.flush(PATIENCE)
        exposed = generate_latest(registry).decode()
    assert f'{EVENTS}{{destination="memory",outcome="delivered",reason=""}} 1.0' in exposed
    assert not any(word in exposed for word in ("ada", "Secret"))
