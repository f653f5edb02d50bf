"""`StatsCollector`: the counts of an `Analytics` for Prometheus (extra `prometheus`).

    from prometheus_client import REGISTRY
    REGISTRY.register(StatsCollector(analytics))

Nothing is counted twice: the numbers are read from `stats()` when Prometheus asks for them.
"""

from collections.abc import Iterator

from segment_identity.analytics import Analytics
from segment_identity.delivery.accounts import Stats
from segment_identity.destinations import extras

try:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector
except ModuleNotFoundError as error:
    raise extras.missing(error, "StatsCollector", "prometheus") from error


class StatsCollector(Collector):
    """Collects `segment_identity_events_total` by destination, outcome and reason, the events
    pending and stored by destination, and our own caught errors by reason.

    The *outcome* is accepted, delivered, dropped or dead_lettered; *reason* says why one was
    dropped. What was dropped before it reached any destination has the destination "".
    """

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics

    def describe(self) -> Iterator[Metric]:
        """Name the metrics, so that registering asks for no counts yet."""
        return _families(None)

    def collect(self) -> Iterator[Metric]:
        """Return the counts as they are now."""
        return _families(self._analytics.stats())


def _families(stats: Stats | None) -> Iterator[Metric]:
    events = CounterMetricFamily(
        "segment_identity_events",
        "Events by what became of them",
        labels=["destination", "outcome", "reason"],
    )
    pending = GaugeMetricFamily(
        "segment_identity_events_pending", "Events that wait", labels=["destination"]
    )
    stored = GaugeMetricFamily(
        "segment_identity_events_stored",
        "Events that wait and are safe in the spool",
        labels=["destination"],
    )
    faults = CounterMetricFamily(
        "segment_identity_faults", "Errors of our own that were caught", labels=["reason"]
    )
    if stats is not None:
        for name, account in {"": stats.capture, **stats.destinations}.items():
            events.add_metric([name, "accepted", ""], account.accepted)
            events.add_metric([name, "delivered", ""], account.delivered)
            events.add_metric([name, "dead_lettered", ""], account.dead_lettered)
            for reason, count in account.dropped.items():
                events.add_metric([name, "dropped", reason], count)
            pending.add_metric([name], account.pending)
            stored.add_metric([name], account.stored)
        for reason, count in stats.faults.items():
            faults.add_metric([reason], count)
    yield from (events, pending, stored, faults)
