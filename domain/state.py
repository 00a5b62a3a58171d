"""The state of an order, and what follows from it: status, quantities, promises, what is still missing.

What partners report only grows the state: milestones seen are a set, times keep the earliest report, ETAs and troubles
the newest. So the order in which messages arrive cannot change where an order ends, and no report makes its rank fall.
Commands (amend, cancel, …) are applied in the order in which the workflow takes them in.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Any, Self

from domain.delay import Band, band
from domain.shipments import ShipmentState
from domain.trouble import KnownCase, OpenProposal, RefusedEffect, Short, Source, TenderState, Trouble
from domain.variants import BY_RANK, PLANS, RANK
from schemas.base import Contract
from schemas.effects import Effect
from schemas.lifecycle import OrderStart
from schemas.milestones import MilestoneKind
from schemas.orders import LineDue, LinePromise, OrderStatus
from schemas.returns import ReturnOutcome

WHOLE_ORDER = ""
"""Key of the pseudo-shipment for reports that name the order and no shipment: it carries every line."""
NO_SHIPMENT = ShipmentState()
SENDER = "rts-"
REFUSED = "refused"
"""Name of the alarm for effects that a system refused."""


class OrderState(Contract):
    """Everything the workflow knows of its order. Frozen: each event makes a new one.

    `lines` are the lines as amended (the start's while empty); `dropped` the packs of a line that were cancelled, and
    `lost` how many packs are known to have got lost after they left; `days` the first promises that commands and
    planners have replaced; `supplied` the days that supply has allowed since, `told` the promises given since by ETA;
    `asked_for` the day of the last delay proposal.
    `cancelling`: the goods had left when the order was cancelled, and are on their way back.
    """

    start: OrderStart
    lines: tuple[LineDue, ...] = ()
    dropped: dict[int, int] = {}  # noqa: RUF012 - pydantic copies field defaults
    lost: dict[int, int] = {}  # noqa: RUF012
    days: dict[int, date] = {}  # noqa: RUF012
    told: dict[int, date] = {}  # noqa: RUF012
    supplied: dict[int, date] = {}  # noqa: RUF012
    shipments: dict[str, ShipmentState] = {}  # noqa: RUF012
    cancelled: str | None = None
    cancelling: str | None = None
    held: str | None = None
    exceptions: tuple[str, ...] = ()
    troubles: dict[str, Trouble] = {}  # noqa: RUF012
    shorts: dict[str, Short] = {}  # noqa: RUF012
    sources: tuple[Source, ...] = ()
    tender: TenderState = TenderState()
    refused: dict[str, RefusedEffect] = {}  # noqa: RUF012
    returned: dict[str, ReturnOutcome] = {}  # noqa: RUF012
    proposals: dict[str, OpenProposal] = {}  # noqa: RUF012
    proposed: int = 0
    asked_for: date | None = None
    carrier: str = ""
    passed: tuple[str, ...] = ()
    closed: bool = False
    version: int = 0

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy that works out anew what the original had worked out."""
        copied = super().model_copy(update=update, deep=deep)
        for derived in ("goods", "rank", "promises"):
            copied.__dict__.pop(derived, None)
        return copied

    def grown(self, **update: Any) -> "OrderState":
        """The state after a change; its version rises."""
        return self.model_copy(update={**update, "version": self.version + 1})

    @property
    def demand(self) -> tuple[LineDue, ...]:
        """The lines of the order as they are wanted now."""
        return self.lines or self.start.lines

    def wanted(self, line: LineDue) -> int:
        """Packs of a line that are still to be delivered or were: ordered less cancelled."""
        return max(0, line.quantity - self.dropped.get(line.line, 0))

    @cached_property
    def goods(self) -> dict[str, ShipmentState]:
        """Every shipment that carries packs, with what its consolidated shipment went through. One that others were
        merged into under its own number still carries its own packs."""
        holders = {name: into for into, it in sorted(self.shipments.items()) for name in it.merges}
        return {
            name: it.travelling(self.shipments.get(holders.get(name, "")) if name in holders else None)
            for name, it in sorted(self.shipments.items())
            if not it.merges or name in it.merges
        }

    @cached_property
    def rank(self) -> int:
        """Rank of the whole order: that of its slowest line, counted by quantity over all shipments."""
        ranks = [self._line_rank(line) for line in self.demand if self.due(line)]
        return min(ranks, default=RANK[OrderStatus.DELIVERED])

    @property
    def status(self) -> OrderStatus:
        """Where the order is."""
        if self.cancelled is not None:
            return OrderStatus.CANCELLED
        if not self.closed:
            return BY_RANK[self.rank]
        delivered = any(self.moved(line, RANK[OrderStatus.DELIVERED]) for line in self.demand)
        return OrderStatus.CLOSED if delivered or not self.returned else OrderStatus.RETURNED

    def due(self, line: LineDue) -> int:
        """Packs that are still to be delivered or were: those that a carrier brought back are not."""
        return max(0, self.wanted(line) - self.sent_back(line.line))

    def _line_rank(self, line: LineDue) -> int:
        furthest = max((shipment.rank for shipment in self.goods.values()), default=0)
        wanted = self.due(line)
        steps = range(furthest, RANK[OrderStatus.PROMISED], -1)
        reached = (rank for rank in steps if self.standing(line, rank) >= wanted)
        return next(reached, RANK[OrderStatus.PROMISED])

    def moved(self, line: LineDue, rank: int) -> int:
        """How many packs of a line have reached a rank; never more than are wanted."""
        whole = self.goods.get(WHOLE_ORDER)
        if whole is not None and whole.rank >= rank:
            return self.wanted(line)
        return min(self.wanted(line), sum(it.packs(line.line, rank) for it in self.goods.values()))

    def standing(self, line: LineDue, rank: int) -> int:
        """How many packs of a line have reached a rank and did not come back to the sender; never more than are due."""
        if not self.returned:
            return self.moved(line, rank)
        whole = self.goods.get(WHOLE_ORDER)
        if whole is not None and whole.rank >= rank:
            return self.due(line)
        stayed = (max(0, it.packs(line.line, rank) - self.back(name, line.line)) for name, it in self.goods.items())
        return min(self.due(line), sum(stayed))

    def sent_back(self, line: int) -> int:
        """Packs of a line that carriers have brought back to the sender."""
        return sum(self.back(name, line) for name in self.goods) if self.returned else 0

    def back(self, shipment: str, line: int) -> int:
        """Packs of a line that a shipment brought back to the sender."""
        outcome = self.returned.get(sender_rma(shipment))
        return sum(x.quantity for x in outcome.received if x.line == line) if outcome else 0

    def carrying(self, line: int) -> Iterator[tuple[ShipmentState, int]]:
        """The shipments that carry a line, with how many packs."""
        for shipment in self.goods.values():
            for carried in shipment.lines:
                if carried.line == line:
                    yield shipment, carried.quantity

    def delivered_at(self, line: LineDue) -> datetime | None:
        """When the last pack of a line was delivered; None while some are not."""
        if not self.wanted(line) or self.moved(line, RANK[OrderStatus.DELIVERED]) < self.wanted(line):
            return None
        times = [shipment.delivered_at for shipment, _ in self.carrying(line.line)]
        times.append(self.goods.get(WHOLE_ORDER, NO_SHIPMENT).delivered_at)
        return max((moment for moment in times if moment), default=None)

    def first_promise(self, line: int) -> date:
        """The day that a line was promised for, before any ETA: the first promise, or what replaced it."""
        if line in self.days:
            return self.days[line]
        return next(x.promised_on for x in self.start.promise.lines if x.line == line)

    def due_by_supply(self, line: int) -> date:
        """The day that supply allows for a line: as it was promised, until promising had to say another."""
        return self.supplied.get(line) or self.first_promise(line)

    @cached_property
    def promises(self) -> tuple[LinePromise, ...]:
        """The day promised now for each line: the first promise, or the day of a late ETA on what carries it."""
        return tuple(
            LinePromise(line=x.line, promised_on=self.told.get(x.line) or self.due_by_supply(x.line))
            for x in self.demand
        )

    def eta_of(self, line: int) -> datetime | None:
        """The latest ETA of what carries a line."""
        reports = [shipment.eta for shipment, _ in self.carrying(line)]
        reports.append(self.goods.get(WHOLE_ORDER, NO_SHIPMENT).eta)
        return max((report.eta for report in reports if report), default=None)

    @property
    def promised_on(self) -> date:
        """The day promised now for the whole order."""
        wanted = {line.line for line in self._wanted_lines}
        return max(line.promised_on for line in self.promises if line.line in wanted)

    @property
    def first_promised_on(self) -> date:
        """The day for which the whole order was promised before any ETA."""
        return max(self.first_promise(line.line) for line in self._wanted_lines)

    @property
    def _wanted_lines(self) -> tuple[LineDue, ...]:
        """The lines that count for the order's promise: those of which something is wanted; all when nothing is."""
        return tuple(line for line in self.demand if self.wanted(line)) or self.demand

    @property
    def band(self) -> Band:
        """How bad its delay is."""
        return band(self.promised_on, self.first_promised_on)

    @property
    def eta(self) -> datetime | None:
        """The latest ETA of any shipment."""
        return max((shipment.eta.eta for shipment in self.goods.values() if shipment.eta), default=None)

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
        whole = self.goods.get(WHOLE_ORDER, NO_SHIPMENT).seen
        names = [name for name, it in self.goods.items() if name != WHOLE_ORDER and it.seen] or [WHOLE_ORDER]
        back = {name for name in names if MilestoneKind.RETURNING in self.goods.get(name, NO_SHIPMENT).seen}
        return tuple(
            (name, kind)
            for name in names
            if name not in back
            for kind in sorted(required)
            if kind not in whole and kind not in self.goods.get(name, NO_SHIPMENT).seen
        )

    @property
    def coming_back(self) -> tuple[str, ...]:
        """Shipments that carriers bring back and that have not been received whole."""
        return tuple(
            name
            for name, it in self.goods.items()
            if MilestoneKind.RETURNING in it.seen
            and (sender_rma(name) not in self.returned or not self.returned[sender_rma(name)].settled)
        )

    @property
    def delivered(self) -> bool:
        """Every pack of every line that is wanted has been delivered, or came back."""
        return self.rank >= RANK[OrderStatus.DELIVERED]

    @property
    def complete(self) -> bool:
        """Delivered, and everything that must be reported or carried out was."""
        return self.delivered and not self.missing() and not self.coming_back and self.answered

    @property
    def answered(self) -> bool:
        """No system has refused anything that somebody should look at first. After a while the order ends all the
        same; the case that was opened goes on."""
        return not self.refused or REFUSED in self.passed or self.start.clock == "events"


def sender_rma(shipment: str) -> str:
    """The number of the return authorisation for a shipment that a carrier brings back."""
    return f"{SENDER}{shipment}"


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
    failure: str = ""
    cases: tuple[KnownCase, ...] = ()
    answers: dict[str, str] = {}  # noqa: RUF012
