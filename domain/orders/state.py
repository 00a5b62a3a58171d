"""The state of an order, and what follows from it: status, quantities, promises, what is still missing.

What partners report only grows the state: milestones seen are a set, times keep the earliest report, ETAs and troubles
the newest. So the order in which messages arrive cannot change where an order ends, and no report makes its rank fall.
Commands (amend, cancel, …) are applied in the order in which the workflow takes them in.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cached_property
from typing import Any, Self

from domain.days import end_of
from domain.milestones.delay import Band, band
from domain.milestones.shipments import ShipmentState, packs_by_line
from domain.milestones.tally import NO_SHIPMENT, WHOLE_ORDER, Tally, TallyFacts
from domain.milestones.variants import BY_RANK, PLANS, RANK
from domain.orders.trouble import OpenProposal, OtherSource, PickedBefore, RefusedEffect, Short, TenderState, Trouble
from schemas.base import Contract
from schemas.ids import sender_rma
from schemas.orders.milestones import MilestoneKind
from schemas.orders.release import LineDue, LinePromise, OrderStatus
from schemas.workflows.lifecycle import OrderStart
from schemas.workflows.returns import ReturnOutcome

__all__ = ["NO_SHIPMENT", "WHOLE_ORDER", "OrderState"]

REFUSED = "refused"
"""Name of the alarm for effects that a system refused."""
_GOODS = frozenset({"start", "lines", "dropped", "lost", "shipments", "returned"})
_DAYS = frozenset({"start", "lines", "dropped", "days", "told", "supplied"})
_DERIVED = {
    "tally": _GOODS,
    "rank": _GOODS,
    "promise_days": _DAYS,
    "promised_on": _DAYS,
    "first_promised_on": _DAYS,
    "by_line": frozenset({"start", "lines"}),
    "elsewhere": frozenset({"sources"}),
}
"""What is worked out once, and the fields that it depends on."""


class OrderState(Contract):
    """Everything the workflow knows of its order. Frozen: each event makes a new one.

    `lines` are the lines as amended (the start's while empty); `dropped` the packs of a line that were cancelled, and
    `lost` how many packs are known to have got lost after they left; `astray` those of the dropped ones that had left;
    `kept` what was picked before its line got another item; `addressed` the inbox message of the amendment that changed
    the address last, 0: it is that of the release; `days` the first promises that commands and planners have replaced;
    `supplied` the days that supply has allowed since, `told` the promises given since by ETA; `asked_for` the day of
    the last delay proposal; `exceptions` the contents of reports of trouble. `cancelling`: the goods had left when the
    order was cancelled, and are on their way back.
    """

    start: OrderStart
    lines: tuple[LineDue, ...] = ()
    dropped: dict[int, int] = {}  # noqa: RUF012 - pydantic copies field defaults
    lost: dict[int, int] = {}  # noqa: RUF012
    astray: dict[int, int] = {}  # noqa: RUF012
    kept: tuple[PickedBefore, ...] = ()
    addressed: int = 0
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
    sources: tuple[OtherSource, ...] = ()
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
        """A copy that works out anew what depends on the changes. Its tally is brought on from the one before."""
        copied, changed = super().model_copy(update=update, deep=deep), (update or {}).keys()
        known = copied.__dict__
        if "tally" in known:
            known["tally_before"] = known["tally"]
        for derived, fields in _DERIVED.items():
            if derived in known and not fields.isdisjoint(changed):
                del known[derived]
        return copied

    def grown(self, **update: Any) -> "OrderState":
        """The state after a change. Its version is the workflow's to raise: one for each input."""
        return self.model_copy(update=update)

    def next_version(self) -> "OrderState":
        """The state on which the next input is decided: `version` is the number of inputs that were decided."""
        return self.model_copy(update={"version": self.version + 1})

    @property
    def demand(self) -> tuple[LineDue, ...]:
        """The lines of the order as they are wanted now."""
        return self.lines or self.start.lines

    def wanted(self, line: LineDue) -> int:
        """Packs of a line that are still to be delivered or were: ordered less cancelled."""
        return max(0, line.quantity - self.dropped.get(line.line, 0))

    @cached_property
    def by_line(self) -> dict[int, LineDue]:
        """The lines of the order by their numbers."""
        return {line.line: line for line in self.demand}

    @cached_property
    def tally(self) -> Tally:
        """What its shipments come to."""
        known: Tally = self.__dict__.get("tally_before") or Tally()
        required = {kind for kind, step in PLANS[self.start.variant].steps.items() if step.required}
        if self.start.proof_of_delivery_required:
            required.add(MilestoneKind.PROOF_OF_DELIVERY)
        goods = (self.shipments, self.returned, self.by_line, self.dropped, self.lost)
        released_at = self.start.released_at if self.start.checks_times else None
        return known.of(TallyFacts(*goods, frozenset(required), released_at, self.start.policy.chronology))

    @property
    def goods(self) -> dict[str, ShipmentState]:
        """Every shipment that carries packs, by name, with what its consolidated shipment went through. One that others
        were merged into under its own number still carries its own packs."""
        return self.tally.goods

    @cached_property
    def elsewhere(self) -> dict[str, dict[int, int]]:
        """Packs of each line that other sites were told to send."""
        found: dict[str, dict[int, int]] = {}
        for source in self.sources:
            at = found.setdefault(source.site, {})
            for line, packs in packs_by_line(source.lines).items():
                at[line] = at.get(line, 0) + packs
        return found

    @cached_property
    def rank(self) -> int:
        """Rank of the whole order: that of its slowest line, counted by quantity over all shipments."""
        return min(self.tally.ranks.values(), default=RANK[OrderStatus.DELIVERED])

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

    def moved(self, line: LineDue, rank: int) -> int:
        """How many packs of a line have reached a rank; never more than are wanted."""
        if self.tally.whole.rank >= rank:
            return self.wanted(line)
        return min(self.wanted(line), self.tally.packs(line.line, rank))

    def standing(self, line: LineDue, rank: int) -> int:
        """How many packs of a line have reached a rank and did not come back to the sender; never more than are due."""
        if not self.returned:
            return self.moved(line, rank)
        if self.tally.whole.rank >= rank:
            return self.due(line)
        return min(self.due(line), self.tally.packs(line.line, rank) - self.tally.gone[rank].get(line.line, 0))

    def sent_back(self, line: int) -> int:
        """Packs of a line that carriers have brought back to the sender."""
        return self.tally.home.get(line, 0) if self.returned else 0

    def back(self, shipment: str, line: int) -> int:
        """Packs of a line that a shipment brought back to the sender."""
        outcome = self.returned.get(sender_rma(shipment))
        return sum(x.quantity for x in outcome.received if x.line == line) if outcome else 0

    def delivered_at(self, line: LineDue) -> datetime | None:
        """When the last pack of a line was delivered; None while some are not."""
        if not self.wanted(line) or self.moved(line, RANK[OrderStatus.DELIVERED]) < self.wanted(line):
            return None
        return self.tally.delivered_at(line.line)

    def first_promise(self, line: int) -> date:
        """The day that a line was promised for, before any ETA: the first promise, or what replaced it."""
        return self.days[line] if line in self.days else self.first_days[line]

    @cached_property
    def first_days(self) -> dict[int, date]:
        return {x.line: x.promised_on for x in self.start.promise.lines}

    def due_by_supply(self, line: int) -> date:
        """The day that supply allows for a line: as it was promised, until promising had to say another."""
        return self.supplied.get(line) or self.first_promise(line)

    @cached_property
    def promise_days(self) -> dict[int, date]:
        """The day promised now for each line: the first promise, or the day of a late ETA on what carries it."""
        return {line: self.told.get(line) or self.due_by_supply(line) for line in self.by_line}

    @property
    def promises(self) -> tuple[LinePromise, ...]:
        """The same as messages."""
        return tuple(LinePromise(line=line, promised_on=day) for line, day in self.promise_days.items())

    def eta_of(self, line: int) -> datetime | None:
        """The latest ETA of what carries a line."""
        whole = self.tally.whole.eta
        reports = (self.tally.etas.get(line), whole.eta if whole else None)
        return max((eta for eta in reports if eta), default=None)

    @cached_property
    def promised_on(self) -> date:
        """The day promised now for the whole order."""
        return max(self.promise_days[line.line] for line in self._wanted_lines)

    @cached_property
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
        return self.tally.eta

    @property
    def delay_minutes(self) -> int:
        """Minutes from the end of the first promised day to the ETA; 0 when the ETA keeps it."""
        if self.eta is None:
            return 0
        return max(0, int((self.eta - end_of(self.start.promise.promised_on, self.start.there)).total_seconds() // 60))

    def missing(self) -> tuple[tuple[str, MilestoneKind], ...]:
        """(shipment, milestone) still to be reported before the order may close without waiting."""
        tally, whole = self.tally, self.tally.whole.seen
        if not tally.speaking:
            back = MilestoneKind.RETURNING in whole
            return () if back else tuple((WHOLE_ORDER, kind) for kind in sorted(tally.facts.required - whole.keys()))
        unreported = sorted(tally.unreported.items())
        return tuple((name, kind) for name, kinds in unreported for kind in kinds if kind not in whole)

    @property
    def coming_back(self) -> tuple[str, ...]:
        """Shipments that carriers bring back and that have not been received whole."""
        outcomes = ((name, self.returned.get(sender_rma(name))) for name in sorted(self.tally.returning))
        return tuple(name for name, outcome in outcomes if outcome is None or not outcome.settled)

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
