"""What stock is worth: from the ledger that supply chain reads, to the cent; an ERP sees its own."""

from decimal import Decimal
from typing import Any

import pytest

from schemas.inventory.stock import Moves
from store.finance import valuation
from store.inventory import ledger
from store.inventory.valuing import Worth
from tests import written
from tests.gateway.harness import Gateway

SHIPPED: Moves = {"on_hand:LYS": {"A": -30, "B": -1}, "transit:DN-1": {"A": 30, "B": 1}}
DELIVERED: Moves = {"transit:DN-1": {"A": -20}, "customer:": {"A": 20}}


@pytest.fixture
async def valued(gateway: Gateway) -> Gateway:
    """Goods of an order, at a third of a dollar each, have left and are partly delivered; another ERP's have left."""
    async with gateway.database.transaction() as connection:
        await ledger.set_values(connection, "erp-one/SO-1", "USD", {"A": Worth(Decimal("0.3333"), 1)})
        await ledger.set_values(connection, "erp-one/SO-1", "EUR", {"A": Worth(Decimal("99"), 1)})
        await ledger.set_values(connection, "erp-two/SO-1", "EUR", {"A": Worth(Decimal("2"), 1)})
        await ledger.post_movements(connection, written.booking("erp-one/SO-1/v3", "order", "erp-one/SO-1", SHIPPED))
        await ledger.post_movements(connection, written.booking("erp-one/SO-1/v4", "order", "erp-one/SO-1", DELIVERED))
        await ledger.post_movements(connection, written.booking("erp-two/SO-1/v3", "order", "erp-two/SO-1", SHIPPED))
    return gateway


def table(rows: list[dict[str, Any]]) -> dict[str, tuple[str, int]]:
    """amount and packs by account and currency."""
    return {f"{row['account']} {row['currency']}".strip(): (str(row["amount"]), row["packs"]) for row in rows}


async def test_accounts_have_value_and_packs_and_sum_to_zero(valued: Gateway) -> None:
    answer = (await valued.get("/v1/finance/accounts", "erp-one")).json()
    assert table(answer["accounts"]) == {
        "inventory USD": ("-9.9990", -30),
        "goods_in_transit USD": ("3.3330", 10),
        "cost_of_goods_sold USD": ("6.6660", 20),
        "inventory": ("0.0000", -1),
        "goods_in_transit": ("0.0000", 1),
    }
    assert answer["as_of"]
    everybody = (await valued.get("/v1/finance/accounts", "root")).json()["accounts"]
    assert table(everybody)["goods_in_transit EUR"] == ("60.0000", 30)
    for currency in ("USD", "EUR"):
        assert sum(Decimal(it["amount"]) for it in everybody if it["currency"] == currency) == 0


async def test_goods_in_transit_by_day_end_with_what_is_there_now(valued: Gateway) -> None:
    days = (await valued.get("/v1/finance/in-transit?days=3", "erp-one")).json()["days"]
    assert [(it["currency"], it["amount"], it["packs"]) for it in days] == [("", "0.0000", 1), ("USD", "3.3330", 10)]
    refused = await valued.get("/v1/finance/in-transit?days=0", "erp-one")
    assert (refused.status_code, refused.json()["findings"][0]["field"]) == (422, "query.days")


async def test_a_figure_of_the_past_is_the_same_whenever_it_is_read(valued: Gateway) -> None:
    async def read() -> tuple[Any, Any]:
        answer = (await valued.get(f"/v1/finance/accounts?as_of={then}", "erp-one")).json()
        days = (await valued.get("/v1/finance/in-transit?days=3", "erp-one")).json()["days"]
        return answer, [it for it in days if it["day"] < today]

    async with valued.database.transaction() as connection:
        await connection.execute("ALTER TABLE stock_move DISABLE TRIGGER USER")
        await connection.execute("UPDATE stock_move SET booked_at = booked_at - interval '1 day'")
        await connection.execute("ALTER TABLE stock_move ENABLE TRIGGER USER")
        cursor = await connection.execute("SELECT now() AS now, now()::date::text AS today")
        [row] = await cursor.fetchall()
    then, today = f"{row['now']:%Y-%m-%dT%H:%M:%S.%fZ}", row["today"]
    before = await read()
    assert table(before[0]["accounts"])["goods_in_transit USD"] == ("3.3330", 10)
    assert before[0]["as_of"] == then.replace("+00:00", "Z")
    assert [(it["currency"], it["amount"]) for it in before[1]] == [("", "0.0000"), ("USD", "3.3330")]
    rest: Moves = {"transit:DN-1": {"A": -10}, "customer:": {"A": 10}}
    async with valued.database.transaction() as connection:
        await ledger.post_movements(connection, written.booking("erp-one/SO-1/v5", "order", "erp-one/SO-1", rest))
    assert await read() == before
    now = (await valued.get("/v1/finance/accounts", "erp-one")).json()["accounts"]
    assert "goods_in_transit USD" not in table(now)
    refused = await valued.get("/v1/finance/accounts?as_of=yesterday", "erp-one")
    assert (refused.status_code, refused.json()["findings"][0]["field"]) == (422, "query.as_of")


@pytest.mark.parametrize("caller", ["dhl", "planner", "wms-dc1", "acme"])
@pytest.mark.parametrize("path", ["accounts", "in-transit"])
async def test_partners_do_not_read_what_goods_are_worth(gateway: Gateway, path: str, caller: str) -> None:
    assert (await gateway.get(f"/v1/finance/{path}", caller)).status_code == 403


async def test_value_and_packs_go_together_or_the_difference_is_found(valued: Gateway) -> None:
    async with valued.database.transaction() as connection:
        assert await valuation.disagreements(connection) == []
        await connection.execute(
            "UPDATE stock_balance SET amount = amount + 1 WHERE place = 'transit:DN-1' AND item = 'A'"
        )
        [found] = await valuation.disagreements(connection)
    assert (found["place"], found["amount"] - found["entries"]) == ("transit:DN-1", 1)
