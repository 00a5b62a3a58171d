"""Stand-in TMS with its carriers: tenders and who takes them, interceptions, collections of returns."""

from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum

from starlette.routing import Route

from schemas.base import Contract
from schemas.finance.reconciliation import PartFigure, TargetFigure
from schemas.messaging.effects import Operation
from schemas.messaging.instructions import (
    Accepted,
    Interception,
    ReturnCollection,
    Tender,
    TenderAmendment,
    TenderHold,
    TenderVoid,
)
from simulators.systems.answers import RecordedAnswers
from simulators.systems.call_handling import CallHandler, RuleRefusal
from simulators.systems.ledger import LedgerCall, deed
from simulators.systems.lists import TargetLists, executed
from simulators.systems.targets import NEVER, counts
from simulators.world.world import World


class TenderAnswer(StrEnum):
    """The state of a tender. `pending`: no carrier has taken it yet; `none`: nothing was tendered."""

    NONE = "none"
    PENDING = "pending"
    ACCEPTED = "accepted"
    VOID = "void"


class TenderedPart(PartFigure):
    """Packs of an order that are picked up at one site; the order's own when `site` is empty.

    `tendered` and `voided` are the revisions of the last tender and the last void: a void ends the tenders before it.
    """

    packs: int = 0
    revision: int = NEVER
    tendered: int = NEVER
    voided: int = NEVER

    def with_target(self, packs: int | None, revision: int, *, first: bool = False) -> "TenderedPart":
        """The part when so many packs are to be carried, unless a higher revision said otherwise."""
        if packs is None or revision < self.voided or not counts(revision, self.revision, first=first):
            return self
        return self.model_copy(update={"packs": packs, "revision": revision})


class TenderBooking(Contract):
    """The transport of an order as the TMS keeps it. A void that comes first leaves `attempts` 0, and holds.

    `addressed`, `dated` and `held_by` are the revisions that said address, day and hold.
    """

    order: str
    state: TenderAnswer = TenderAnswer.NONE
    carrier: str | None = None
    attempts: int = 0
    parts: tuple[TenderedPart, ...] = ()
    packs: int = 0
    held: bool = False
    held_by: int = NEVER
    expedite: bool = False
    address_version: int = 0
    addressed: int = NEVER
    promised_on: date | None = None
    dated: int = NEVER
    intercepted: tuple[str, ...] = ()
    collections: tuple[ReturnCollection, ...] = ()

    def part(self, site: str) -> TenderedPart:
        """A pick-up at a site."""
        return next((part for part in self.parts if part.site == site), TenderedPart(site=site))

    def carrying(self, part: TenderedPart) -> dict[str, object]:
        """The change when this is what is picked up at its site."""
        parts = (*(it for it in self.parts if it.site != part.site), part)
        return {"parts": parts, "packs": sum(it.packs for it in parts)}

    def heard(self, message: Tender | TenderAmendment) -> dict[str, object]:
        """The change of address, day and speed. Of tenders, the first one says the address."""
        first, change = isinstance(message, Tender), dict[str, object]()
        if message.ship_to and not (first and self.attempts) and counts(message.revision, self.addressed, first=first):
            change |= {"addressed": message.revision, "address_version": self.address_version + 1}
        if message.promised_on and counts(message.revision, self.dated, first=first):
            change |= {"dated": message.revision, "promised_on": message.promised_on}
        return change | ({"expedite": True} if message.expedite and not self.expedite else {})


class Tms:
    """The books of the TMS."""

    def __init__(self, handler: CallHandler, world: World) -> None:
        self.handler = handler
        self._answers = RecordedAnswers(handler.system)
        self._world = world
        self._tenders: dict[str, TenderBooking] = {}

    def routes(self) -> list[Route]:
        """The Syncline REST API under `/tms`."""
        order = "/v1/tenders/{order}"
        return [
            self.handler.takes("/v1/tenders", Tender, self._take),
            self.handler.takes(f"{order}/amendments", TenderAmendment, self._amend),
            self.handler.takes(f"{order}/hold", TenderHold, self._hold),
            self.handler.takes(f"{order}/void", TenderVoid, self._void),
            self.handler.takes("/v1/shipments/{shipment}/interception", Interception, self._intercept),
            self.handler.takes("/v1/collections", ReturnCollection, self._collect),
            self.handler.shows(order, self._find),
            self._answers.route(),
            executed(self.handler),
            *TargetLists(self._targets).routes(),
            *self.handler.control(),
        ]

    def _find(self, path: Mapping[str, str]) -> TenderBooking | None:
        return self._tenders.get(path["order"])

    def _known(self, number: str) -> TenderBooking:
        return self._tenders.get(number) or TenderBooking(order=number)

    def _write(self, number: str, **change: object) -> Accepted:
        booking = self._known(number).model_copy(update=change)
        self._tenders[number] = booking
        return self.handler.accepted()

    def _targets(self, path: Mapping[str, str]) -> Iterator[TargetFigure]:
        for order, it in self._tenders.items():
            parts = tuple(PartFigure(site=x.site, packs=x.packs, revision=x.revision) for x in it.parts)
            yield TargetFigure(order=order, cancelled=it.state is TenderAnswer.VOID, parts=parts)

    def _take(self, call: LedgerCall, instance: str, body: Tender) -> Accepted:
        def book() -> Accepted:
            known = self._known(body.order)
            part = known.part(body.site or "")
            carrier = self._world.choose(body)
            if body.revision < max(part.voided, part.tendered):
                self._write(body.order, carrier=known.carrier or carrier)
                return self.handler.superseded(known.carrier or carrier)
            pending = self._answers.pending(body.order)
            if not pending:
                self._world.tender(body)
            target = part.with_target(body.packs, body.revision, first=True).model_copy(
                update={"tendered": body.revision}
            )
            change = {**known.heard(body), **known.carrying(target), "attempts": known.attempts + 1}
            if body.revision >= max((it.tendered for it in known.parts), default=NEVER):
                change["state"] = TenderAnswer.PENDING if pending else TenderAnswer.ACCEPTED
                change["carrier"] = None if pending else carrier
            self._write(body.order, **change)
            return self.handler.accepted(None if pending else carrier)

        operation = Operation.TENDER_TRANSPORT
        again = f"{body.site or ''}|{call.after(operation)}"
        return self.handler.ledger.once(call, deed(instance, operation, body.order, occurrence=again), book)

    def _amend(self, call: LedgerCall, instance: str, body: TenderAmendment) -> Accepted:
        def amend() -> Accepted:
            known = self._known(body.order)
            part = known.part(body.site or "")
            target, change = part.with_target(body.packs, body.revision), known.heard(body)
            if target is part and not change:
                return self.handler.superseded()
            return self._write(body.order, **change, **known.carrying(target))

        operation = Operation.AMEND_TENDER
        what = deed(instance, operation, body.order, occurrence=call.after(operation))
        return self.handler.ledger.once(call, what, amend)

    def _hold(self, call: LedgerCall, instance: str, body: TenderHold) -> Accepted:
        def hold() -> Accepted:
            if not counts(body.revision, self._known(body.order).held_by):
                return self.handler.superseded()
            self._world.hold(body.order, None, on=body.on)
            return self._write(body.order, held=body.on, held_by=body.revision)

        operation = Operation.HOLD_TRANSPORT if body.on else Operation.RESUME_TRANSPORT
        what = deed(instance, operation, body.order, occurrence=call.after(operation))
        return self.handler.ledger.once(call, what, hold)

    def _void(self, call: LedgerCall, instance: str, body: TenderVoid) -> Accepted:
        def void() -> Accepted:
            known = self._known(body.order)
            part = known.part(body.site or "")
            if body.revision <= max(part.tendered, part.voided):
                return self.handler.superseded()
            gone = {"voided": body.revision} | ({"packs": 0} if part.revision < body.revision else {})
            left = known.carrying(part.model_copy(update=gone))
            if body.site and left["packs"]:
                return self._write(body.order, **left)
            self._world.void(body.order)
            return self._write(body.order, state=TenderAnswer.VOID, **left)

        operation = Operation.VOID_TENDER
        again = f"{body.site or ''}|{call.after(operation)}"
        return self.handler.ledger.once(call, deed(instance, operation, body.order, occurrence=again), void)

    def _intercept(self, call: LedgerCall, instance: str, body: Interception) -> Accepted:
        def intercept() -> Accepted:
            gone = RuleRefusal("cannot_intercept", f"shipment {body.shipment} can no longer be stopped")
            self._answers.check(body.order, "intercept", gone)
            self._world.intercept(body.order, body.shipment)
            return self._write(body.order, intercepted=(*self._known(body.order).intercepted, body.shipment))

        what = deed(instance, Operation.INTERCEPT_SHIPMENT, body.order, body.shipment)
        return self.handler.ledger.once(call, what, intercept)

    def _collect(self, call: LedgerCall, instance: str, body: ReturnCollection) -> Accepted:
        def collect() -> Accepted:
            return self._write(body.order, collections=(*self._known(body.order).collections, body))

        what = deed(instance, Operation.COLLECT_RETURN, body.order, occurrence=body.rma)
        return self.handler.ledger.once(call, what, collect)
