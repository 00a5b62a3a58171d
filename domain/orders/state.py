"""The state of an order, and what follows from it: status, quantities, promises, what is still missing.

The parts:

    start                        the release as it was accepted
    demand      demand.py        what is wanted now: amended lines, cancelled and lost packs
    ending      demand.py        held, cancelling, cancelled, closed
    sourcing    fulfilment.py    other sites that send a part, packs that stay another item
    transport   fulfilment.py    the tender, and the carrier that took it
    reports     fulfilment.py    shipments and returns, as partners reported them
    promises    promises.py      days by decision, by supply, by ETA
    replanning  promises.py      what planners are asked
    issues      issues.py        reported issues, shortages, refused effects, passed alarms
    version                      the number of inputs that were decided

Status, rank, tally and promised days are derived from these parts: see `_DERIVED`.

Reports only add to the state: milestones seen are a set, times keep the earliest report, ETAs and issues the newest.
So the order in which messages arrive cannot change where an order ends, and no report makes its rank fall. Commands
(amend, cancel, …) are applied in the order in which the workflow takes them in.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cached_property
from typing import Any, Self

from domain.days import end_of
from domain.milestones.delay import Band, band
from domain.milestones.shipments import ShipmentState
from domain.milestones.signed_for import Mismatch
from domain.milestones.tally import NO_SHIPMENT, WHOLE_ORDER, Tally, TallyFacts
from domain.milestones.variants import BY_RANK, PLANS, RANK
from domain.orders.demand import OrderDemand, OrderEnding
from domain.orders.fulfilment import OrderReports, OrderSourcing, OrderTransport
from domain.orders.issues import OrderIssues
from domain.orders.promises import OrderPromises, OrderReplanning
from schemas.base import Contract
from schemas.ids import sender_rma
from schemas.orders.milestones import MilestoneKind
from schemas.orders.release import LineDue, LinePromise, OrderStatus
from schemas.workflows.lifecycle import OrderStart

__all__ = ["NO_SHIPMENT", "WHOLE_ORDER", "OrderState"]

REFUSED = "refused"
"""Name of the alarm for effects that a system refused."""
_QUANTITIES = ("tally", "rank")
_DAYS = ("promise_days", "promised_on", "first_promised_on")
_FROM_START = ("by_line", "first_days", *_QUANTITIES, *_DAYS)
_DERIVED: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "demand": (
        ("amended_lines", (*_QUANTITIES, *_DAYS, "by_line")),
        ("cancelled_quantity", (*_QUANTITIES, *_DAYS)),
        ("lost_quantity", _QUANTITIES),
    ),
    "reports": (("shipments", _QUANTITIES), ("returns", _QUANTITIES)),
    "promises": (("by_decision", _DAYS), ("by_supply", _DAYS), ("by_eta", _DAYS)),
}
"""Part → (field, what is worked out once and anew after a change of that field). `start` concerns `_FROM_START`."""


class OrderState(Contract):
    """Everything the workflow knows of its order, in parts. Frozen: a change makes a new one."""

    start: OrderStart
    demand: OrderDemand = OrderDemand()
    sourcing: OrderSourcing = OrderSourcing()
    transport: OrderTransport = OrderTransport()
    reports: OrderReports = OrderReports()
    promises: OrderPromises = OrderPromises()
    issues: OrderIssues = OrderIssues()
    replanning: OrderReplanning = OrderReplanning()
    ending: OrderEnding = OrderEnding()
    version: int = 0

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy that works out anew what depends on the changes. Its tally is brought on from the one before."""
        copied = super().model_copy(update=update, deep=deep)
        known = copied.__dict__
        if "tally" in known:
            known["tally_before"] = known["tally"]
        for part in update or ():
            stale = _FROM_START if part == "start" else self._stale(part, known[part])
            for name in stale:
                known.pop(name, None)
        return copied

    def _stale(self, part: str, after: Any) -> tuple[str, ...]:
        """The derived values to work out anew when a part changes."""
        before, stale = getattr(self, part), tuple[str, ...]()
        for field, derived in _DERIVED.get(part, ()):
            if getattr(before, field) is not getattr(after, field):
                stale += derived
        return stale

    def with_changes(self, **parts: Mapping[str, Any]) -> Self:
        """The state after a change, named by part and field. The workflow raises its version: one for each input.

        `state.with_changes(ending={"held": reason})`. Raises TypeError for a field that the part does not have.
        """
        return self.model_copy(update={name: getattr(self, name).with_changes(**it) for name, it in parts.items()})

    def next_version(self) -> Self:
        """The state on which the next input is decided: `version` is the number of inputs that were decided."""
        return self.model_copy(update={"version": self.version + 1})

    @property
    def carrier(self) -> str:
        """The carrier of the order; empty while nobody has taken it."""
        return self.transport.carrier

    @property
    def lines(self) -> tuple[LineDue, ...]:
        """The lines of the order as they are wanted now."""
        return self.demand.amended_lines or self.start.lines

    def wanted(self, line: LineDue) -> int:
        """Packs of a line that are still to be delivered or were: ordered less cancelled."""
        return max(0, line.quantity - self.demand.cancelled_quantity.get(line.line, 0))

    @cached_property
    def by_line(self) -> dict[int, LineDue]:
        """The lines of the order by their numbers."""
        return {line.line: line for line in self.lines}

    @cached_property
    def tally(self) -> Tally:
        """The tally of its shipments."""
        known: Tally = self.__dict__.get("tally_before") or Tally()
        required = {kind for kind, step in PLANS[self.start.variant].steps.items() if step.required}
        if self.start.proof_of_delivery_required:
            required.add(MilestoneKind.PROOF_OF_DELIVERY)
        reports, demand = self.reports, self.demand
        goods = (reports.shipments, reports.returns, self.by_line, demand.cancelled_quantity, demand.lost_quantity)
        released_at = self.start.released_at if self.start.checks_times else None
        return known.of(TallyFacts(*goods, frozenset(required), released_at, self.start.policy.chronology))

    @property
    def goods(self) -> dict[str, ShipmentState]:
        """Every shipment that carries packs, by name, with what its consolidated shipment went through. One that others
        were merged into under its own number still carries its own packs."""
        return self.tally.goods

    @cached_property
    def rank(self) -> int:
        """Rank of the whole order: that of its slowest line, counted by quantity over all shipments."""
        return min(self.tally.ranks.values(), default=RANK[OrderStatus.DELIVERED])

    @property
    def status(self) -> OrderStatus:
        """Where the order is."""
        if self.ending.cancelled is not None:
            return OrderStatus.CANCELLED
        if not self.ending.closed:
            return BY_RANK[self.rank]
        delivered = any(self.moved(line, RANK[OrderStatus.DELIVERED]) for line in self.lines)
        return OrderStatus.CLOSED if delivered or not self.reports.returns else OrderStatus.RETURNED

    def due(self, line: LineDue) -> int:
        """Packs that are still to be delivered or were: those that a carrier brought back are not."""
        return max(0, self.wanted(line) - self.sent_back(line.line))

    def moved(self, line: LineDue, rank: int) -> int:
        """Packs of a line that have reached a rank; never more than are wanted."""
        if self.tally.whole.rank >= rank:
            return self.wanted(line)
        return min(self.wanted(line), self.tally.packs(line.line, rank))

    def standing(self, line: LineDue, rank: int) -> int:
        """Packs of a line that have reached a rank and did not come back to the sender; never more than are due."""
        if not self.reports.returns:
            return self.moved(line, rank)
        if self.tally.whole.rank >= rank:
            return self.due(line)
        return min(self.due(line), self.tally.packs(line.line, rank) - self.tally.gone[rank].get(line.line, 0))

    def sent_back(self, line: int) -> int:
        """Packs of a line that carriers have brought back to the sender."""
        return self.tally.home.get(line, 0) if self.reports.returns else 0

    def back(self, shipment: str, line: int) -> int:
        """Packs of a line that a shipment brought back to the sender."""
        outcome = self.reports.returns.get(sender_rma(shipment))
        return sum(x.quantity for x in outcome.received if x.line == line) if outcome else 0

    def delivered_at(self, line: LineDue) -> datetime | None:
        """When the last pack of a line was delivered; None while some are not."""
        if not self.wanted(line) or self.moved(line, RANK[OrderStatus.DELIVERED]) < self.wanted(line):
            return None
        return self.tally.delivered_at(line.line)

    def first_promise(self, line: int) -> date:
        """The day that a line was promised for, before any ETA: the first promise, or what replaced it."""
        return self.promises.by_decision.get(line) or self.first_days[line]

    @cached_property
    def first_days(self) -> dict[int, date]:
        return {x.line: x.promised_on for x in self.start.promise.lines}

    def due_by_supply(self, line: int) -> date:
        """The day that supply allows for a line: as it was promised, until promising had to say another."""
        days = self.promises
        return days.by_supply.get(line) or days.by_decision.get(line) or self.first_days[line]

    @cached_property
    def promise_days(self) -> dict[int, date]:
        """The day promised now for each line: the first promise, or the day of a late ETA on what carries it."""
        by_eta = self.promises.by_eta
        return {line: by_eta.get(line) or self.due_by_supply(line) for line in self.by_line}

    @property
    def line_promises(self) -> tuple[LinePromise, ...]:
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
        cancelled = self.demand.cancelled_quantity
        return tuple(line for line in self.lines if line.quantity > cancelled.get(line.line, 0)) or self.lines

    @property
    def mismatches(self) -> tuple[Mismatch, ...]:
        """Every delivery and proof of delivery that does not state what had left, but for packs written off as lost.

        A consolidated shipment is compared with what was merged into it.
        """
        return tuple(mismatch for _, found in sorted(self.tally.signed.items()) for mismatch in found)

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
        outcomes = ((name, self.reports.returns.get(sender_rma(name))) for name in sorted(self.tally.returning))
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
        return not self.issues.refused_effects or REFUSED in self.issues.passed_alarms or self.start.clock == "events"
