"""What stands beside the milestones in an order's state: shortages, sources, tenders, troubles, refusals."""

import json
from collections.abc import Iterable
from datetime import date, datetime
from hashlib import sha256
from typing import NamedTuple, Self

from schemas.base import Contract, Moment
from schemas.cases.exceptions import ExceptionKind
from schemas.messaging.effects import Effect
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.words import counted

UNTYPED = "other"
"""Name of the kind of trouble of which nobody said the cause."""


def content_of(event: MilestoneEvent) -> str:
    """What a report says, and when it happened, as a short name: partners repeat a report under another id.

    A report of the same kind that happened at another moment, or concerns other packs, is another one.
    """
    lines = sorted((line.line, line.quantity) for line in event.lines)
    said = [event.partner, event.kind, event.shipment, event.cause, event.occurred_at.isoformat(), event.reason, lines]
    return sha256(json.dumps(said).encode()).hexdigest()[:16]


class TroubleKey(NamedTuple):
    """What a trouble is known by in an order's state, `<cause>/<shipment>`.

    The cause is `other` when nobody said one; the shipment is empty for the whole order.
    """

    cause: str
    shipment: str

    @classmethod
    def of(cls, event: MilestoneEvent) -> Self:
        """The trouble that a report is about."""
        return cls(event.cause or UNTYPED, event.shipment)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        cause, slash, shipment = text.partition("/")
        if not slash:
            raise ValueError(f"{text!r} names no trouble: it must be <cause>/<shipment>")
        return cls(cause, shipment)

    def __str__(self) -> str:
        return f"{self.cause}/{self.shipment}"


MOST_NAMED = 5
"""Lines that a text names one by one: a person reads no more at a glance."""


def in_words(lines: Iterable[ShippedLine]) -> str:
    """How many packs of which lines: `1 pack of line 2 and 3 packs of line 4`."""
    packs: dict[int, int] = {}
    for x in lines:
        packs[x.line] = packs.get(x.line, 0) + x.quantity
    named = [f"{counted(n, 'pack')} of line {line}" for line, n in list(packs.items())[:MOST_NAMED]]
    more = len(packs) - len(named)
    if more:
        named.append(f"{sum(list(packs.values())[MOST_NAMED:])} of {counted(more, 'other line')}")
    return " and ".join((", ".join(named[:-1]), named[-1])) if len(named) > 1 else "".join(named)


class Trouble(Contract):
    """What a partner last said of one kind of trouble with one shipment: that there is some, or that it is over."""

    said_at: Moment
    event: str
    open: bool
    lines: tuple[ShippedLine, ...] = ()
    reason: str = ""
    sequence: int = 0

    def newer_than(self, other: "Trouble | None") -> bool:
        """Whether this word replaces the other one."""
        return other is None or self._place > other._place

    @property
    def _place(self) -> tuple[datetime, int, str]:
        return self.said_at, self.sequence, self.event


class Short(Contract):
    """Packs that a site could not pick, and what became of them: `covered` says how, empty while nobody knows.
    `items`: what the lines asked for then. `said`: the report's content."""

    site: str
    lines: tuple[ShippedLine, ...]
    reason: str = ""
    covered: str = ""
    items: dict[int, str] = {}  # noqa: RUF012
    said: str = ""


class OtherSource(Contract):
    """Another site that was told to send a part of the order. `ref` makes its effects' keys unique."""

    site: str
    lines: tuple[ShippedLine, ...]
    ref: str


class PickedBefore(Contract):
    """Packs of a line that a site had picked before the line got another item."""

    site: str
    line: int
    item: str
    quantity: int


class TenderState(Contract):
    """The offer of the transport to carriers, one after the other. `key` is the effect of the attempt under way.

    `pending_since`: the transport desk took the tender and named no carrier yet. `exhausted`: nobody is left to ask.
    """

    key: str = ""
    attempt: int = 1
    carrier: str = ""
    accepted: bool = False
    pending_since: Moment | None = None
    rejected: tuple[str, ...] = ()
    exhausted: bool = False


class RefusedEffect(Contract):
    """An effect that a system refused by its own rule, kept so that it can be tried again. `said`: both sides, where
    nobody knows whether it was done."""

    effect: Effect
    origin: str
    at: Moment
    said: str = ""


class OpenProposal(Contract):
    """A re-plan that a planner has been asked about."""

    kind: str
    subject: str
    proposed_on: date
    lines: tuple[ShippedLine, ...] = ()


class KnownCase(Contract):
    """The newest case of one kind: its number, and what it was about last.

    `settled`: what people have resolved although it is still wrong, and how big that was (`accepted`); it is not raised
    again before it was cured or is worse. `told` names what the case heard last; 0: an earlier build did not say.
    """

    kind: ExceptionKind
    number: int
    open: bool
    subjects: tuple[str, ...]
    reopened: int = 0
    settled: tuple[str, ...] = ()
    accepted: dict[str, int] = {}  # noqa: RUF012 - pydantic copies field defaults
    told: int = 0
