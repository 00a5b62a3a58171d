"""Reported problems of an order: issues of partners, shortages of sites, refusals of systems, alarms."""

import json
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple, Self

from domain.orders.demand import StatePart
from schemas.base import Contract, Moment
from schemas.messaging.order_effects import OrderEffect
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.plurals import counted

UNTYPED = "other"
"""Name of the kind of issue of which nobody said the cause."""


def content_of(event: MilestoneEvent) -> str:
    """The content and time of a report, as a short name: partners repeat a report under another id.

    A report of the same kind that happened at another moment, or concerns other packs, is another one.
    """
    lines = sorted((line.line, line.quantity) for line in event.lines)
    said = [event.partner, event.kind, event.shipment, event.cause, event.occurred_at.isoformat(), event.reason, lines]
    return sha256(json.dumps(said).encode()).hexdigest()[:16]


class IssueKey(NamedTuple):
    """The key of an issue in an order's state, `<cause>/<shipment>`.

    The cause is `other` when nobody said one; the shipment is empty for the whole order.
    """

    cause: str
    shipment: str

    @classmethod
    def of(cls, event: MilestoneEvent) -> Self:
        """The issue that a report is about."""
        return cls(event.cause or UNTYPED, event.shipment)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        cause, slash, shipment = text.partition("/")
        if not slash:
            raise ValueError(f"{text!r} names no issue: it must be <cause>/<shipment>")
        return cls(cause, shipment)

    def __str__(self) -> str:
        return f"{self.cause}/{self.shipment}"


MOST_NAMED = 5
"""Lines that a text names one by one: a person reads no more at a glance."""


def in_words(lines: Iterable[ShippedLine]) -> str:
    """Packs of lines in words: `1 pack of line 2 and 3 packs of line 4`."""
    packs: dict[int, int] = {}
    for x in lines:
        packs[x.line] = packs.get(x.line, 0) + x.quantity
    named = [f"{counted(n, 'pack')} of line {line}" for line, n in list(packs.items())[:MOST_NAMED]]
    more = len(packs) - len(named)
    if more:
        named.append(f"{sum(list(packs.values())[MOST_NAMED:])} of {counted(more, 'other line')}")
    return " and ".join((", ".join(named[:-1]), named[-1])) if len(named) > 1 else "".join(named)


class ReportedIssue(Contract):
    """The last report of a partner on one kind of issue with one shipment: that there is one, or that it is over."""

    said_at: Moment
    event: str
    open: bool
    lines: tuple[ShippedLine, ...] = ()
    reason: str = ""
    sequence: int = 0

    def newer_than(self, other: "ReportedIssue | None") -> bool:
        """Whether this word replaces the other one."""
        return other is None or self._place > other._place

    @property
    def _place(self) -> tuple[datetime, int, str]:
        return self.said_at, self.sequence, self.event


class Shortage(Contract):
    """Packs that a site could not pick, and what became of them: `covered` says how, empty while nobody knows.
    `items`: what the lines asked for then. `said`: the report's content."""

    site: str
    lines: tuple[ShippedLine, ...]
    reason: str = ""
    covered: str = ""
    items: dict[int, str] = {}  # noqa: RUF012 - pydantic copies field defaults
    said: str = ""


class RefusedEffect(Contract):
    """An effect that a system refused by its own rule, kept so that it can be tried again. `said`: both sides, where
    nobody knows whether it was done."""

    effect: OrderEffect
    origin: str
    at: Moment
    said: str = ""


class OrderIssues(StatePart):
    """Problems of an order, now and before.

    `reported_issues`: what partners said last, by `IssueKey`. `report_digests`: the contents of all their reports, by
    which repeats are known. `shortages`: by the event that reported them. `refused_effects`: by the effect's key.
    `passed_alarms`: names of deadlines that have passed.
    """

    reported_issues: dict[str, ReportedIssue] = {}  # noqa: RUF012 - pydantic copies field defaults
    report_digests: tuple[str, ...] = ()
    shortages: dict[str, Shortage] = {}  # noqa: RUF012
    refused_effects: dict[str, RefusedEffect] = {}  # noqa: RUF012
    passed_alarms: tuple[str, ...] = ()
