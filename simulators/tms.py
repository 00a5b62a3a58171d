"""Stand-in TMS with its carriers: tenders, each with the carrier that takes it."""

from collections.abc import Mapping
from enum import StrEnum

from starlette.routing import Route

from schemas.base import Contract
from schemas.effects import Operation
from schemas.instructions import Accepted, Tender, TenderVoid
from simulators.desk import Desk
from simulators.journeys import World
from simulators.ledger import Call, deed


class TenderState(StrEnum):
    """What became of a tender."""

    ACCEPTED = "accepted"
    VOID = "void"


class TenderBooking(Contract):
    """A tender as the TMS keeps it. No carrier when the void came first."""

    order: str
    state: TenderState
    carrier: str | None = None


class Tms:
    """The books of the TMS."""

    def __init__(self, desk: Desk, world: World) -> None:
        self.desk = desk
        self._world = world
        self._tenders: dict[str, TenderBooking] = {}

    def routes(self) -> list[Route]:
        """The dialect under `/tms`."""
        return [
            self.desk.takes("/v1/tenders", Tender, self._take),
            self.desk.takes("/v1/tenders/{order}/void", TenderVoid, self._void),
            self.desk.shows("/v1/tenders/{order}", self._find),
            *self.desk.control(),
        ]

    def _find(self, path: Mapping[str, str]) -> TenderBooking | None:
        return self._tenders.get(path["order"])

    def _take(self, call: Call, instance: str, body: Tender) -> Accepted:
        def book() -> Accepted:
            known = self._tenders.get(body.order)
            carrier = self._world.tender(body)
            state = known.state if known else TenderState.ACCEPTED
            self._tenders[body.order] = TenderBooking(order=body.order, state=state, carrier=carrier)
            return self.desk.accepted(carrier)

        return self.desk.ledger.once(call, deed(instance, Operation.TENDER_TRANSPORT, body.order), book)

    def _void(self, call: Call, instance: str, body: TenderVoid) -> Accepted:
        def void() -> Accepted:
            known = self._tenders.get(body.order)
            carrier = known.carrier if known else None
            self._tenders[body.order] = TenderBooking(order=body.order, state=TenderState.VOID, carrier=carrier)
            self._world.stop(body.order)
            return self.desk.accepted()

        return self.desk.ledger.once(call, deed(instance, Operation.VOID_TENDER, body.order), void)
