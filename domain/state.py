"""The state of an order, and what follows from it: status, quantities, promises, what is still missing.

State only grows: milestones seen are a set, times keep the earliest report, ETAs the newest. So the order in which
messages arrive cannot change where an order ends, and its rank cannot fall.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from domain.delay import redated
from domain.variants import BY_RANK, PLANS, RANK, STATUS_OF
from schemas.base import Contract, Moment
from schemas.effects import Effect
from schemas.lifecycle import OrderStart
from schemas.milestones import MilestoneKind, ShippedLine
from schemas.orders import LineDue, LinePromise, OrderStatus

WHOLE_ORDER = ""
"""Key of the pseudo-shipment for reports that name the order and no shipment: it carries every line."""
SCAN_GRACE = timedelta(hours=1)
"""After the promised day has ended, this long without a delivery scan is `no_scan`."""
COMPLETION_GRACE = timedelta(hours=24)
"""A delivered order waits this long for reports that are still missing, then closes without them."""


class EtaReport(Contract):
    """An ETA and when it was said; of two reports the one said later counts, then the one with the larger id."""

    eta: Moment
    said_at: Moment
    event: str

    def newer_than(self, other: "EtaReport | None") -> bool:
        """Whether this report replaces the other one."""
        return other is None or (self.said_at, self.event) > (other.said_at, other.event)


class ShipmentState(Contract):
    """What has been reported on one shipment."""

    seen: dict[MilestoneKind, Moment] = {}  # noqa: RUF012 - pydantic copies field defaults
    lines: tuple[ShippedLine, ...] = ()
    eta: EtaReport | None = None

    @property
    def rank(self) -> int:
        """Rank of the furthest milestone seen; 0 when nothing with a rank was."""
        return max((RANK[STATUS_OF[kind]] for kind in self.seen), default=0)

    @property
    def status(self) -> OrderStatus:
        """The furthest milestone as a status."""
        return BY_RANK[self.rank]

    @property
    def delivered_at(self) -> datetime | None:
        """When it was delivered: the delivery scan, else the proof of delivery."""
        return self.seen.get(MilestoneKind.DELIVERED) or self.seen.get(MilestoneKind.PROOF_OF_DELIVERY)


class OrderState(Contract):
    """Everything the workflow knows of its order. Frozen: each event makes a new one."""

    start: OrderStart
    shipments: dict[str, ShipmentState] = {}  # noqa: RUF012
    cancelled: str | None = None
    exceptions: tuple[str, ...] = ()
    carrier: str = ""
    overdue: bool = False
    closed: bool = False
    version: int = 0

    @property
    def rank(self) -> int:
        """Rank of the whole order: that of its slowest line, counted by quantity over all shipments."""
        return min(self._line_rank(line) for line in self.start.lines)

    @property
    def status(self) -> OrderStatus:
        """Where the order is."""
        if self.cancelled is not None:
            return OrderStatus.CANCELLED
        return OrderStatus.CLOSED if self.closed else BY_RANK[self.rank]

    @property
    def conditions(self) -> tuple[str, ...]:
        """Conditions beside the rank: delayed, no_scan, exception."""
        found = []
        if self.promised_on > self.start.promise.promised_on:
            found.append("delayed")
        if self.overdue and self.rank < RANK[OrderStatus.DELIVERED]:
            found.append("no_scan")
        if self.exceptions:
            found.append("exception")
        return tuple(found)

    def _line_rank(self, line: LineDue) -> int:
        ranks = sorted({shipment.rank for shipment in self.shipments.values()}, reverse=True)
        for rank in ranks:
            if self.moved(line, rank) >= line.quantity:
                return max(rank, RANK[OrderStatus.PROMISED])
        return RANK[OrderStatus.PROMISED]

    def moved(self, line: LineDue, rank: int) -> int:
        """How many packs of a line have reached a rank; never more than were ordered."""
        whole = self.shipments.get(WHOLE_ORDER)
        if whole is not None and whole.rank >= rank:
            return line.quantity
        return min(line.quantity, sum(q for shipment, q in self.carrying(line.line) if shipment.rank >= rank))

    def carrying(self, line: int) -> Iterator[tuple[ShipmentState, int]]:
        """The shipments that carry a line, with how many packs."""
        for name in sorted(self.shipments):
            for carried in self.shipments[name].lines:
                if carried.line == line:
                    yield self.shipments[name], carried.quantity

    def delivered_at(self, line: LineDue) -> datetime | None:
        """When the last pack of a line was delivered; None while some are not."""
        if self.moved(line, RANK[OrderStatus.DELIVERED]) < line.quantity:
            return None
        times = [shipment.delivered_at for shipment, _ in self.carrying(line.line)]
        if WHOLE_ORDER in self.shipments:
            times.append(self.shipments[WHOLE_ORDER].delivered_at)
        return max((moment for moment in times if moment), default=None)

    @property
    def promises(self) -> tuple[LinePromise, ...]:
        """The day promised now for each line: the first promise, or the day of a late ETA on what carries it."""
        return tuple(
            LinePromise(line=first.line, promised_on=redated(self._eta(first.line), first.promised_on))
            for first in self.start.promise.lines
        )

    def _eta(self, line: int) -> datetime | None:
        reports = [shipment.eta for shipment, _ in self.carrying(line)]
        if WHOLE_ORDER in self.shipments:
            reports.append(self.shipments[WHOLE_ORDER].eta)
        return max((report.eta for report in reports if report), default=None)

    @property
    def promised_on(self) -> date:
        """The day promised now for the whole order."""
        return max(line.promised_on for line in self.promises)

    @property
    def eta(self) -> datetime | None:
        """The latest ETA of any shipment."""
        return max((shipment.eta.eta for shipment in self.shipments.values() if shipment.eta), default=None)

    @property
    def delay_minutes(self) -> int:
        """Minutes from the end of the first promised day to the ETA; 0 when the ETA keeps it."""
        if self.eta is None:
            return 0
        return max(0, int((self.eta - end_of(self.start.promise.promised_on)).total_seconds() // 60))

    def missing(self) -> tuple[tuple[str, MilestoneKind], ...]:
        """(shipment, milestone) still to be reported before the order may close without waiting."""
        required = {kind for kind, step in PLANS[self.start.variant].steps.items() if step.required}
        if self.start.proof_of_delivery_required:
            required.add(MilestoneKind.PROOF_OF_DELIVERY)
        whole = self.shipments.get(WHOLE_ORDER, ShipmentState()).seen
        names = [name for name in sorted(self.shipments) if name != WHOLE_ORDER] or [WHOLE_ORDER]
        return tuple(
            (name, kind)
            for name in names
            for kind in sorted(required)
            if kind not in whole and kind not in self.shipments.get(name, ShipmentState()).seen
        )

    @property
    def delivered(self) -> bool:
        """Every pack of every line has been delivered."""
        return self.rank >= RANK[OrderStatus.DELIVERED]

    @property
    def complete(self) -> bool:
        """Delivered, and everything that must be reported was."""
        return self.delivered and not self.missing()

    def deadline(self) -> tuple[datetime, str] | None:
        """When something should have been heard, and what. None for an order that replays past business time."""
        if self.start.clock == "events" or self.cancelled is not None or self.complete:
            return None
        if self.delivered:
            last = max(moment for shipment in self.shipments.values() for moment in shipment.seen.values())
            return last + COMPLETION_GRACE, "missing reports"
        return None if self.overdue else (end_of(self.promised_on) + SCAN_GRACE, "delivery")


def end_of(day: date) -> datetime:
    """The end of a day, UTC."""
    return datetime.combine(day, time.max, UTC)


class OrderRun(Contract):
    """What a run of an order's workflow starts with; `state` and the rest when an earlier run continues here."""

    start: OrderStart
    state: OrderState | None = None
    seen: tuple[str, ...] = ()
    owed: tuple[Effect, ...] = ()
    history: tuple[str, ...] = ()
    failure_origin: str = ""
