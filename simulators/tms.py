"""Stand-in TMS with its carriers: tenders and who takes them, interceptions, collections of returns."""

from collections.abc import Mapping
from enum import StrEnum

from starlette.routing import Route

from schemas.base import Contract
from schemas.effects import Operation
from schemas.instructions import (
    Accepted,
    Interception,
    ReturnCollection,
    Tender,
    TenderAmendment,
    TenderHold,
    TenderVoid,
)
from simulators.answers import AnswerBook
from simulators.desk import Desk, Refusal
from simulators.ledger import Call, deed
from simulators.lists import executed
from simulators.world import World


class TenderState(StrEnum):
    """What became of a tender. `pending`: no carrier has taken it yet; `none`: nothing was tendered."""

    NONE = "none"
    PENDING = "pending"
    ACCEPTED = "accepted"
    VOID = "void"


class TenderedPart(Contract):
    """Packs of an order that are picked up at one site; the order's own when `site` is empty."""

    site: str
    packs: int


class TenderBooking(Contract):
    """The transport of an order as the TMS keeps it. A void that comes first leaves `attempts` 0, and holds."""

    order: str
    state: TenderState = TenderState.NONE
    carrier: str | None = None
    attempts: int = 0
    parts: tuple[TenderedPart, ...] = ()
    packs: int = 0
    held: bool = False
    expedite: bool = False
    address_version: int = 0
    intercepted: tuple[str, ...] = ()
    collections: tuple[ReturnCollection, ...] = ()

    @property
    def never(self) -> bool:
        """Whether it was voided before it was tendered."""
        return self.state is TenderState.VOID and not self.attempts

    def carrying(self, site: str, packs: int) -> dict[str, object]:
        """The change when so many packs are picked up at a site; none when nothing is."""
        others = (part for part in self.parts if part.site != site)
        parts = (*others, *((TenderedPart(site=site, packs=packs),) if packs else ()))
        return {"parts": parts, "packs": sum(part.packs for part in parts)}

    def packs_from(self, site: str) -> int:
        """Packs that are picked up at a site."""
        return sum(part.packs for part in self.parts if part.site == site)


class Tms:
    """The books of the TMS."""

    def __init__(self, desk: Desk, world: World) -> None:
        self.desk = desk
        self._answers = AnswerBook(desk.system)
        self._world = world
        self._tenders: dict[str, TenderBooking] = {}

    def routes(self) -> list[Route]:
        """The dialect under `/tms`."""
        order = "/v1/tenders/{order}"
        return [
            self.desk.takes("/v1/tenders", Tender, self._take),
            self.desk.takes(f"{order}/amendments", TenderAmendment, self._amend),
            self.desk.takes(f"{order}/hold", TenderHold, self._hold),
            self.desk.takes(f"{order}/void", TenderVoid, self._void),
            self.desk.takes("/v1/shipments/{shipment}/interception", Interception, self._intercept),
            self.desk.takes("/v1/collections", ReturnCollection, self._collect),
            self.desk.shows(order, self._find),
            self._answers.route(),
            executed(self.desk),
            *self.desk.control(),
        ]

    def _find(self, path: Mapping[str, str]) -> TenderBooking | None:
        return self._tenders.get(path["order"])

    def _known(self, number: str) -> TenderBooking:
        return self._tenders.get(number) or TenderBooking(order=number)

    def _write(self, number: str, **change: object) -> Accepted:
        booking = self._known(number).model_copy(update=change)
        self._tenders[number] = booking
        return self.desk.accepted()

    def _take(self, call: Call, instance: str, body: Tender) -> Accepted:
        def book() -> Accepted:
            known = self._known(body.order)
            carrier = self._world.choose(body)
            if known.never:
                self._write(body.order, carrier=carrier)
                return self.desk.accepted(carrier)
            pending = self._answers.pending(body.order)
            if not pending:
                self._world.tender(body)
            self._write(
                body.order,
                state=TenderState.PENDING if pending else TenderState.ACCEPTED,
                carrier=None if pending else carrier,
                attempts=known.attempts + 1,
                expedite=known.expedite or body.expedite,
                address_version=max(1, known.address_version),
                **known.carrying(body.site or "", body.packs),
            )
            return self.desk.accepted(None if pending else carrier)

        operation = Operation.TENDER_TRANSPORT
        again = f"{body.site or ''}|{call.after(operation)}"
        return self.desk.ledger.once(call, deed(instance, operation, body.order, occurrence=again), book)

    def _amend(self, call: Call, instance: str, body: TenderAmendment) -> Accepted:
        def amend() -> Accepted:
            known = self._known(body.order)
            return self._write(
                body.order,
                expedite=known.expedite or body.expedite,
                address_version=known.address_version + (body.ship_to is not None),
                **known.carrying("", known.packs_from("") + body.packs),
            )

        operation = Operation.AMEND_TENDER
        what = deed(instance, operation, body.order, occurrence=call.after(operation))
        return self.desk.ledger.once(call, what, amend)

    def _hold(self, call: Call, instance: str, body: TenderHold) -> Accepted:
        def hold() -> Accepted:
            self._world.hold(body.order, None, on=body.on)
            return self._write(body.order, held=body.on)

        operation = Operation.HOLD_TRANSPORT if body.on else Operation.RESUME_TRANSPORT
        what = deed(instance, operation, body.order, occurrence=call.after(operation))
        return self.desk.ledger.once(call, what, hold)

    def _void(self, call: Call, instance: str, body: TenderVoid) -> Accepted:
        def void() -> Accepted:
            left = self._known(body.order).carrying(body.site or "", 0)
            if body.site and left["packs"]:
                return self._write(body.order, **left)
            self._world.void(body.order)
            return self._write(body.order, state=TenderState.VOID, **left)

        operation = Operation.VOID_TENDER
        again = f"{body.site or ''}|{call.after(operation)}"
        return self.desk.ledger.once(call, deed(instance, operation, body.order, occurrence=again), void)

    def _intercept(self, call: Call, instance: str, body: Interception) -> Accepted:
        def intercept() -> Accepted:
            gone = Refusal("cannot_intercept", f"shipment {body.shipment} can no longer be stopped")
            self._answers.check(body.order, "intercept", gone)
            self._world.intercept(body.order, body.shipment)
            return self._write(body.order, intercepted=(*self._known(body.order).intercepted, body.shipment))

        what = deed(instance, Operation.INTERCEPT_SHIPMENT, body.order, body.shipment)
        return self.desk.ledger.once(call, what, intercept)

    def _collect(self, call: Call, instance: str, body: ReturnCollection) -> Accepted:
        def collect() -> Accepted:
            return self._write(body.order, collections=(*self._known(body.order).collections, body))

        what = deed(instance, Operation.COLLECT_RETURN, body.order, occurrence=body.rma)
        return self.desk.ledger.once(call, what, collect)
