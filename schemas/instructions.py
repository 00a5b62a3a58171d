"""Syncline's own REST dialect: what it posts to ERP, WMS, TMS and planning. Described by docs/contracts."""

from datetime import date
from typing import Annotated

from pydantic import Field

from schemas.base import Contract, Moment, OrderNumber, SiteId
from schemas.effects import PlanningDelta
from schemas.identifiers import Incoterm, TransportMode
from schemas.milestones import MilestoneKind, ShippedLine
from schemas.orders import LinePromise, OrderLine, OrderStatus, Party


class ErpMilestone(Contract):
    """POST {erp}/v1/orders/{number}/milestones. `order_status` is the whole order's status and never falls."""

    order: OrderNumber
    milestone: MilestoneKind
    order_status: OrderStatus
    shipment: str = ""
    occurred_at: Moment
    lines: tuple[ShippedLine, ...] = ()


class ErpPromise(Contract):
    """POST {erp}/v1/orders/{number}/promise: the promise was re-dated. `lines` has the lines whose day changed."""

    order: OrderNumber
    promised_on: date
    lines: tuple[LinePromise, ...] = ()
    reason: str = ""


class ErpCancellation(Contract):
    """POST {erp}/v1/orders/{number}/cancellation: the cancellation was carried out in every system."""

    order: OrderNumber
    reason: str


class WarehouseInstruction(Contract):
    """POST {wms}/v1/instructions: pick, pack and hand over (X12 940, EDIFACT IFTMIN/ORDERS role)."""

    order: OrderNumber
    site: SiteId
    lines: tuple[OrderLine, ...]
    ship_to: Party
    priority: int
    promised_on: date


class WarehouseCancellation(Contract):
    """POST {wms}/v1/instructions/{order}/cancellation: stop, or put away what was picked."""

    order: OrderNumber
    reason: str


class Tender(Contract):
    """POST {tms}/v1/tenders: carry this (X12 204). `carrier` only when the order names one."""

    order: OrderNumber
    ship_from: Party
    ship_to: Party
    carrier: str | None = None
    mode: TransportMode | None = None
    incoterm: Incoterm | None = None
    packs: int
    promised_on: date


class TenderVoid(Contract):
    """POST {tms}/v1/tenders/{order}/void."""

    order: OrderNumber
    reason: str


class PlanningBatch(Contract):
    """POST {planning}/v1/deltas: at most 500 movements of one region. Each delta's key makes it count once."""

    region: str
    deltas: Annotated[tuple[PlanningDelta, ...], Field(max_length=500)]


class Accepted(Contract):
    """What every dialect answers with 200 or 201. `replayed`: this key had been carried out before."""

    reference: str
    replayed: bool = False
    carrier: str | None = None
