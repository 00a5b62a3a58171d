"""Our own books are audited: each kind of drift is found, named, mended by a person, and gone at the next look."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.finance.self_audit import BooksActivities
from domain.orders import goods
from domain.procurement import inbound
from domain.procurement.purchase_order import PurchaseFile
from domain.procurement.purchase_run import InboundRun
from gateway.tower import forms
from gateway.views.orders import case_view
from schemas.base import Role
from schemas.finance.reconciliation import ReconcileReport, ReconcileRun
from schemas.inventory.reports import InventoryReport
from schemas.orders.changes import ShipmentRecord
from schemas.orders.release import OrderStatus
from store.engine import Database
from store.finance import reconciliation
from store.inventory import stock as stocks
from store.orders import steps
from store.procurement import purchase_orders, purchase_steps
from tests import written
from tests.domain import purchases
from tests.gateway.harness import Gateway
from tests.promising.stocked import NOW, begin, book, line, promise, put_stock, step
from tests.store.test_purchase_steps import taken

OWN = ReconcileRun(system="books", target="own", at_rest=True)
WHY = {"id": "r-1", "reason": "counted"}
FREE_ENTRIES = "ALTER TABLE stock_entry DISABLE TRIGGER USER"
GUARD_ENTRIES = "ALTER TABLE stock_entry ENABLE TRIGGER USER"


async def audit(database: Database) -> ReconcileReport:
    """Look once, as the worker does."""
    report: ReconcileReport = await ActivityEnvironment().run(BooksActivities(database).books, OWN)
    return report


async def found(database: Database) -> dict[str, tuple[str, str]]:
    """What has drifted: what is written and what is right."""
    await audit(database)
    async with database.connection() as connection:
        rows = await reconciliation.listing(connection)
    return {it.subject: (it.ours, it.theirs) for it in rows}


async def bought(database: Database) -> None:
    """A purchase of 100 A and 50 B, 60 A of it under way in S1."""
    start = PurchaseFile(start=purchases.start())
    order, advice = purchases.order(), purchases.advised("S1", l1=60)
    assert order.order
    async with database.transaction() as connection:
        await purchase_orders.open_purchase(connection, "erp-one", order.order, ["erp-one", "acme"])
    state, owed = taken(start, [order, advice])
    moved = goods.moves(inbound.holdings(start), inbound.holdings(state))
    kept = InboundRun(**state.start.model_dump(), state=state).model_dump_json()
    record = inbound.record(state, owed, moved)
    await purchase_steps.write(database, written.step(record, snapshot=kept, base=0))


@pytest.fixture
async def sound(gateway: Gateway) -> AsyncIterator[Gateway]:
    """50 A in stock; 3 of an order of 10 are on the road in DN-1, 7 are reserved; 100 A and 50 B are bought."""
    database = gateway.database
    await put_stock(database, "in", 50)
    start = await promise(database, "SO-1", 10)
    await begin(database, start)
    shipped = line(1, 10, allocated=3, picked=3, packed=3, shipped=3)
    moves = {"on_hand:LYS": {"A": -3}, "transit:DN-1": {"A": 3}}
    rows = (ShipmentRecord(shipment="DN-1", status=OrderStatus.SHIPPED, shipped_at=None),)
    await steps.write(database, step(start, 1, moves, shipped, shipments=rows, status=OrderStatus.PROMISED))
    await bought(database)
    assert await found(database) == {}
    yield gateway


DRIFTS: list[tuple[list[str], dict[str, tuple[str, str]]]] = [
    (
        ["UPDATE stock_balance SET packs = 49 WHERE place = 'on_hand:LYS'"],
        {"balance of A in on_hand:LYS": ("49", "47")},
    ),
    (["DELETE FROM stock_balance WHERE place = 'transit:S1'"], {"balance of A in transit:S1": ("0", "60")}),
    (
        [FREE_ENTRIES, "DELETE FROM stock_entry WHERE place = 'transit:DN-1'", GUARD_ENTRIES],
        {"movement erp/SO-1/v1 of A": ("-3", "0"), "balance of A in transit:DN-1": ("3", "0")},
    ),
    (["UPDATE peg SET packs = 9"], {"reservations of A for line erp/SO-1/1": ("9", "7")}),
    (["UPDATE peg SET packs = 4"], {"reservations of A for line erp/SO-1/1": ("4", "7")}),
    (["UPDATE supply SET packs = 19 WHERE shipment = 'S1'"], {"supply po/erp-one/4500/1/S1": ("19", "60")}),
    (["DELETE FROM supply WHERE item = 'B'"], {"supply po/erp-one/4500/2": ("0", "50")}),
    (["DELETE FROM shipment_order"], {"link of DN-1 erp/SO-1": ("no link", "linked")}),
    (["DELETE FROM inbound_shipment"], {"link of S1 erp-one/po:4500": ("no link", "linked")}),
]


async def test_each_drift_is_found_mended_by_a_person_and_gone(sound: Gateway) -> None:
    for number, (damage, drifts) in enumerate(DRIFTS):
        async with sound.database.transaction() as connection:
            for statement in damage:
                await connection.execute(statement.encode())
        assert await found(sound.database) == drifts
        first = (await sound.get("/v1/differences", "helpdesk")).json()["differences"][-1]
        url, why = f"/v1/differences/{first['id']}/repair", {"id": f"r-{number}", "reason": "drifted"}
        answer = await sound.post(url, "helpdesk", why)
        assert answer.status_code == 200, answer.text
        assert await found(sound.database) == {}, first
        assert (await sound.post(url, "helpdesk", why)).status_code == 409, "it is right by now"
    kept = await sound.rows("SELECT detail FROM audit_entry WHERE action = 'books.repair'")
    assert [it["detail"]["reason"] for it in kept] == ["drifted"] * len(DRIFTS)


async def test_more_is_reserved_than_there_is(sound: Gateway) -> None:
    async with sound.database.transaction() as connection:
        await connection.execute("UPDATE peg SET packs = 7, supply_key = 'po/erp-one/4500/2' WHERE item = 'A'")
        await connection.execute("UPDATE peg SET item = 'B'")
        await connection.execute("UPDATE supply SET packs = 5 WHERE item = 'B'")
        await connection.execute("DELETE FROM repromise")
    assert (await found(sound.database))["reservations of B from LYS po/erp-one/4500/2"] == ("7", "5")
    rows = (await sound.get("/v1/differences", "helpdesk")).json()["differences"]
    [drift] = [it for it in rows if it["subject"].startswith("reservations of B from")]
    assert (await sound.post(f"/v1/differences/{drift['id']}/repair", "helpdesk", WHY)).status_code == 200
    assert [row["item"] for row in await sound.rows("SELECT item FROM repromise")] == ["B"], "it is planned anew"
    assert (await found(sound.database))["reservations of B from LYS po/erp-one/4500/2"] == ("7", "5")
    waiting = await sound.rows("SELECT class FROM difference WHERE subject LIKE 'reservations of B from%'")
    assert waiting == [{"class": "timing"}], "until then it waits"


async def test_goods_below_zero_on_the_road_are_found(sound: Gateway) -> None:
    await book(sound.database, "came", {"transit:DN-1": {"A": -5}, "customer:": {"A": 5}})
    assert await found(sound.database) == {"stock of A in transit:DN-1": ("-2", "0")}


async def test_a_purchase_order_that_is_closed_brings_nothing(sound: Gateway) -> None:
    async with sound.database.transaction() as connection:
        await connection.execute("UPDATE purchase_order SET closed_at = now()")
        await connection.execute("UPDATE head SET ended = true WHERE workflow_id LIKE 'inbound/%'")
    assert {name: right for name, (_, right) in (await found(sound.database)).items()} == dict.fromkeys(
        ("supply po/erp-one/4500/1", "supply po/erp-one/4500/1/S1", "supply po/erp-one/4500/2"), "0"
    )


async def test_a_shipment_that_was_reported_and_carries_nothing_is_linked_again(sound: Gateway) -> None:
    async with sound.database.transaction() as connection:
        await connection.execute(
            "WITH said AS (INSERT INTO event (source, event_id, kind, shipment, partner, inbox_id, occurred_at, "
            "received_at, body) VALUES ('wms', '1', 'picked', 'DN-2', 'wms-lys', 1, now(), now(), '{}') RETURNING id) "
            "INSERT INTO event_order (order_key, event_id, event, state) "
            "SELECT 'erp/SO-1', 'wms#1', id, 'applied' FROM said"
        )
    assert await found(sound.database) == {"link of DN-2 erp/SO-1": ("no link", "linked")}


async def test_stock_below_zero_is_a_case_until_somebody_says_what_is_there(sound: Gateway) -> None:
    await book(sound.database, "out", {"on_hand:LYS": {"C": -10}, "customer:": {"C": 10}})
    assert await found(sound.database) == {}, "nobody has said how many there were"
    came = InventoryReport(id="r", kind="receipt", site="LYS", item="C", quantity=3, occurred_at=NOW)
    async with sound.database.transaction() as connection:
        await stocks.take_in(connection, "wms-lys", [came])
    report = await audit(sound.database)
    [finding] = report.findings
    assert (report.number, finding.kind, finding.subject) == (1, "stock_difference", "stock of C in on_hand:LYS")
    assert finding.summary.startswith("-7 in our books, 0 is right; repair: ")
    [row] = (await sound.get("/v1/differences", "helpdesk")).json()["differences"]
    url = f"/v1/differences/{row['id']}/repair"
    assert (await sound.post(url, "planner", WHY)).status_code == 403
    assert (await sound.post("/v1/differences/99/repair", "helpdesk", WHY)).status_code == 404
    assert (await sound.post(url, "helpdesk", {**WHY, "packs": 5})).json()[
        "done"
    ] == "5 packs are booked in on_hand:LYS"
    assert await found(sound.database) == {}


async def test_where_nobody_said_what_is_in_stock_a_site_owes_what_it_has_sent(sound: Gateway) -> None:
    await book(sound.database, "out", {"allocated:HAM": {"C": -80}, "customer:": {"C": 80}})
    assert await found(sound.database) == {}
    page = (await sound.get("/tower/books", "helpdesk")).text
    assert "1 place holds less than nothing" in page and '<td class="n bad">-80</td>' in page
    assert "also of what is <b" in page, "everybody has the same, and too little"


async def test_a_line_that_the_keeper_of_promises_has_missed_is_found(sound: Gateway) -> None:
    start = await promise(sound.database, "SO-2", 5, item="B")
    await begin(sound.database, start)
    async with sound.database.transaction() as connection:
        await connection.execute("DELETE FROM peg WHERE order_key = 'erp/SO-2'")
        await connection.execute("DELETE FROM repromise")
    assert await found(sound.database) == {"reservations of B for line erp/SO-2/1": ("0", "5")}
    async with sound.database.connection() as connection:
        [drift] = await reconciliation.listing(connection)
    assert (await sound.post(f"/v1/differences/{drift.id}/repair", "helpdesk", WHY)).status_code == 200
    async with sound.database.connection() as connection:
        cursor = await connection.execute("SELECT item FROM repromise")
        assert [row["item"] for row in await cursor.fetchall()] == ["B"]


async def test_other_books_are_not_mended_here(sound: Gateway) -> None:
    async with sound.database.connection() as connection:
        await connection.execute(
            "INSERT INTO difference (system, target, about, subject, class, ours, theirs, owner, proposal, state, "
            "first_seen, last_seen) VALUES ('wms', 'LYS', 'stock', 'A @ site:LYS', 'quantity', '1', '2', 'wms', "
            "'count', 'open', now(), now())"
        )
    [row] = (await sound.get("/v1/differences", "helpdesk")).json()["differences"]
    assert (await sound.post(f"/v1/differences/{row['id']}/repair", "helpdesk", WHY)).status_code == 409


async def case_of(gateway: Gateway) -> dict[str, Any]:
    """A case of the audit, with its drift."""
    async with gateway.database.transaction() as connection:
        await connection.execute("UPDATE supply SET packs = 19 WHERE shipment = 'S1'")
    await audit(gateway.database)
    async with gateway.database.connection() as connection:
        await connection.execute(
            "INSERT INTO exception_case (id, order_key, kind, version, state, tier, queue, assignee, summary, "
            "findings, actions, policy_version, reopened, opened_at, history) VALUES "
            "('stock/books/own/stock_difference/1', 'stock/books/own', 'stock_difference', 1, 'open', 0, "
            "'inventory-control', '', 'drifted', '[]', '{}', 1, 0, now(), '[]')"
        )
    [row] = await gateway.rows("SELECT * FROM exception_case")
    return row


async def test_a_case_of_books_offers_the_repair_and_is_taken_like_any_other(sound: Gateway) -> None:
    row = await case_of(sound)
    page = (await sound.get(f"/tower/cases/{row['id']}", "helpdesk")).text
    assert "Repair supply po/erp-one/4500/1/S1" in page
    assert "Books of Syncline own" in page
    shown = await sound.get(f"/v1/cases/{row['id']}", "helpdesk")
    assert shown.status_code == 200
    assert shown.json()["about"] == "stock/books/own"
    assert "order" not in shown.json(), "it is about books of ours, and no order is named so"
    assert (await sound.get(f"/v1/cases/{row['id']}", "erp-one")).status_code == 404
    seen = await sound.post(f"/v1/cases/{row['id']}/acknowledge", "helpdesk", {"id": "n-1"})
    assert seen.status_code == 200, "books have cases that people can work on"
    assert forms.of_case(case_view(row, Role.ADMIN), None)[1] == []
