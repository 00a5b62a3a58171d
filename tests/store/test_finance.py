"""Finance follows the packs: what one account gains another loses, once, at what the goods were released for."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import psycopg
import pytest

from schemas.finance import FinanceReport, FreightInvoice
from schemas.orders import OrderLine
from schemas.records import StepRecord
from schemas.returns import ReturnRecord, ReturnState
from schemas.stock import Moves
from store import finance, inbox, orders, returns, steps
from store.engine import Database
from store.inbox import NewMessage
from tests.store.rows import FIRST, KEY, PICKED, RELEASE, SHIPPED

GOODS_ISSUE: Moves = {"on_hand:LYS": {"A": -40}, "transit:DN-1": {"A": 40}}
DELIVERY: Moves = {"transit:DN-1": {"A": -40}, "customer:": {"A": 40}}
INVOICE = FreightInvoice(id="F-1", order="SO-1", shipment="DN-1", amount="6.50", currency="USD")


async def an_order(database: Database, value: float | None = 100.0) -> None:
    """An order of 40 packs of A for 100 USD, promised."""
    line = OrderLine(line=1, item="A", quantity=40, value=value)
    async with database.transaction() as connection:
        [inbox_id] = await inbox.accept(connection, [NewMessage("erp-one", "api", inbox.RELEASE, "SO-1", "d", b"{}")])
        release = RELEASE.model_copy(update={"lines": (line,)})
        await orders.open_order(connection, "erp-one", release, "d", inbox_id, ["erp-one", "dhl"])
    await steps.write(database, FIRST)


def step(version: int, moves: Moves, of: StepRecord = SHIPPED) -> StepRecord:
    """A step that moves stock."""
    return of.model_copy(update={"version": version, "moves": moves})


async def read(database: Database, **changes: Any) -> FinanceReport:
    """The finance report now."""
    async with database.connection() as connection:
        return await finance.report(connection, **{"as_of": datetime.now(UTC), "days": 2, **changes})


def accounts(report: FinanceReport) -> dict[str, str]:
    """Accounts that are not empty."""
    return {x.account: f"{x.amount:.2f} {x.currency}" for x in report.accounts if x.amount}


async def test_value_goes_with_the_goods_from_stock_to_transit_to_sold_and_back(database: Database) -> None:
    await an_order(database)
    await steps.write(database, step(1, {"on_hand:LYS": {"A": -40}, "allocated:LYS": {"A": 40}}, PICKED))
    assert accounts(await read(database)) == {}, "what is set aside is still stock"
    for _ in range(2):
        await steps.write(database, step(3, GOODS_ISSUE))
    freight = {"freight_expense": "5.00 USD", "freight_accrued": "-5.00 USD"}
    assert accounts(await read(database)) == {"goods_in_transit": "100.00 USD", "inventory": "-100.00 USD", **freight}
    shipped = datetime.now(UTC)
    await steps.write(database, step(4, DELIVERY))
    assert accounts(await read(database)) == {"cost_of_goods_sold": "100.00 USD", "inventory": "-100.00 USD", **freight}
    back: Moves = {"customer:": {"A": -10}, "returns:LYS": {"A": 10}}
    record = ReturnRecord(
        order=KEY,
        rma="R-1",
        version=1,
        state=ReturnState.RECEIVED,
        reason="too many",
        sender=False,
        by="erp-one",
        expected=(),
        moves=back,
    )
    await returns.write(database, record)
    report = await read(database)
    assert accounts(report) == {"cost_of_goods_sold": "75.00 USD", "inventory": "-75.00 USD", **freight}
    assert report.differences == ()
    earlier = await read(database, as_of=shipped)
    assert [(x.packs, x.amount) for x in earlier.in_transit] == [(40, Decimal(100))], "as it was then"
    assert report.in_transit[-1].amount == 0
    assert (await read(database, erp="erp-two")).accounts == ()


async def test_an_invoice_settles_what_was_accrued_once(database: Database) -> None:
    await an_order(database)
    await steps.write(database, step(3, GOODS_ISSUE))
    [accrual] = (await read(database)).accruals
    assert (accrual.order, accrual.shipment, accrual.amount) == (KEY, "DN-1", Decimal(5))
    for _ in range(2):
        async with database.transaction() as connection:
            settled = await finance.settle(connection, "dhl", KEY, INVOICE, "digest")
        assert settled is not None
        assert (settled.accrued, settled.difference) == (Decimal(5), Decimal("1.50"))
    report = await read(database)
    assert report.accruals == ()
    assert accounts(report)["freight_expense"] == "6.50 USD"
    assert accounts(report)["freight_payable"] == "-6.50 USD"
    async with database.transaction() as connection:
        assert await finance.settle(connection, "dhl", KEY, INVOICE, "other content") is None
    for wrong, error in (({"shipment": "DN-9"}, LookupError), ({"currency": "EUR"}, ValueError)):
        with pytest.raises(error):
            async with database.transaction() as connection:
                await finance.settle(connection, "dhl", KEY, INVOICE.model_copy(update={"id": "F-2", **wrong}), "d")


async def test_a_carriers_own_rate_is_taken(database: Database) -> None:
    await an_order(database)
    async with database.connection() as connection:
        await connection.execute("INSERT INTO freight_rate VALUES ('dhl', 0.1)")
    await steps.write(database, step(3, GOODS_ISSUE))
    assert [x.amount for x in (await read(database)).accruals] == [10]


async def test_goods_without_a_value_are_counted_not_guessed(database: Database) -> None:
    await an_order(database, value=None)
    await steps.write(database, step(3, GOODS_ISSUE))
    report = await read(database)
    assert (report.unvalued_packs, accounts(report), report.accruals) == (40, {}, ())
    assert report.differences == ()


async def test_the_value_of_a_pack_is_that_of_its_first_movement(database: Database) -> None:
    await an_order(database, value=100.01)
    await steps.write(database, step(3, GOODS_ISSUE))
    async with database.connection() as connection:
        await connection.execute("UPDATE order_view SET release = jsonb_set(release, '{lines,0,value}', '999')")
    await steps.write(database, step(4, DELIVERY))
    report = await read(database)
    assert accounts(report)["cost_of_goods_sold"] == "100.01 USD"
    assert report.in_transit[-1].amount == 0


async def test_finance_and_stock_agree_whatever_moves(database: Database) -> None:
    await an_order(database, value=100.0)
    chance, places = Random(7), ["on_hand:LYS", "allocated:LYS", "transit:DN-1", "transit:DN-2", "customer:", "scrap:"]
    for version in range(1, 60):
        here, there = chance.sample(places, 2)
        packs = chance.randrange(1, 9)
        await steps.write(database, step(version, {here: {"A": -packs}, there: {"A": packs}}, PICKED))
    assert (await read(database)).differences == ()


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (
            "UPDATE finance_entry SET amount = 99 WHERE packs > 0",
            (99, 100),
        ),
        ("DELETE FROM finance_entry", (0, 100)),
    ],
)
async def test_books_that_disagree_are_found(database: Database, change: str, difference: tuple[int, int]) -> None:
    await an_order(database)
    await steps.write(database, step(3, GOODS_ISSUE))
    async with database.connection() as connection:
        await connection.execute("ALTER TABLE finance_entry DISABLE TRIGGER USER")
        await connection.execute(change.encode())
    [found] = (await read(database)).differences
    assert (found.place, found.item, int(found.booked), int(found.expected)) == ("transit:DN-1", "A", *difference)


async def test_a_movement_that_does_not_add_up_or_changes_is_refused(database: Database) -> None:
    await an_order(database)
    await steps.write(database, step(3, GOODS_ISSUE))
    with pytest.raises(psycopg.errors.CheckViolation, match=r"x: 1.000000 USD"):
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO finance_move VALUES ('x', 'k', 'r', '', now())")
            await connection.execute("INSERT INTO finance_entry VALUES ('x', 'scrap', '', '', 'USD', 0, 1)")
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        async with database.connection() as connection:
            await connection.execute("UPDATE finance_entry SET amount = 0")


async def test_in_transit_by_day_ends_now(database: Database) -> None:
    await an_order(database)
    await steps.write(database, step(3, GOODS_ISSUE))
    report = await read(database, as_of=datetime.now(UTC) + timedelta(days=2), days=3)
    assert [(x.packs, x.amount) for x in report.in_transit] == [(40, Decimal(100))] * 3
