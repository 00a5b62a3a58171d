"""The physical course of an order: planned by a driver before release, or improvised by the systems."""

from typing import Annotated, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from schemas.base import Contract, LongText, Moment, OrderNumber, ShipmentId, SystemId, Variant
from schemas.messaging.instructions import Tender, WarehouseInstruction
from schemas.orders.milestones import MilestoneKind, ShippedLine
from schemas.orders.release import MAX_LINES

GOODS_KINDS = frozenset({MilestoneKind.ALLOCATED, MilestoneKind.PICKED, MilestoneKind.PACKED, MilestoneKind.SHIPPED})
CARRIAGE_KINDS = frozenset(
    {
        MilestoneKind.IN_TRANSIT,
        MilestoneKind.OUT_FOR_DELIVERY,
        MilestoneKind.DELIVERED,
        MilestoneKind.PROOF_OF_DELIVERY,
    }
)
MAX_BATCH = 500
"""Plans in one registration."""
CHOSEN_CARRIER = "chosen-carrier"
"""Partner of events that are told by whichever carrier the TMS chose at the tender."""


class PlannedEvent(Contract):
    """One milestone that `partner` will report. `occurred_at` is absent when it is the moment of telling."""

    kind: MilestoneKind
    partner: SystemId
    occurred_at: Moment | None = None
    eta: Moment | None = None
    reason: LongText | None = None

    @property
    def by_warehouse(self) -> bool:
        """Told once the WMS was instructed; every other event waits for the tender."""
        return self.partner.startswith("wms-")

    @model_validator(mode="after")
    def _delay_has_eta(self) -> Self:
        if self.kind is MilestoneKind.DELAYED and self.eta is None:
            raise ValueError("eta: is required for a delayed milestone")
        return self


class PlannedShipment(Contract):
    """A shipment, what it carries, and what will happen to it. Without an id its events name the whole order."""

    shipment: ShipmentId | None = None
    lines: Annotated[tuple[ShippedLine, ...], Field(max_length=MAX_LINES)] = ()
    events: Annotated[tuple[PlannedEvent, ...], Field(max_length=100)]

    def handles_goods(self, event: PlannedEvent) -> bool:
        """Whether a warehouse or supplier tells this event: they know the order, carriers only the shipment."""
        return event.by_warehouse or any(e.partner == event.partner and e.kind in GOODS_KINDS for e in self.events)

    def in_telling_order(self) -> tuple[PlannedEvent, ...]:
        """The events as planned, but none of the carriage before the goods were shipped."""
        kinds = [event.kind for event in self.events]
        shipped_at = kinds.index(MilestoneKind.SHIPPED) if MilestoneKind.SHIPPED in kinds else 0
        carriage = [not self.handles_goods(event) for event in self.events]
        places = [(max(at, shipped_at), True) if carriage[at] else (at, False) for at in range(len(kinds))]
        return tuple(event for _, event in sorted(zip(places, self.events, strict=True), key=lambda pair: pair[0]))


class OrderPlan(Contract):
    """Everything that will happen to one order. The number identifies it: no two orders may share one."""

    order: OrderNumber
    erp: SystemId | None = None
    variant: Variant
    shipments: Annotated[tuple[PlannedShipment, ...], Field(min_length=1, max_length=100)]

    @property
    def carrier(self) -> str | None:
        """The partner that carries the goods, when the plan says so."""
        events = (event for shipment in self.shipments for event in shipment.events)
        carriers = (event.partner for event in events if event.kind in CARRIAGE_KINDS)
        return next((carrier for carrier in carriers if carrier != CHOSEN_CARRIER), None)

    @property
    def events(self) -> int:
        """The number of events to report."""
        return sum(len(shipment.events) for shipment in self.shipments)


PlanBatch: TypeAdapter[tuple[OrderPlan, ...]] = TypeAdapter(
    Annotated[tuple[OrderPlan, ...], Field(max_length=MAX_BATCH)]
)
"""Body of `PUT /plans`."""


class PlansAccepted(Contract):
    """Answer to `PUT /plans`: how much was registered."""

    orders: int
    events: int


_CARRIAGE = (MilestoneKind.IN_TRANSIT, MilestoneKind.OUT_FOR_DELIVERY, MilestoneKind.DELIVERED)
_SYSTEM_ID: TypeAdapter[str] = TypeAdapter(SystemId)


def warehouse_of(site: str) -> str:
    """The partner that tells what happens at a site."""
    return f"wms-{site.lower()}"


def improvise_centre(instruction: WarehouseInstruction, number: int = 1) -> OrderPlan:
    """The usual course of what a distribution centre was told: one shipment with everything, the order's `number`th."""
    goods = (MilestoneKind.PICKED, MilestoneKind.PACKED, MilestoneKind.SHIPPED)
    shipment = PlannedShipment(
        shipment=f"{instruction.order}-{number}",
        lines=tuple(ShippedLine(line=line.line, quantity=line.quantity) for line in instruction.lines),
        events=_events(warehouse_of(instruction.site), goods) + _events(CHOSEN_CARRIER, _CARRIAGE),
    )
    return OrderPlan(order=instruction.order, variant=Variant.DISTRIBUTION_CENTRE, shipments=(shipment,))


def improvise_drop(tender: Tender) -> OrderPlan | None:
    """The usual course of a direct drop, told of the whole order because a tender names no lines.

    None when the place of dispatch is not the id of a partner that could tell.
    """
    try:
        supplier = _SYSTEM_ID.validate_python(tender.ship_from.id.lower())
    except ValidationError:
        return None
    events = _events(supplier, (MilestoneKind.SHIPPED,)) + _events(CHOSEN_CARRIER, _CARRIAGE)
    return OrderPlan(order=tender.order, variant=Variant.DIRECT_DROP, shipments=(PlannedShipment(events=events),))


def _events(partner: str, kinds: tuple[MilestoneKind, ...]) -> tuple[PlannedEvent, ...]:
    return tuple(PlannedEvent(kind=kind, partner=partner) for kind in kinds)
