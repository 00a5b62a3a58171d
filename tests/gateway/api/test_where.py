"""Where a milestone happened, and to which pallets and cartons: kept, shown, and passed on."""

from datetime import UTC, datetime
from typing import Any

from dispatch.events import event_mapping
from domain.orders import lifecycle
from schemas.base import Role
from schemas.messaging.envelope import Envelope
from schemas.messaging.order_effects import ReportMilestone
from schemas.orders.milestones import Milestone, MilestoneKind, ShippedLine
from schemas.orders.release import OrderStatus
from schemas.parsing import check
from store.messaging import events, inbox
from tests.domain.builders import start
from tests.gateway import tower_rows
from tests.gateway.harness import Gateway
from tests.gateway.messages import event

UNITS = ["376130321109103420", "106141412345678908"]
HEARD = datetime(2026, 5, 5, 13, tzinfo=UTC)


def envelope(event_id: str, **said: Any) -> Envelope[Milestone]:
    """An event through the door."""
    return check(Envelope[Milestone], event(event_id=event_id, **said))


async def placed(gateway: Gateway, *said: Envelope[Milestone]) -> None:
    """Events in the log, on order SO-LATE."""
    async with gateway.database.transaction() as connection:
        for it in said:
            [inbox_id] = await inbox.insert(connection, [tower_rows.message(f"event {it.id}")])
            message = inbox.Message(inbox_id, "dhl", inbox.EVENT, "", b"", "", HEARD, 0)
            event = event_mapping.placed(message, it, {"erp-one/SO-LATE": ()}, Role.CARRIER)
            await events.place(connection, [event])


async def test_the_order_shows_where_its_shipment_was_last_and_what_it_is_made_of(gateway: Gateway) -> None:
    await tower_rows.release(gateway.database, "SO-LATE")
    await tower_rows.step(gateway.database, "SO-LATE", OrderStatus.SHIPPED)
    about = {"order": "SO-LATE", "shipment": "DN-SO-LATE"}
    left = envelope(
        "1", **about, kind="shipped", occurred_at="2026-03-05T12:00:00Z", handling_units=UNITS, location="NLRTM"
    )
    hub = envelope("2", **about, occurred_at="2026-03-06T12:00:00Z", location="DEHAM")
    silent = envelope("3", **about, occurred_at="2026-03-07T12:00:00Z", kind="out_for_delivery")
    await placed(gateway, hub, left, silent)
    shown = (await gateway.get("/v1/orders/SO-LATE", "erp-one")).json()
    assert [(it["line"], it["unit"]) for it in shown["lines"]] == [(1, "PK")]
    [shipment] = shown["shipments"]
    assert (shipment["location"], shipment["handling_units"]) == ("DEHAM", UNITS)
    said = [(it["kind"], it.get("location"), it["handling_units"]) for it in shown["timeline"]]
    assert said == [("shipped", "NLRTM", 2), ("in_transit", "DEHAM", 0), ("out_for_delivery", None, 0)]
    page = (await gateway.get("/tower/orders/erp-one/SO-LATE", "helpdesk")).text
    assert "last at DEHAM" in page
    assert f"SSCC {', '.join(UNITS)}" in page
    assert "dhl · DN-SO-LATE · NLRTM · handling units: 2" in page


def test_the_erp_is_told_where_it_happened_and_to_what() -> None:
    order = start()
    lines = [{"line": 1, "quantity": 5}]
    said = envelope("1", order=order.number, kind="shipped", lines=lines, handling_units=UNITS, location="NLRTM")
    kept = inbox.Message(2, "wms-lys", inbox.EVENT, "1", b"", "", HEARD, 0)
    packs = (ShippedLine(line=1, quantity=5),)
    heard = event_mapping.placed(kept, said, {order.key: packs}, Role.WMS).orders[order.key]
    assert (heard.location, heard.handling_units) == ("NLRTM", tuple(UNITS))
    opened = lifecycle.open_order(order).state
    told = [it.payload for it in lifecycle.apply(opened, heard).effects]
    [report] = [it for it in told if isinstance(it, ReportMilestone) and it.milestone is MilestoneKind.SHIPPED]
    assert (report.location, report.handling_units) == ("NLRTM", tuple(UNITS))
