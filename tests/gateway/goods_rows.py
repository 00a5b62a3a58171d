"""Stock, supply, promises, purchases and books for the control tower, written by the store's own functions."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from schemas.base import Origin
from schemas.cases.exceptions import ExceptionKind
from schemas.cases.policies import PolicyRule
from schemas.finance.reconciliation import About, Difference, DifferenceClass, DifferenceState, ReconcileRun
from schemas.inventory.promising import REPLENISHMENT, STOCK, Given, Reservation, Terms
from schemas.inventory.reports import InventoryKind, InventoryReport
from schemas.inventory.stock import Moves, StockMove
from schemas.inventory.supply import Supply, SupplyKind
from schemas.orders.release import LinePromise, Promise
from schemas.planning.forecast import ForecastBatch, ForecastRow, PeriodLength
from schemas.procurement.documents import Match, PurchaseLine, PurchaseOrder
from schemas.procurement.postings import SettlementDecision
from schemas.procurement.purchase_orders import InboundShipment, InvoiceRecord, PurchaseLineRecord, PurchaseStatus
from schemas.procurement.replenishment import (
    Hop,
    ReplenishmentProposal,
    ReplenishmentRecord,
    ReplenishmentState,
    SourcedBy,
)
from store.cases import policies
from store.engine import Database
from store.finance import freight, reconciliation
from store.inventory import ledger, promising, stock, supply
from store.inventory.valuing import Worth
from store.planning import forecast
from store.procurement import purchase_orders, purchase_steps, replenishments
from tests import written
from tests.gateway import tower_rows

NOW = datetime.now(UTC)
TODAY = NOW.date()
ITEM, SITE, ERP = "PUMP-200", "LYS", "erp-one"
LONG = "HYDRAULIC-PRESSURE-REGULATOR-ASSEMBLY-WITH-GASKETS-XL-000017"
"""An item with as many characters as one can have."""


def day(days: int) -> date:
    """A day from now."""
    return TODAY + timedelta(days=days)


async def receive(database: Database, item: str, packs: int, site: str = SITE, damaged: int = 0) -> None:
    """A warehouse finds packs, and breaks some."""

    def report(kind: InventoryKind, quantity: int, minute: int) -> InventoryReport:
        at = NOW - timedelta(minutes=minute)
        return InventoryReport(
            id=f"{kind}-{item}-{site}", kind=kind, site=site, item=item, quantity=quantity, occurred_at=at
        )

    reports = [report(InventoryKind.RECEIPT, packs, 9)]
    reports += [report(InventoryKind.DAMAGE, damaged, 5)] if damaged else []
    async with database.transaction() as connection:
        await stock.take_in(connection, f"wms-{site.lower()}", reports)


async def coming(
    database: Database, number: str, packs: int, days: int, item: str = ITEM, site: str = SITE, shipment: str = ""
) -> str:
    """Supply from a purchase order; returns its key."""
    key = "/".join(part for part in ("po", ERP, number, "1", shipment) if part)
    one = Supply(
        key=key,
        item=item,
        site=site,
        kind=SupplyKind.PURCHASE,
        ref=f"PO {number}",
        packs=packs,
        day=day(days),
        shipment=shipment,
    )
    async with database.transaction() as connection:
        await supply.set_supplies(connection, [one])
    return key


async def expect(database: Database, item: str, site: str, packs: int, days: int) -> None:
    """Planning expects so many packs to be ordered for each of these days."""
    rows = tuple(ForecastRow(item=item, site=site, period=day(n), packs=packs) for n in range(days))
    batch = ForecastBatch(version=f"{item}-{packs}", made_at=NOW, bucket=PeriodLength.DAY, rows=rows)
    async with database.transaction() as connection:
        await forecast.take_in(connection, "planner", batch)


async def promise(
    database: Database,
    number: str,
    parts: tuple[tuple[str, int, int], ...],
    item: str = ITEM,
    site: str = SITE,
    priority: int = 3,
    reason: str = "as requested",
) -> None:
    """An order that holds packs of an item: (supply key, packs, days until they are on hand)."""
    await tower_rows.release(database, number)
    last = max(days for _, _, days in parts) + 2
    given = Given(
        promise=Promise(promised_on=day(last), lines=(LinePromise(line=1, promised_on=day(last)),), reason=reason)
    )
    terms = Terms(site=site, released_on=TODAY, lead_days=2, replenish_days=7, priority=priority)
    reservations = [
        Reservation(
            line=1,
            item=item,
            site=site,
            supply=key,
            packs=packs,
            due=day(days),
            day=day(days + 2),
            wanted_on=day(3),
            late=days > 1,
        )
        for key, packs, days in parts
    ]
    key = f"{ERP}/{number}"
    async with database.transaction() as connection:
        await promising.give(connection, key, given, terms, reservations)
        await connection.execute(
            "INSERT INTO promise (order_key, promised_on, reason) VALUES (%s, %s, %s)", (key, day(last), reason)
        )


async def levels(database: Database) -> None:
    """PUMP-200 at LYS runs short in nine days; SEAL-7 is short now; the rest is covered, one with a very long name."""
    await receive(database, ITEM, 120, damaged=6)
    late = await coming(database, "4500017", 60, 4, shipment="ASN-88")
    await coming(database, "4500021", 200, 21)
    await promise(database, "SO-URGENT", ((STOCK, 80, 0),), priority=1, reason="promised 30 Nov: 80 from LYS now")
    await promise(
        database,
        "SO-SECOND",
        ((STOCK, 20, 0), (late, 40, 4)),
        priority=2,
        reason="promised 4 Dec: 20 from LYS now, 40 from PO 4500017 due 2 Dec",
    )
    await promise(database, "SO-THIRD", ((REPLENISHMENT, 90, 9),), reason="promised 9 Dec: 90 replenished by 7 Dec")
    await receive(database, "SEAL-7", 10)
    await promise(database, "SO-SEAL", ((STOCK, 25, 0),), item="SEAL-7", reason="promised 30 Nov: 25 from LYS now")
    await receive(database, "VALVE-3", 4_000, site="RDC-EMEA")
    await receive(database, LONG, 12_345, site="RDC-EMEA")
    await promise(database, "SO-VALVE", ((STOCK, 1_500, 0),), item="VALVE-3", site="RDC-EMEA")


async def purchase(
    database: Database,
    number: str,
    status: PurchaseStatus = PurchaseStatus.ORDERED,
    received: int = 0,
    **changes: object,
) -> str:
    """A purchase order of 60 packs of PUMP-200 and 40 of SEAL-7, due in four days; returns its key."""
    order = PurchaseOrder(
        number=number,
        supplier="acme",
        site=SITE,
        region="EMEA",
        currency="EUR",
        ordered_at=NOW - timedelta(days=6),
        lines=(
            PurchaseLine(line=1, item=ITEM, packs=60, unit_price=Decimal("48.50"), due_on=day(4)),
            PurchaseLine(line=2, item="SEAL-7", packs=40, unit_price=Decimal("3.25"), due_on=day(4)),
        ),
    )
    async with database.transaction() as connection:
        key = await purchase_orders.open_purchase(connection, ERP, order, [ERP, "acme"])
    lines = tuple(
        PurchaseLineRecord(
            line=x.line,
            item=x.item,
            ordered=x.packs,
            confirmed=None if status is PurchaseStatus.ORDERED else x.packs,
            received=received,
            unit_price=x.unit_price,
            due_on=x.due_on,
            expected_on=x.due_on,
        )
        for x in order.lines
    )
    closed = status in (PurchaseStatus.SETTLED, PurchaseStatus.CANCELLED)
    record = written.purchase_record(order=key, version=1, status=status, purchase=order, closed=closed, lines=lines)
    await purchase_steps.write(database, written.step(written.but(record, **changes)))
    return key


async def purchases(database: Database) -> None:
    """One purchase order of each sort: fresh; short and late; received, with a held invoice and a case; over."""
    await purchase(database, "4500021")
    short = PurchaseLineRecord(
        line=1,
        item=ITEM,
        ordered=60,
        confirmed=45,
        advised=45,
        unit_price=Decimal("48.50"),
        due_on=day(4),
        expected_on=day(7),
    )
    shipment = InboundShipment(
        shipment="ASN-88",
        carrier="dhl",
        eta=NOW + timedelta(days=7),
        status="departed",
        handling_units=("376130321109103420",),
    )
    await purchase(database, "4500017", PurchaseStatus.SHIPPED, lines=(short,), shipments=(shipment,))
    held = InvoiceRecord(
        number="INV-901",
        revision=1,
        decision=SettlementDecision.HELD,
        match=Match.THREE_WAY,
        currency="EUR",
        amount=Decimal("3120.00"),
        due_on=day(30),
        reasons=("line 1: 52.00 invoiced, 48.50 ordered per pack",),
    )
    came = PurchaseLineRecord(
        line=1,
        item=ITEM,
        ordered=60,
        confirmed=60,
        advised=60,
        received=60,
        damaged=4,
        invoiced=60,
        unit_price=Decimal("48.50"),
        due_on=day(-2),
        expected_on=None,
    )
    key = await purchase(database, "4500009", PurchaseStatus.RECEIVED, lines=(came,), invoices=(held,))
    await tower_rows.case(
        database,
        key.partition("/")[2],
        ExceptionKind.INVOICE_MISMATCH,
        "purchasing",
        summary="invoice INV-901 asks 52.00 per pack, 48.50 were ordered",
    )
    await purchase(database, "4500002", PurchaseStatus.SETTLED, received=40)


async def proposal(database: Database, id: str, hop: Hop, origin: Origin, reason: str) -> None:
    """A proposal of planning that a hop refused."""
    wanted = ReplenishmentProposal(
        id=id,
        erp=ERP,
        kind=SourcedBy.PURCHASE,
        item=ITEM,
        site=SITE,
        region="EMEA",
        supplier="acme",
        quantity=90,
        wanted_on=day(9),
        proposed_at=NOW,
    )
    async with database.transaction() as connection:
        await replenishments.open_replenishment(connection, "planner", wanted, "digest")
    record = ReplenishmentRecord(
        proposal=wanted,
        by="planner",
        version=1,
        state=ReplenishmentState.REFUSED,
        hop=hop,
        origin=origin,
        reason=reason,
    )
    await replenishments.write(database, written.step(record))


async def refused(database: Database) -> None:
    """Two proposals that failed, each at another hop."""
    await proposal(database, "RP-1", Hop.ERP, Origin.ERP_RULE, "the budget of EMEA for this month is used up")
    await proposal(database, "RP-2", Hop.TRANSFORMATION, Origin.TRANSFORMATION, "units_per_pack is missing: 90 EA")


async def compared(
    database: Database, run: ReconcileRun, *found: tuple[Difference, DifferenceState], error: str = ""
) -> None:
    """A comparison that ended, with what it found; those that are open are in a case."""
    at = NOW - timedelta(minutes=3)
    case = f"{run.case_order}/stock_difference/1"
    async with database.transaction() as connection:
        name = f"{run.workflow_id}/1"
        await reconciliation.begun(connection, run, name, at)
        kept = [(it, state, case if state is DifferenceState.OPEN else None) for it, state in found]
        await reconciliation.keep(connection, run, kept, at)
        explained = sum(1 for it, _ in found if it.explained_by)
        await reconciliation.ended(connection, name, 40, len(found), explained, error or None)


def difference(item: str, place: str, ours: int, theirs: int, **changes: object) -> Difference:
    """A difference in stock."""
    one = Difference(
        about=About.STOCK,
        subject=f"{place}/{item}",
        item=item,
        place=place,
        kind=DifferenceClass.QUANTITY,
        ours=f"{ours}",
        theirs=f"{theirs}",
        owner="wms",
        proposal=f"count {item} at {place.partition(':')[2]} and report what is there",
    )
    return one.model_copy(update=changes)


async def books(database: Database) -> None:
    """Goods of two currencies on their way with freight accrued, and comparisons: one clean, one with a difference
    that nobody can explain and one that passes by itself, one that could not be made."""
    async with database.transaction() as connection:
        await policies.put(connection, PolicyRule(id="freight", about="freight", body={"share": 0.05}))
    for number, currency, value in (("SO-EUR", "EUR", "12.50"), ("SO-USD", "USD", "8.00")):
        key = await tower_rows.release(database, number)
        moves = {"supplier:acme": -100, "on_hand:LYS": 60, f"transit:DN-{number}": 40}
        async with database.transaction() as connection:
            await ledger.set_values(connection, key, currency, {"GEAR-5": Worth(Decimal(value), 1)})
            await ledger.book(
                connection,
                [
                    StockMove(
                        key=f"{key}/v1",
                        kind="step",
                        source="order",
                        ref=key,
                        moves={at: {"GEAR-5": n} for at, n in moves.items()},
                    )
                ],
            )
            sent: Moves = {f"transit:DN-{number}": {"GEAR-5": 40}}
            await freight.accrue(connection, written.booking(f"{key}/v1", "order", key, sent))
    await receive(database, "GEAR-5", 500)
    await compared(database, ReconcileRun(system="erp", target=ERP))
    passes = difference(
        "GEAR-5", "site:LYS", 420, 460, kind=DifferenceClass.TIMING, explained_by="message 17 (received)"
    )
    real = difference("PUMP-200", "site:LYS", 120, 117)
    await compared(
        database,
        ReconcileRun(system="wms", target="LYS"),
        (passes, DifferenceState.WAITING),
        (real, DifferenceState.OPEN),
    )
    about = "stock/wms/LYS"
    await tower_rows.case(
        database,
        "",
        ExceptionKind.STOCK_DIFFERENCE,
        "inventory",
        id=f"{about}/stock_difference/1",
        order=about,
        actions=(),
        summary="1 difference with the warehouse of LYS",
    )
    await compared(database, ReconcileRun(system="planning", target="EMEA"), error="planning gave no answer in 10 s")


async def everything(database: Database) -> None:
    """All of it; VALVE-3 runs out if its forecast comes true."""
    await levels(database)
    await expect(database, "VALVE-3", "RDC-EMEA", 100, 40)
    await purchases(database)
    await refused(database)
    await books(database)
