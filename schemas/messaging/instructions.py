"""The Syncline REST API for systems: what it posts to ERP, WMS, TMS and planning. Described by docs/contracts."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from schemas.base import Contract, Day, Moment, OrderNumber, Reference, SiteId, Text, printable
from schemas.messaging.effects import ChangeKind, LineTarget
from schemas.orders.milestones import Disposition, MilestoneKind, ShippedLine
from schemas.orders.release import LinePromise, OrderLine, OrderStatus, Party
from schemas.standard_identifiers import Incoterm, TransportMode


class ErpMilestone(Contract):
    """POST {erp}/v1/orders/{number}/milestones. `order_status` is the whole order's status. It falls only with a change
    (`amended`, `backordered`, `re_sourced`) that asks for more, and with a `correction`. `lines`: what left, arrived or
    came back by it; of an `exception`, what it concerns. `site` only of a goods issue from another site than the
    order's own. `location` (UN/LOCODE) is where it happened, `handling_units` (SSCC) the pallets and cartons that it
    happened to, as far as they were reported.

    `correction`: this message replaces the earlier one on this milestone of the shipment, with its lines and moment.
    Reverse what was posted for that one, and post this. Of a milestone and shipment the highest `revision` counts, in
    any order of arrival; an older one is answered 200 with `superseded`. Each `exception` stands for itself.
    """

    order: OrderNumber
    milestone: MilestoneKind
    order_status: OrderStatus
    shipment: str = ""
    site: str = ""
    occurred_at: Moment
    lines: tuple[ShippedLine, ...] = ()
    location: str = ""
    handling_units: tuple[str, ...] = ()
    revision: int = 0
    correction: bool = False


class ErpPromise(Contract):
    """POST {erp}/v1/orders/{number}/promise: the promise was re-dated. `lines` has the lines whose day changed.
    The day of the highest `revision` counts."""

    order: OrderNumber
    revision: int = 0
    promised_on: Day
    lines: tuple[LinePromise, ...] = ()
    reason: str = ""


class ErpCancellation(Contract):
    """POST {erp}/v1/orders/{number}/cancellation: the cancellation was carried out in every system."""

    order: OrderNumber
    revision: int = 0
    reason: str


class ErpChange(Contract):
    """POST {erp}/v1/orders/{number}/changes: something else happened that the ERP's books must follow.

    `lines` are the packs concerned; `changes` the packs that are wanted of a line from now on: ordered, less what was
    cancelled. They, `promised_on`, and what is held or resumed, are absolute. Of each line and item, and of each of the
    others, the highest `revision` counts, in any order of arrival. An older one is answered 200 with `superseded`.
    `site` whose availability is cut by `short_picked`, for `reason`; `rma` and `disposition` those of a return.
    """

    order: OrderNumber
    revision: int = 0
    change: ChangeKind
    reason: str = ""
    lines: tuple[ShippedLine, ...] = ()
    changes: tuple[LineTarget, ...] = ()
    site: str = ""
    shipment: str = ""
    rma: str = ""
    disposition: Disposition | None = None
    promised_on: Day | None = None


class WarehouseInstruction(Contract):
    """POST {wms}/v1/instructions: pick, pack and hand over (X12 940, EDIFACT IFTMIN/ORDERS role).

    An amendment of a line with the same or a higher `revision` replaces it, also when it came first.
    """

    order: OrderNumber
    site: SiteId
    revision: int = 0
    lines: tuple[OrderLine, ...]
    ship_to: Party
    priority: int
    promised_on: Day


class WarehouseCancellation(Contract):
    """POST {wms}/v1/instructions/{order}/cancellation: stop, or put away what was picked. Nothing of the order is
    wanted from the site any more, nor by later messages."""

    order: OrderNumber
    revision: int = 0
    reason: str


class WarehouseAmendment(Contract):
    """POST {wms}/v1/instructions/{order}/amendments: what changes at this site.

    `lines` are absolute: so many packs of the item is the site to send of the line in all, what has left included; 0:
    none. Lines that are not named stay. `ship_to` when the address changed, `promised_on` when the day did. Of each
    line and item, of the address and of the day, the highest `revision` counts, in any order of arrival. An older one
    is answered 200 with `superseded`.
    """

    order: OrderNumber
    site: SiteId
    revision: int = 0
    lines: tuple[LineTarget, ...] = ()
    ship_to: Party | None = None
    promised_on: Day | None = None
    reason: str = ""


class WarehouseHold(Contract):
    """POST {wms}/v1/instructions/{order}/hold: stop work (`on`), or go on with it. The highest `revision` counts."""

    order: OrderNumber
    revision: int = 0
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
    A tender of a lower `revision` than a void or another tender of the same site is over: see `TenderAmendment`.
    """

    order: OrderNumber
    revision: int = 0
    ship_from: Party
    ship_to: Party
    carrier: str | None = None
    mode: TransportMode | None = None
    incoterm: Incoterm | None = None
    packs: int
    promised_on: Day
    expedite: bool = False
    site: SiteId | None = None


class TenderAmendment(Contract):
    """POST {tms}/v1/tenders/{order}/amendments: what changes for the packs that a site sends.

    `packs` is the absolute number to be carried from `site` (the order's own when absent), including what has left. It
    is absent when that stays. Of the packs of a site, of the address and of the day, the highest `revision` counts, in
    any order of arrival. An older one is answered 200 with `superseded`.
    """

    order: OrderNumber
    site: SiteId | None = None
    revision: int = 0
    packs: int | None = None
    ship_to: Party | None = None
    promised_on: Day | None = None
    expedite: bool = False
    reason: str = ""


class TenderHold(Contract):
    """POST {tms}/v1/tenders/{order}/hold: do not pick up (`on`), or do. The highest `revision` counts."""

    order: OrderNumber
    revision: int = 0
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
    """POST {tms}/v1/tenders/{order}/void: the tenders of lower revisions are over. `site`: only the packs that another
    site than the order's own sends."""

    order: OrderNumber
    revision: int = 0
    reason: str
    site: SiteId | None = None


class PlanningRow(Contract):
    """`packs` of an item at a site, net of a day and a kind; never 0. `key` makes it count once.

    `kind`: a milestone, with the packs that it moved; or `stock:on_hand`, `stock:allocated`,
    `stock:returns`, `stock:blocked`, `stock:in_transit`, with what that stock gained, or lost when negative.
    `day`: when it happened; of stock in transit, when it is to arrive.
    """

    key: str
    item: str
    site: str
    day: Day
    kind: str
    packs: int


class PlanningDemand(Contract):
    """Open demand: `packs` of an item that an order still wants from a site, by `day` at the earliest; 0 when none.

    It replaces what was known of this order, item and site by a lower `revision`; one by a higher revision stays.
    """

    key: str
    order: str
    item: str
    site: str
    day: Day
    packs: Annotated[int, Field(ge=0)]
    revision: Annotated[int, Field(ge=1)]


class PlanningBatch(Contract):
    """POST {planning}/v1/rows: at most 500 netted rows of what moved, and 500 figures of what orders still want.

    Rows are taken in their order, each by itself, and each row's key makes it count once: see `PlanningAnswer`.
    """

    rows: Annotated[tuple[PlanningRow, ...], Field(max_length=500)] = ()
    demand: Annotated[tuple[PlanningDemand, ...], Field(max_length=500)] = ()


class Accepted(Contract):
    """The answer of every standard API with 200 or 201. `replayed`: this key had been carried out before. `superseded`:
    a higher revision had come before, so this changes nothing any more. `carrier`: its id, where a tender is
    accepted."""

    reference: Reference
    replayed: bool = False
    superseded: bool = False
    carrier: Text | None = None


def _code(said: object) -> object:
    """A refusal counts whatever its rule is called: a row must not be asked again for ever because of a name."""
    return printable(said, 60) if isinstance(said, str) else said


class RowRefusal(Contract):
    """A row that planning did not count, and the rule: a `code`, short and free of personal data."""

    key: str
    code: Annotated[str, Field(max_length=60), BeforeValidator(_code)]


class PlanningAnswer(Accepted):
    """Planning's answer to rows and demand: every one counts but those `refused`.

    After a row that is refused, later rows of its item and site are refused too, as `behind`: their order is kept.
    Figures of demand are absolute, and taken each by itself.
    """

    refused: tuple[RowRefusal, ...] = ()
