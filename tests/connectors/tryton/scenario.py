"""What is recorded with a real Tryton, and replayed without one: the same calls, in the same order."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime

from connectors.ports import Call, ErpPort, Refused, StockPort, WmsPort
from connectors.routing import CallRouter
from schemas.base import System
from schemas.messaging.effects import LineTarget
from schemas.messaging.instructions import (
    ErpCancellation,
    ErpMilestone,
    ErpPromise,
    ReturnNotice,
    WarehouseAmendment,
    WarehouseCancellation,
    WarehouseHold,
    WarehouseInstruction,
)
from schemas.orders.milestones import MilestoneKind, ShippedLine
from schemas.orders.release import OrderLine, OrderStatus, Party

SITE, ITEM, BUYER = "LYS", "SKU-1", "C-001"
SETTINGS = {"company": 1, "warehouses": {SITE: "WH"}}
ADDRESS = "Größe 9\n東京 🚚 אבג"
DAY, LATER = date(2031, 6, 2), date(2031, 6, 5)
AT = datetime(2031, 6, 2, 8, 30, tzinfo=UTC)
TOO_MANY = 1_000_000
"""Packs that no warehouse of the tests has."""
ROAD = (
    (MilestoneKind.PICKED, OrderStatus.PICKED),
    (MilestoneKind.PACKED, OrderStatus.PACKED),
    (MilestoneKind.SHIPPED, OrderStatus.SHIPPED),
    (MilestoneKind.IN_TRANSIT, OrderStatus.IN_TRANSIT),
    (MilestoneKind.DELIVERED, OrderStatus.DELIVERED),
)


def instruction(order: str, packs: int) -> WarehouseInstruction:
    """An order of one line."""
    lines = (OrderLine(line=1, item=ITEM, quantity=packs),)
    ship_to = Party(id=BUYER, name="東京 Handel", country="JP", address=ADDRESS)
    return WarehouseInstruction(
        order=order, site=SITE, revision=1, lines=lines, ship_to=ship_to, priority=3, promised_on=DAY
    )


def amendment(order: str, packs: int, revision: int) -> WarehouseAmendment:
    """So many packs, on a later day."""
    lines = (LineTarget(line=1, item=ITEM, quantity=packs),)
    return WarehouseAmendment(
        order=order, site=SITE, revision=revision, lines=lines, promised_on=LATER, reason="„mehr“ Ω"
    )


async def told(answer: Awaitable[object]) -> str:
    """What came of a call, in a line."""
    try:
        return f"{await answer}"
    except Refused as error:
        return f"{error.origin}: {error}"


async def warehouse_calls(router: CallRouter) -> list[str]:
    """Calls of a warehouse; what came of each."""
    port, stock = router.port(WmsPort, System.WMS), router.port(StockPort, System.WMS)

    def call(order: str, what: str) -> Call:
        return Call(SITE, f"erp-one/{order}/{what}")

    def hold(revision: int, *, on: bool) -> WarehouseHold:
        return WarehouseHold(order="R-1", revision=revision, on=on, reason="credit")

    notice = ReturnNotice(order="R-1", rma="RMA-1", lines=(ShippedLine(line=1, quantity=1),), reason="„defekt“")
    stop = WarehouseCancellation(order="R-1", revision=7, reason="„storniert“")
    too_late = stop.model_copy(update={"order": "R-3"})
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: port.instruct(instruction("R-1", 2), call("R-1", "instruct")),
        lambda: port.instruct(instruction("R-1", 2), call("R-1", "instruct")),
        lambda: port.amend(amendment("R-1", 5, 3), call("R-1", "amend-3")),
        lambda: port.amend(amendment("R-1", 4, 2), call("R-1", "amend-2")),
        lambda: port.hold(hold(4, on=True), call("R-1", "hold")),
        lambda: port.hold(hold(5, on=False), call("R-1", "resume")),
        lambda: port.expect_return(notice, call("R-1", "return")),
        lambda: port.cancel(stop, call("R-1", "cancel")),
        lambda: port.cancel(stop, call("R-1", "cancel")),
        lambda: port.instruct(instruction("R-2", TOO_MANY), call("R-2", "instruct")),
        lambda: port.cancel(too_late, call("R-3", "cancel")),
        lambda: port.instruct(instruction("R-3", 1), call("R-3", "instruct")),
        lambda: stock.stock("", 10, call("R-1", "stock")),
    ]
    return [await told(it()) for it in calls]


async def sales_calls(router: CallRouter, number: str, other: str) -> list[str]:
    """Calls of an ERP about two sales of two packs; what came of each. `other` is cancelled."""
    port = router.port(ErpPort, System.ERP)

    def call(order: str, what: str) -> Call:
        return Call("erp-one", f"erp-one/{order}/{what}")

    promise = ErpPromise(order=number, revision=2, promised_on=LATER, reason="„später“")
    found = [await told(port.reschedule_promise(promise, call(number, "promise-2")))]
    for kind, status in ROAD:
        lines = (ShippedLine(line=1, quantity=2),)
        message = ErpMilestone(
            order=number, milestone=kind, order_status=status, shipment="DN-1", occurred_at=AT, lines=lines
        )
        found += [await told(port.report_milestone(message, call(number, kind))) for _ in range(2)]
    for order in (other, number, "NONE"):
        cancellation = ErpCancellation(order=order, reason="„storniert“")
        found.append(await told(port.confirm_cancellation(cancellation, call(order, "cancelled"))))
    return found
