"""Freight follows the goods: accrued when they leave, settled by the carrier's invoice, each once."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from domain.cases.escalation_policies import check
from domain.finance.freight import FreightInvoiced
from schemas.cases.policies import PolicyRule, Scope
from schemas.finance.erp_feed import ErpFreightPosting, ErpRowKind
from schemas.finance.valuation import FreightInvoice
from schemas.inventory.stock import Moves
from schemas.orders.release import OrderLine
from schemas.workflows.records import StepRecord
from store.cases import policies
from store.engine import Database
from store.finance import erp_feed, freight, freight_invoices, valuation
from store.messaging import inbox
from store.messaging.inbox import NewMessage
from store.orders import orders, steps
from tests import written
from tests.store.rows import FIRST, KEY, PICKED, RELEASE, SHIPPED

GOODS_ISSUE: Moves = {"on_hand:LYS": {"A": -40}, "transit:DN-1": {"A": 40}}
DELIVERY: Moves = {"transit:DN-1": {"A": -40}, "customer:": {"A": 40}}
INVOICE = FreightInvoice(id="F-1", order="SO-1", shipment="DN-1", amount="6.50", currency="USD")


async def rate(database: Database, share: float | None, **scope: str) -> None:
    """Set what carriers are expected to charge."""
    rule = PolicyRule(id="-".join(("freight", *scope)), about="freight", scope=Scope(**scope), body={"share": share})
    assert check(rule) == []
    async with database.transaction() as connection:
        await policies.put(connection, rule)


async def an_order(database: Database, value: str | None = "100", share: float | None = 0.05) -> None:
    """An order of 40 packs of A for 100 USD, promised; 5 % of the value are expected for freight."""
    if share is not None:
        await rate(database, share)
    line = OrderLine(line=1, item="A", quantity=40, value=value)
    async with database.transaction() as connection:
        [inbox_id] = await inbox.insert(connection, [NewMessage("erp-one", "api", inbox.RELEASE, "SO-1", "d", b"{}")])
        release = RELEASE.model_copy(update={"lines": (line,)})
        await orders.open_order(connection, "erp-one", release, "d", inbox_id, ["erp-one", "dhl"])
    await steps.write(database, written.step(FIRST))


def step(version: int, moves: Moves, of: StepRecord = SHIPPED) -> StepRecord:
    """A step that moves stock; what it brings on its way has left with it."""
    issued = {at: items for at, items in moves.items() if at.startswith("transit:") and min(items.values()) > 0}
    return written.but(of, version=version, moves=moves, issued=issued)


async def accounts(database: Database) -> dict[str, str]:
    """Accounts of freight that are not empty."""
    async with database.connection() as connection:
        rows = await valuation.accounts(connection)
    return {x["account"]: f"{x['amount']:.2f} {x['currency']}" for x in rows if x["account"].startswith("freight")}


async def accruals(database: Database, erp: str | None = None) -> list[dict[str, Any]]:
    """What no invoice has settled."""
    async with database.connection() as connection:
        return await freight.open_ones(connection, erp)


async def test_freight_is_accrued_once_when_goods_leave(database: Database) -> None:
    await an_order(database)
    await steps.write(database, written.step(step(1, {"on_hand:LYS": {"A": -40}, "allocated:LYS": {"A": 40}}, PICKED)))
    assert await accounts(database) == {}, "what is set aside has not left"
    for _ in range(2):
        await steps.write(database, written.step(step(3, GOODS_ISSUE)))
    await steps.write(database, written.step(step(4, DELIVERY)))
    assert await accounts(database) == {"freight_expense": "5.00 USD", "freight_accrued": "-5.00 USD"}
    [accrual] = await accruals(database, "erp-one")
    assert (accrual["order"], accrual["shipment"], accrual["amount"]) == (KEY, "DN-1", Decimal(5))
    assert await accruals(database, "erp-two") == []


async def test_an_invoice_settles_what_was_accrued_once(database: Database) -> None:
    await an_order(database)
    await steps.write(database, written.step(step(3, GOODS_ISSUE)))
    for _ in range(2):
        async with database.transaction() as connection:
            settled = await freight_invoices.settle_invoice(connection, "dhl", KEY, INVOICE, "digest")
        assert settled is not None
        assert (settled.accrued, settled.difference) == (Decimal(5), Decimal("1.50"))
    assert await accruals(database) == []
    assert await accounts(database) == {"freight_expense": "6.50 USD", "freight_payable": "-6.50 USD"}
    async with database.transaction() as connection:
        assert await freight_invoices.settle_invoice(connection, "dhl", KEY, INVOICE, "other content") is None
    for wrong, error in (({"shipment": "DN-9"}, LookupError), ({"currency": "EUR"}, ValueError)):
        with pytest.raises(error):
            async with database.transaction() as connection:
                await freight_invoices.settle_invoice(
                    connection, "dhl", KEY, INVOICE.model_copy(update={"id": "F-2", **wrong}), "d"
                )


async def test_what_a_lost_attempt_accrued_is_taken_back_with_its_movement(database: Database) -> None:
    await an_order(database)
    await steps.write(database, written.step(step(3, GOODS_ISSUE)))
    half: Moves = {"on_hand:LYS": {"A": -20}, "transit:DN-1": {"A": 20}}
    for _ in range(2):
        await steps.write(database, written.step(step(3, half), at=7))
    assert await accounts(database) == {"freight_expense": "2.50 USD", "freight_accrued": "-2.50 USD"}


async def test_goods_that_left_and_arrived_in_one_step_have_been_carried(database: Database) -> None:
    await an_order(database)
    at_once: Moves = {"on_hand:LYS": {"A": -40}, "customer:": {"A": 40}}
    issued: Moves = {"transit:DN-1": {"A": 40}}
    await steps.write(database, written.step(written.but(step(4, at_once), issued=issued)))
    assert [(x["shipment"], x["amount"]) for x in await accruals(database)] == [("DN-1", Decimal(5))]
    issued = {"transit:DN-1": {"A": -10}, "transit:DN-2": {"A": 10}}
    await steps.write(database, written.step(written.but(SHIPPED, version=5, issued=issued)))
    found = {x["shipment"]: x["amount"] for x in await accruals(database)}
    assert found == {"DN-1": Decimal("3.75"), "DN-2": Decimal("1.25")}, "some were in another shipment"


async def test_the_erp_is_told_of_each_movement_of_freight_once(database: Database) -> None:
    await an_order(database)
    await steps.write(database, written.step(step(3, GOODS_ISSUE)))
    half: Moves = {"on_hand:LYS": {"A": -20}, "transit:DN-1": {"A": 20}}
    for _ in range(2):
        await steps.write(database, written.step(step(3, half), at=7))
        async with database.transaction() as connection:
            await freight_invoices.settle_invoice(connection, "dhl", KEY, INVOICE, "digest")
    async with database.connection() as connection:
        rows = await erp_feed.take(connection, "erp-one", ErpRowKind.FREIGHT, 10)
        posted = await valuation.of_refs(connection, "erp-one", [KEY])
    found = [ErpFreightPosting.model_validate(row.body) for row in rows]
    assert [(x.event, x.freight_expense, x.freight_accrued, x.freight_payable) for x in found] == [
        ("accrual", 5, -5, 0),
        ("reversal", Decimal("-2.5"), Decimal("2.5"), 0),
        ("settlement", 4, Decimal("2.5"), Decimal("-6.5")),
    ]
    assert {(x.order, x.shipment, x.currency) for x in found} == {("SO-1", "DN-1", "USD")}
    assert len({x.key for x in found}) == len(found)
    ours = {x["account"]: x["amount"] for x in posted}
    assert ours["freight_expense"] == sum(x.freight_expense for x in found)
    assert ours["freight_payable"] == sum(x.freight_payable for x in found)
    assert (ours["inventory"], ours["goods_in_transit"]) == (-50, 50)


async def test_a_carriers_own_rate_is_taken(database: Database) -> None:
    await an_order(database)
    await rate(database, 0.2, site="PAR")
    await rate(database, 0.1, partner="dhl")
    await steps.write(database, written.step(step(3, GOODS_ISSUE)))
    assert [x["amount"] for x in await accruals(database)] == [10]


@pytest.mark.parametrize("own", [None, 0])
async def test_without_a_rate_that_somebody_set_nothing_is_accrued(database: Database, own: float | None) -> None:
    await an_order(database, share=None)
    if own is not None:
        await rate(database, 0.05)
        await rate(database, own, partner="dhl")
    await steps.write(database, written.step(step(3, GOODS_ISSUE)))
    assert await accruals(database) == []
    assert await accounts(database) == {}


async def test_freight_is_a_share_of_the_value_not_of_a_rounded_price(database: Database) -> None:
    await an_order(database, "0.1")
    await rate(database, 10)
    await steps.write(database, written.step(step(3, GOODS_ISSUE)))
    assert [x["amount"] for x in await accruals(database)] == [1]


async def test_an_invoice_is_held_against_the_rate_of_its_day_and_against_none(database: Database) -> None:
    """Whoever sets a rate is told of invoices that nothing was accrued for, from the next release on."""
    await an_order(database, share=None)
    await steps.write(database, written.step(step(3, GOODS_ISSUE)))
    await rate(database, 0.05)
    async with database.transaction() as connection:
        await freight_invoices.settle_invoice(connection, "dhl", KEY, INVOICE, "digest")
        [early] = await freight.invoiced(connection, "erp-one")
        await connection.execute("UPDATE order_view SET created_at = clock_timestamp()")
        [late] = await freight.invoiced(connection, "erp-one")
    assert [(x["rated"], FreightInvoiced.model_validate(x).fits) for x in (early, late)] == [
        (False, True),
        (True, False),
    ]


async def test_freight_of_goods_without_a_value_is_not_guessed(database: Database) -> None:
    await an_order(database, value=None)
    await steps.write(database, written.step(step(3, GOODS_ISSUE)))
    assert await accruals(database) == []


async def test_a_movement_that_does_not_add_up_or_changes_is_refused(database: Database) -> None:
    await an_order(database)
    await steps.write(database, written.step(step(3, GOODS_ISSUE)))
    with pytest.raises(psycopg.errors.CheckViolation, match=r"x: 1.0000 USD"):
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO freight_move VALUES ('x', 'r')")
            await connection.execute("INSERT INTO freight_entry VALUES ('x', 'freight_expense', 'DN-1', 'USD', 1)")
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        async with database.connection() as connection:
            await connection.execute("UPDATE freight_entry SET amount = 0")
