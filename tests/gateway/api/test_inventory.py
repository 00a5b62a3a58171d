"""Inventory: booked once, from the site that owns it; a late count is compared with the books of its moment."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random
from typing import Any

import pytest

from domain.orders.goods import Holdings, moves
from domain.procurement import inbound
from domain.procurement.purchase_order import PurchaseFile
from schemas.orders.milestones import MilestoneKind
from store.engine import Database
from store.inventory import ledger
from store.orders import steps
from store.procurement import purchase_orders, purchase_steps
from tests import written
from tests.domain.procurement.test_procurement import taken
from tests.domain.purchases import advised, reported
from tests.domain.purchases import order as purchase
from tests.gateway.harness import Gateway, gateway_on
from tests.store.rows import FIRST, SHIPPED, open_order

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def said(name: str, kind: str, quantity: int, hours: float = 0, **more: Any) -> dict[str, Any]:
    """A report of item A at the caller's site."""
    at = (NOON + timedelta(hours=hours)).isoformat()
    return {"id": name, "kind": kind, "site": "DC1", "item": "A", "quantity": quantity, "occurred_at": at, **more}


async def tell(gateway: Gateway, *reports: dict[str, Any]) -> dict[str, str | None]:
    """Report, and why each was superseded."""
    answer = await gateway.post("/v1/inventory", "wms-dc1", {"reports": list(reports)})
    assert answer.status_code == 201, answer.text
    return {it["id"]: it.get("superseded") for it in answer.json()["outcomes"]}


async def stock(gateway: Gateway, caller: str = "planner") -> dict[str, int]:
    """Item A at the site, without what is zero."""
    async with gateway.database.connection() as connection:
        assert await ledger.audit(connection) == []
    found = (await gateway.get("/v1/stock?item=A&site=DC1", caller)).json()["positions"]
    return {name: packs for it in found for name, packs in it.items() if name not in ("item", "site") and packs}


async def test_what_a_warehouse_reports_is_booked_before_it_is_answered(gateway: Gateway) -> None:
    await tell(gateway, said("1", "count", 100), said("2", "receipt", 20, 1), said("3", "damage", 15, 2))
    assert await stock(gateway) == {"on_hand": 105, "blocked": 15, "available": 105}
    await tell(gateway, said("4", "unblock", 5, 3), said("5", "scrap", 10, 4))
    assert await stock(gateway, "wms-dc1") == {"on_hand": 110, "available": 110}
    [message] = await gateway.rows("SELECT DISTINCT state FROM inbox_message")
    assert message["state"] == "applied"


async def test_what_is_told_of_its_value_holds_for_all_that_is_reported_of_an_item_at_a_site(gateway: Gateway) -> None:
    await tell(gateway, said("1", "receipt", 100, unit_value="0.3333", currency="EUR"))
    await tell(gateway, said("2", "scrap", 10, 2), said("3", "damage", 10, 1))
    await tell(gateway, said("4", "receipt", 10, 3, unit_value="9", currency="EUR"))
    found = (await gateway.get("/v1/finance/accounts", "root")).json()["accounts"]
    assert {(it["account"], it["currency"], it["amount"], it["packs"]) for it in found} == {
        ("inventory", "EUR", "33.3300", 100),
        ("losses", "EUR", "3.3330", 10),
        ("inventory_adjustments", "EUR", "-36.6630", -110),
    }


async def test_a_value_is_in_a_currency(gateway: Gateway) -> None:
    for more in ({"unit_value": "1"}, {"currency": "EUR"}, {"unit_value": "-1", "currency": "EUR"}):
        refused = await gateway.post("/v1/inventory", "wms-dc1", {"reports": [{**said("1", "receipt", 1), **more}]})
        assert refused.status_code == 422, more
        assert "reports[0]" in refused.json()["findings"][0]["field"]


async def test_a_report_counts_once(gateway: Gateway) -> None:
    assert await tell(gateway, said("1", "receipt", 20)) == {"1": None}
    assert await tell(gateway, said("1", "receipt", 20)) == {"1": "reported before"}
    assert await stock(gateway) == {"on_hand": 20, "available": 20}
    states = [row["state"] for row in await gateway.rows("SELECT state FROM inbox_message ORDER BY id")]
    assert states == ["applied", "superseded"]
    for other in (said("1", "receipt", 30), said("1", "damage", 20), said("1", "receipt", 20, 1)):
        assert await tell(gateway, other) == {"1": "its id was reported before, of something else"}


async def test_a_count_that_comes_late_is_compared_with_the_books_of_its_moment(gateway: Gateway) -> None:
    await tell(gateway, said("1", "receipt", 100))
    await tell(gateway, said("2", "receipt", 50, 3))
    await tell(gateway, said("3", "count", 90, 1))
    assert (await stock(gateway))["on_hand"] == 140
    assert await tell(gateway, said("4", "count", 7, 0.5)) == {"4": "a later count is known"}
    assert (await stock(gateway))["on_hand"] == 140


async def test_a_count_that_agrees_with_the_books_is_taken_in_too(gateway: Gateway) -> None:
    await tell(gateway, said("1", "receipt", 100))
    assert await tell(gateway, said("2", "count", 100, 1)) == {"2": None}
    assert await tell(gateway, said("3", "count", 90, 0.5)) == {"3": "a later count is known"}
    assert await tell(gateway, said("2", "count", 100, 1)) == {"2": "reported before"}
    assert (await stock(gateway))["on_hand"] == 100


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_what_comes_after_the_count_that_saw_it_is_not_counted_again(
    gateway: Gateway, order: tuple[int, ...]
) -> None:
    reports = [
        said("1", "receipt", 50),
        said("2", "damage", 8, 1),
        said("3", "count", 40, 2),
        said("4", "unblock", 3, 3),
    ]
    for number in order:
        await tell(gateway, reports[number])
    assert await stock(gateway) == {"on_hand": 43, "blocked": 5, "available": 43}


async def test_many_batches_at_once_neither_wait_for_each_other_for_ever_nor_lose(gateway: Gateway) -> None:
    chance = Random(2)

    async def one(number: int) -> None:
        kinds = chance.sample(["receipt", "damage", "receipt", "damage"], 4)
        reports = [said(f"{number}-{n}", kind, 1, n, item=chance.choice("ABC")) for n, kind in enumerate(kinds)]
        moves = {"on_hand:DC1": dict.fromkeys("ABC", -1), "adjustment:DC1": dict.fromkeys("ABC", 1)}
        async with gateway.database.transaction() as connection:
            await ledger.post_movements(
                connection, written.booking(f"erp-one/SO-{number}/v1", "order", f"erp-one/SO-{number}", moves)
            )
        await tell(gateway, *reports)

    await asyncio.gather(*(one(number) for number in range(40)))
    found = await gateway.rows("SELECT sum(packs) AS packs FROM stock_balance WHERE place LIKE 'blocked:%%'")
    assert found[0]["packs"] == 80
    await stock(gateway)


async def test_any_order_and_repetition_of_movements_ends_the_same(gateway: Gateway) -> None:
    reports = [said("1", "receipt", 50), said("2", "damage", 8, 1), said("3", "scrap", 3, 2)]
    chance = Random(1)
    for number, order in enumerate(permutations(reports)):
        for report in (*order, *chance.sample(order, 2)):
            await tell(gateway, {**report, "id": f"{number}-{report['id']}"})
        assert await stock(gateway) == {
            "on_hand": 42 * (number + 1),
            "blocked": 5 * (number + 1),
            "available": 42 * (number + 1),
        }


@pytest.mark.parametrize(
    ("report", "field"),
    [
        (said("1", "receipt", 0), "quantity"),
        (said("1", "ship", 5), "kind"),
        (said("1", "receipt", -5), "quantity"),
        (said("1", "receipt", 5, unit="EA"), "unit"),
        (said("1", "count", 5, 24 * 365), "occurred_at"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_field(gateway: Gateway, report: dict[str, Any], field: str) -> None:
    answer = await gateway.post("/v1/inventory", "wms-dc1", {"reports": [report]})
    assert answer.status_code == 422
    assert field in answer.json()["findings"][0]["field"]
    assert await stock(gateway) == {}


async def test_a_warehouse_reports_and_reads_its_own_site_only(gateway: Gateway) -> None:
    await tell(gateway, said("1", "receipt", 5))
    other = await gateway.post("/v1/inventory", "wms-dc1", {"reports": [said("2", "receipt", 5, site="LYS")]})
    assert (other.status_code, other.json()["findings"][0]["field"]) == (403, "reports[0].site")
    for caller in ("dhl", "acme", "erp-one", "planner"):
        assert (await gateway.post("/v1/inventory", caller, {"reports": [said("3", "receipt", 5)]})).status_code == 403
    assert (await gateway.get("/v1/stock?item=A", "dhl")).status_code == 403
    await gateway.rows("INSERT INTO stock_item VALUES ('A', 'LYS') RETURNING 1")
    async with gateway.database.transaction() as connection:
        moves = {"on_hand:LYS": {"A": 9}, "adjustment:LYS": {"A": -9}}
        await ledger.post_movements(connection, written.booking("x", "inventory", "LYS/A", moves))
    seen = (await gateway.get("/v1/stock?item=A", "wms-dc1")).json()["positions"]
    assert [it["site"] for it in seen] == ["DC1"]


async def under_way(gateway: Gateway, query: str = "", caller: str = "planner") -> list[list[Any]]:
    """Item A in transit: day, packs, origin, destination, shipment, order."""
    found = (await gateway.get(f"/v1/stock?item=A{query}", caller)).json()
    names = ("day", "packs", "origin", "destination", "shipment", "order")
    return [[it.get(name) for name in names] for it in found["in_transit"]]


async def arrive(database: Database, now: PurchaseFile, before: PurchaseFile | None = None) -> None:
    """A step of a purchase order."""
    moved = moves(inbound.holdings(before) if before else Holdings(), inbound.holdings(now))
    await purchase_steps.write(database, written.step(inbound.record(now, (), moved)))


async def test_what_is_under_way_is_shown_by_site_and_day_of_arrival(gateway: Gateway) -> None:
    """Forty packs of an order leave a site to which sixty of a purchase order are on their way."""
    database = gateway.database
    await open_order(database)
    await steps.write(database, written.step(FIRST))
    sent = {"on_hand:LYS": {"A": -40}, "transit:DN-1": {"A": 40}}
    [shipment] = written.Said(SHIPPED).shipments
    late = shipment.model_copy(update={"eta": NOON + timedelta(days=3)})
    await steps.write(database, written.step(written.but(SHIPPED, moves=sent, shipments=(late,))))
    file, _ = taken(purchase(), advised("ASN-1", NOON + timedelta(days=5), l1=60))
    async with database.transaction() as connection:
        bought = file.order
        assert bought is not None
        await purchase_orders.open_purchase(connection, "erp-one", bought, ["erp-one", "acme"])
    await arrive(database, file)
    outbound = ["2026-05-07", 40, "LYS", "", "DN-1", "erp-one/SO-1"]
    bound = ["2026-05-09", 60, "", "LYS", "ASN-1", file.start.key]
    assert await under_way(gateway) == await under_way(gateway, "&site=LYS") == [outbound, bound]
    assert await under_way(gateway, "&site=MAD") == []
    [position] = (await gateway.get("/v1/stock?item=A&site=LYS", "planner")).json()["positions"]
    assert (position["on_hand"], position["outbound"], position["inbound"]) == (-40, 40, 60)
    assert await under_way(gateway, "", "wms-dc1") == [], "a warehouse sees what concerns its own site"
    assert [row[-1] for row in await under_way(gateway, "", "erp-two")] == ["", ""], "orders are their ERP's"
    delayed, _ = taken(reported(MilestoneKind.DELAYED, "ASN-1", 30, NOON - timedelta(days=2)), begun=file)
    await arrive(database, delayed, file)
    assert await under_way(gateway, "&site=LYS") == [["2026-05-02", *bound[1:]], outbound], "the newest word holds"


async def test_the_erp_that_owns_the_stock_is_owed_what_a_report_changed_once(database_url: str) -> None:
    async with gateway_on(database_url, stock_erp={"DC1": "erp-two"}) as gateway:
        await tell(gateway, said("1", "receipt", 100), said("2", "damage", 15, 1), said("3", "count", 80, 2))
        await tell(gateway, said("1", "receipt", 100), said("4", "count", 80, 3))
        rows = await gateway.rows("SELECT erp, body FROM erp_feed ORDER BY id")
    told = [(row["erp"], row["body"]["kind"], row["body"]["on_hand"], row["body"]["blocked"]) for row in rows]
    assert told == [
        ("erp-two", "receipt", 100, 0),
        ("erp-two", "damage", -15, 15),
        ("erp-two", "count", -5, 0),
    ], "a count that finds what the books say moves nothing"


async def test_a_repeat_does_not_tell_the_erp_to_which_the_site_went_since(database_url: str) -> None:
    async with gateway_on(database_url, stock_erp={"*": "erp-one"}) as gateway:
        await tell(gateway, said("1", "receipt", 100))
        services = gateway.app.state.gateway
        later = services.settings.model_copy(update={"stock_erp": {"*": "erp-two"}})
        gateway.app.state.gateway = replace(services, settings=later)
        await tell(gateway, said("1", "receipt", 100), said("2", "receipt", 1, 1))
        rows = await gateway.rows("SELECT erp, body FROM erp_feed ORDER BY id")
    assert [(row["erp"], row["body"]["on_hand"]) for row in rows] == [("erp-one", 100), ("erp-two", 1)]


async def test_of_a_site_that_no_erp_owns_nothing_is_owed(gateway: Gateway) -> None:
    await tell(gateway, said("1", "receipt", 100))
    assert await gateway.rows("SELECT FROM erp_feed") == []
