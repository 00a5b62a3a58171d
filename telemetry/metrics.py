"""Figures for Prometheus: one registry for each application, so that two in one process do not mix."""

from collections.abc import Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MEDIA_TYPE = CONTENT_TYPE_LATEST
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds: from a cached read to the longest request that limits let pass."""


class Metrics:
    """Counters that the gateway keeps, and gauges that are read when they are asked for."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "syncline_gateway_requests", "Requests answered", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "syncline_gateway_request_seconds",
            "Time to answer",
            ["method", "route"],
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._accepted = Counter(
            "syncline_gateway_accepted", "Messages committed to the inbox", ["kind"], registry=self._registry
        )
        self._turned_away = Counter(
            "syncline_gateway_turned_away", "Connections refused or closed", ["why"], registry=self._registry
        )
        self._inbox = Gauge("syncline_inbox_messages", "Inbox messages by state", ["state"], registry=self._registry)
        self._pool = Gauge("syncline_database_pool", "Connection pool figures", ["figure"], registry=self._registry)
        self._refused = Gauge(
            "syncline_handoff_refused", "What Temporal has refused for good", ["what"], registry=self._registry
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered. `route` is the template, never the path: the path is unbounded."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def accepted(self, kind: str, messages: int = 1) -> None:
        """Messages of a kind were committed."""
        self._accepted.labels(kind).inc(messages)

    def turned_away(self, why: str) -> None:
        """A connection was refused or closed, because it was over a bound."""
        self._turned_away.labels(why).inc()

    def exposition(self, inbox: Mapping[str, int], pool: Mapping[str, Any], refused: Mapping[str, int]) -> bytes:
        """Everything in Prometheus' text format, with the inbox, the pool, and what Temporal has refused by now."""
        self._inbox.clear()
        for state, messages in inbox.items():
            self._inbox.labels(state).set(messages)
        for figure, value in pool.items():
            self._pool.labels(figure).set(value)
        for what, times in refused.items():
            self._refused.labels(what).set(times)
        return generate_latest(self._registry)
