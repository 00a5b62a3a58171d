"""What each operation for an order or its return needs: one payload for each, under the operation's name."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from schemas.base import Moment
from schemas.messaging.effects import ChangeKind, Effect, EffectPayload, LineTarget, Operation
from schemas.orders.milestones import Disposition, MilestoneKind, ShippedLine
from schemas.orders.release import LinePromise, OrderStatus

# Of a warehouse. Without a `site` the order's own is meant.


class InstructWarehouse(EffectPayload):
    """A site is to pick the whole order, or `targets` alone.

    `address_from`: the inbox message of the amendment that has the address, 0 for that of the release.
    """

    operation: Literal[Operation.INSTRUCT_WAREHOUSE] = Operation.INSTRUCT_WAREHOUSE
    promised_on: date
    site: str = ""
    targets: tuple[LineTarget, ...] = ()
    address_from: int = 0


class AmendWarehouse(EffectPayload):
    """What changes at a site: lines that have another quantity from now on, the address, the day.

    `address_from`: the inbox message that has the new address, 0 for that of the release; None when the address stays.
    """

    operation: Literal[Operation.AMEND_WAREHOUSE] = Operation.AMEND_WAREHOUSE
    site: str = ""
    targets: tuple[LineTarget, ...] = ()
    address_from: int | None = None
    promised_on: date | None = None
    reason: str = ""


class HoldWarehouse(EffectPayload):
    """The work of a site stops."""

    operation: Literal[Operation.HOLD_WAREHOUSE] = Operation.HOLD_WAREHOUSE
    site: str = ""
    reason: str = ""


class ResumeWarehouse(EffectPayload):
    """A site goes on."""

    operation: Literal[Operation.RESUME_WAREHOUSE] = Operation.RESUME_WAREHOUSE
    site: str = ""
    reason: str = ""


class CancelWarehouse(EffectPayload):
    """The pick instruction of a site is taken back."""

    operation: Literal[Operation.CANCEL_WAREHOUSE] = Operation.CANCEL_WAREHOUSE
    site: str = ""
    reason: str = ""


class ExpectReturn(EffectPayload):
    """These packs come back to a site under an authorisation."""

    operation: Literal[Operation.EXPECT_RETURN] = Operation.EXPECT_RETURN
    rma: str
    lines: tuple[ShippedLine, ...]
    site: str = ""
    reason: str = ""


# Of transport. Without a `site` the order's own packs are meant.


class TenderTransport(EffectPayload):
    """Transport is offered: for the whole order, or so many `packs` from the site.

    `carrier`: who is asked; empty: the one that the release names, or whoever the transport desk chooses.
    `address_from` as in `InstructWarehouse`.
    """

    operation: Literal[Operation.TENDER_TRANSPORT] = Operation.TENDER_TRANSPORT
    promised_on: date
    site: str = ""
    carrier: str = ""
    packs: int | None = None
    address_from: int = 0


class AmendTender(EffectPayload):
    """What changes for the transport from a site. `packs`: so many in all, None when that stays.

    `address_from` as in `AmendWarehouse`.
    """

    operation: Literal[Operation.AMEND_TENDER] = Operation.AMEND_TENDER
    site: str = ""
    packs: int | None = None
    address_from: int | None = None
    promised_on: date | None = None
    expedite: bool = False
    reason: str = ""


class HoldTransport(EffectPayload):
    """Nothing is picked up."""

    operation: Literal[Operation.HOLD_TRANSPORT] = Operation.HOLD_TRANSPORT
    reason: str = ""


class ResumeTransport(EffectPayload):
    """It is picked up again."""

    operation: Literal[Operation.RESUME_TRANSPORT] = Operation.RESUME_TRANSPORT
    reason: str = ""


class VoidTender(EffectPayload):
    """The tender for a site's packs is taken back."""

    operation: Literal[Operation.VOID_TENDER] = Operation.VOID_TENDER
    site: str = ""
    reason: str = ""


class InterceptShipment(EffectPayload):
    """A shipment under way is brought back."""

    operation: Literal[Operation.INTERCEPT_SHIPMENT] = Operation.INTERCEPT_SHIPMENT
    shipment: str
    reason: str = ""


class CollectReturn(EffectPayload):
    """These packs are collected at the customer under an authorisation, and brought to the site."""

    operation: Literal[Operation.COLLECT_RETURN] = Operation.COLLECT_RETURN
    rma: str
    lines: tuple[ShippedLine, ...]
    site: str = ""


# Of an ERP


class ReportMilestone(EffectPayload):
    """A milestone of a shipment: the packs concerned, and `site` when a goods issue is of another than the order's own.

    `location` and `handling_units`: where it happened, and to which pallets and cartons. `correction`: it was told
    before, with other packs or of another day, and this replaces it.
    """

    operation: Literal[Operation.REPORT_MILESTONE] = Operation.REPORT_MILESTONE
    milestone: MilestoneKind
    order_status: OrderStatus
    occurred_at: Moment
    shipment: str = ""
    lines: tuple[ShippedLine, ...] = ()
    site: str = ""
    location: str = ""
    handling_units: tuple[str, ...] = ()
    correction: bool = False


class RedatePromise(EffectPayload):
    """The order is promised for another day; `promises` has the lines that moved."""

    operation: Literal[Operation.REDATE_PROMISE] = Operation.REDATE_PROMISE
    promised_on: date
    promises: tuple[LinePromise, ...]
    shipment: str = ""
    reason: str = ""


class ReportChange(EffectPayload):
    """Something else happened to the order or its return. Which fields say something depends on `change`.

    `lines` are the packs concerned, `targets` the packs that are wanted of a line from now on.
    """

    operation: Literal[Operation.REPORT_CHANGE] = Operation.REPORT_CHANGE
    change: ChangeKind
    reason: str = ""
    lines: tuple[ShippedLine, ...] = ()
    targets: tuple[LineTarget, ...] = ()
    site: str = ""
    shipment: str = ""
    rma: str = ""
    disposition: Disposition | None = None
    promised_on: date | None = None


class ConfirmCancellation(EffectPayload):
    """The order is cancelled in every system."""

    operation: Literal[Operation.CONFIRM_CANCELLATION] = Operation.CONFIRM_CANCELLATION
    reason: str


OrderPayload = Annotated[
    InstructWarehouse
    | AmendWarehouse
    | HoldWarehouse
    | ResumeWarehouse
    | CancelWarehouse
    | ExpectReturn
    | TenderTransport
    | AmendTender
    | HoldTransport
    | ResumeTransport
    | VoidTender
    | InterceptShipment
    | CollectReturn
    | ReportMilestone
    | RedatePromise
    | ReportChange
    | ConfirmCancellation,
    Field(discriminator="operation"),
]


class OrderEffect(Effect[OrderPayload]):
    """An effect for an order or its return."""


def sent_elsewhere(effects: Iterable[OrderEffect]) -> dict[str, tuple[ShippedLine, ...]]:
    """Packs of lines that other sites send instead, by site, as the ERP is told."""
    found: dict[str, tuple[ShippedLine, ...]] = {}
    for payload in (it.payload for it in effects):
        if isinstance(payload, ReportChange) and payload.change is ChangeKind.RE_SOURCED:
            found[payload.site] = (*found.get(payload.site, ()), *payload.lines)
    return found
