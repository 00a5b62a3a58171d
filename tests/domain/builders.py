"""Small builders: an order of two lines, and events on it."""

from datetime import UTC, date, datetime, timedelta

from schemas.base import Role, Variant
from schemas.lifecycle import OrderStart
from schemas.milestones import MilestoneEvent, MilestoneKind, ShippedLine
from schemas.orders import LineDue, LinePromise, Promise

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
DUE = date(2026, 5, 20)
FULL = (ShippedLine(line=1, quantity=40), ShippedLine(line=2, quantity=60))
FIRST = (ShippedLine(line=1, quantity=40), ShippedLine(line=2, quantity=10))
REST = (ShippedLine(line=2, quantity=50),)


def start(variant: Variant = Variant.DISTRIBUTION_CENTRE, *, pod: bool = False, clock: str = "wall") -> OrderStart:
    return OrderStart(
        erp="erp-one",
        number="SO-1",
        digest="d",
        inbox_id=1,
        variant=variant,
        region="EMEA",
        site="LYS",
        lines=(
            LineDue(line=1, item="A", quantity=40, due_on=DUE),
            LineDue(line=2, item="B", quantity=60, due_on=DUE),
        ),
        promise=Promise(
            promised_on=DUE, lines=(LinePromise(line=1, promised_on=DUE), LinePromise(line=2, promised_on=DUE))
        ),
        proof_of_delivery_required=pod,
        clock=clock,
        released_at=NOON,
        accepted_at=NOON,
    )


def event(
    kind: MilestoneKind,
    hours: float,
    *,
    shipment: str = "DN-1",
    lines: tuple[ShippedLine, ...] = (),
    eta: datetime | None = None,
    name: str = "",
) -> MilestoneEvent:
    return MilestoneEvent(
        id=f"src#{name or f'{shipment}.{kind}'}",
        kind=kind,
        shipment=shipment,
        occurred_at=NOON + timedelta(hours=hours),
        received_at=NOON + timedelta(hours=hours, minutes=1),
        partner="wms-lys",
        role=Role.WMS,
        inbox_id=int(hours * 10) + 2,
        lines=lines,
        eta=eta,
    )
