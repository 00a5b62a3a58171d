"""Syncline's own REST dialect: what it posts to ERP, WMS, TMS and planning. Described by docs/contracts."""

from datetime import date
from typing import Annotated

from pydantic import Field

from schemas.base import Contract, Moment, OrderNumber, SiteId
from schemas.effects import ChangeKind, LineChange
from schemas.identifiers import Incoterm, TransportMode
from schemas.milestones import Disposition, MilestoneKind, ShippedLine
from schemas.orders import LinePromise, OrderLine, OrderStatus, Party


class ErpMilestone(Contract):
    """POST {erp}/v1/orders/{number}/milestones. `order_status` is the whole order's status. It never falls,
    but when a change (`amended`, `backordered`, `re_sourced`) was told that asks for more. `site` only of a goods issue
    from another site than the order's own."""

    order: OrderNumber
    milestone: MilestoneKind
    order_status: OrderStatus
    shipment: str = ""
    site: str = ""
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


class ErpChange(Contract):
    """POST {erp}/v1/orders/{number}/changes: something else happened that the ERP's books must follow.

    `lines` are the packs concerned (for `amended`: nothing, `changes` has the differences); `site` whose availability
    is cut by `short_picked`, for `reason`; `rma` and `disposition` those of a return.
    """

    order: OrderNumber
    change: ChangeKind
    reason: str = ""
    lines: tuple[ShippedLine, ...] = ()
    changes: tuple[LineChange, ...] = ()
    site: str = ""
    shipment: str = ""
    rma: str = ""
    disposition: Disposition | None = None
    promised_on: date | None = None


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


class WarehouseAmendment(Contract):
    """POST {wms}/v1/instructions/{order}/amendments: the difference only. `ship_to` when the address changed."""

    order: OrderNumber
    changes: tuple[LineChange, ...] = ()
    ship_to: Party | None = None
    promised_on: date | None = None
    reason: str = ""


class WarehouseHold(Contract):
    """POST {wms}/v1/instructions/{order}/hold: stop work (`on`), or go on with it."""

    order: OrderNumber
    on: bool
    reason: str = ""


class ReturnNotice(Contract):
    """POST {wms}/v1/returns: these packs come back under this authorisation; receive and inspect them."""

    order: OrderNumber
    rma: str
    lines: tuple[ShippedLine, ...]
    reason: str = ""


class Tender(Contract):
    """POST {tms}/v1/tenders: carry this (X12 204). `carrier` only when one is wanted; `site` only when it is another
    than the order's own, which sends these packs: pick them up there.

    Answered with the carrier when it is accepted at once; without, a `tender_accepted` or `tender_rejected` follows.
    """

    order: OrderNumber
    ship_from: Party
    ship_to: Party
    carrier: str | None = None
    mode: TransportMode | None = None
    incoterm: Incoterm | None = None
    packs: int
    promised_on: date
    expedite: bool = False
    site: SiteId | None = None


class TenderAmendment(Contract):
    """POST {tms}/v1/tenders/{order}/amendments: `packs` more, or less when negative; a new day or address."""

    order: OrderNumber
    packs: int = 0
    ship_to: Party | None = None
    promised_on: date | None = None
    expedite: bool = False
    reason: str = ""


class TenderHold(Contract):
    """POST {tms}/v1/tenders/{order}/hold: do not pick up (`on`), or do."""

    order: OrderNumber
    on: bool
    reason: str = ""


class Interception(Contract):
    """POST {tms}/v1/shipments/{shipment}/interception: stop it under way and bring it back to the sender."""

    order: OrderNumber
    shipment: str
    reason: str = ""


class ReturnCollection(Contract):
    """POST {tms}/v1/collections: collect these packs at the customer and bring them to the site."""

    order: OrderNumber
    rma: str
    ship_from: Party
    site: str
    packs: int


class TenderVoid(Contract):
    """POST {tms}/v1/tenders/{order}/void. `site`: only the packs that another site than the order's own sends."""

    order: OrderNumber
    reason: str
    site: SiteId | None = None


class PlanningRow(Contract):
    """`packs` of an item at a site, net of a day and a kind; never 0. `key` makes it count once.

    `kind`: a milestone or a change of demand, with the packs that it moved; or `stock:on_hand`, `stock:allocated`,
    `stock:returns`, `stock:blocked`, `stock:in_transit`, with what that stock gained, or lost when negative.
    `day`: when it happened; of stock in transit, when it is to arrive.
    """

    key: str
    item: str
    site: str
    day: date
    kind: str
    packs: int


class PlanningBatch(Contract):
    """POST {planning}/v1/rows: at most 500 netted rows. Each row's key makes it count once.

    Rows are taken in their order, each by itself: see `PlanningAnswer`.
    """

    rows: Annotated[tuple[PlanningRow, ...], Field(max_length=500)]


class Accepted(Contract):
    """What every dialect answers with 200 or 201. `replayed`: this key had been carried out before."""

    reference: str
    replayed: bool = False
    carrier: str | None = None


class RowRefusal(Contract):
    """A row that planning did not count, and the rule: a `code`, short and free of personal data."""

    key: str
    code: Annotated[str, Field(max_length=60)]


class PlanningAnswer(Accepted):
    """What planning answers to rows: every row counts but those `refused`.

    After a row that is refused, later rows of its item and site are refused too, as `behind`: their order is kept.
    """

    refused: tuple[RowRefusal, ...] = ()
