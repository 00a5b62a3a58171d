# ruff: noqa: F811 - fixtures of another file
"""Targets of orders against systems' own HTTP servers: a lost amendment or cancellation is a case until it is cured."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from schemas.finance.reconciliation import About, ReconcileRun
from schemas.finance.windows import WindowScope
from schemas.messaging.effects import Operation
from schemas.messaging.order_effects import OrderEffect
from schemas.orders.changes import Apart, PickedLine
from schemas.orders.release import OrderStatus
from store.finance import balance, comparing_targets, reconciliation, windows
from store.messaging import effects
from store.orders import steps
from tests import written
from tests.payloads import payload_of
from tests.reconciliation.test_runs import ERP, Desk, _has, desk  # noqa: F401 - fixtures
from tests.stack.standins import until
from tests.store.rows import KEY, NOW, SHIPPED

_numbers = count(ord("A"))
AMENDED = written.Said(SHIPPED).lines[0].model_copy(update={"ordered": 60, "cancelled": 5})
NAME = "targets of order SO-1"


def owed(operation: Operation, number: int) -> OrderEffect:
    """What a system is told in a step."""
    key, payload = f"{KEY}/{operation}/{number}", payload_of(operation)
    return OrderEffect(key=key, order=KEY, accepted_at=NOW, revision=number, payload=payload)


@pytest.fixture
async def region(desk: Desk) -> ReconcileRun:
    """Transport of a region, whose cases are no other test's: the order was amended to 55 packs, of which it heard."""
    name = f"T{chr(next(_numbers))}"
    async with desk.database.transaction() as connection:
        await connection.execute("UPDATE order_view SET region = %s, site = %s", (name, desk.site))
    await step(desk, 4, lines=(AMENDED,), effects=(owed(Operation.AMEND_TENDER, 4),))
    await told(desk)
    desk.tms.targets = {"SO-1": parts(55)}
    return ReconcileRun(system="tms", target=name)


async def step(desk: Desk, version: int, **changes: Any) -> None:
    """The order goes on."""
    bare = {"version": version, "lines": (), "effects": (), "deltas": (), "shipments": ()}
    await steps.write(desk.database, written.step(written.but(SHIPPED, **bare | changes)))


async def told(desk: Desk) -> None:
    """Everybody has answered, a while ago."""
    async with desk.database.transaction() as connection:
        await connection.execute("UPDATE effect SET outcome = 'done', done_at = now() - interval '1 hour'")
        await connection.execute("UPDATE order_view SET updated_at = now() - interval '1 hour'")


def parts(packs: int, site: str = "", revision: int = 4, **more: Any) -> dict[str, Any]:
    """What transport lists of an order."""
    return {"parts": [{"site": site, "packs": packs, "revision": revision}], **more}


def lines(*told: tuple[int, str, int]) -> dict[str, Any]:
    """What a warehouse or an ERP lists of an order."""
    return {"lines": [{"line": line, "item": item, "quantity": n, "revision": 1} for line, item, n in told]}


async def test_an_amendment_that_a_system_lost_becomes_a_case_and_closes_when_it_is_cured(
    desk: Desk, region: ReconcileRun
) -> None:
    assert (await desk.run(region)).differences == 0
    desk.tms.targets = {"SO-1": parts(40, revision=0)}
    for _ in range(2):
        await desk.run(region)
        await desk.age()
    case = f"stock/tms/{region.target}/stock_difference/1"
    await until(lambda: _has(desk, [(case, "open")]))
    assert await desk.states() == {NAME: "quantity open"}
    async with desk.database.connection() as connection:
        [found] = await reconciliation.listing(connection)
        assert (found.ours, found.theirs) == ("from its own site: 55", "from its own site: 40")
        assert (found.owner, found.about) == ("tms", "target")
        assert (await balance.balance(connection))["differences"] == 1, "the balance of a run has it"
    desk.tms.targets = {"SO-1": parts(55, revision=99)}
    await desk.run(region)
    await until(lambda: _has(desk, [(case, "cured")]))
    assert await desk.states() == {NAME: "quantity closed"}


async def test_what_a_system_refuses_explains_it(desk: Desk, region: ReconcileRun) -> None:
    desk.tms.targets = {"SO-1": parts(40)}
    async with desk.database.transaction() as connection:
        await connection.execute("UPDATE effect SET outcome = 'failed' WHERE operation = 'amend_tender'")
    report = await desk.run(region)
    assert (report.differences, report.explained) == (1, 1)


async def test_what_a_system_was_not_told_yet_explains_it(desk: Desk, region: ReconcileRun) -> None:
    await step(
        desk, 5, lines=(AMENDED.model_copy(update={"cancelled": 0}),), effects=(owed(Operation.AMEND_TENDER, 5),)
    )
    async with desk.database.transaction() as connection:
        await connection.execute("UPDATE order_view SET updated_at = now() - interval '1 hour'")
    report = await desk.run(region)
    assert (report.differences, report.explained) == (1, 1)
    async with desk.database.connection() as connection:
        [found] = await reconciliation.listing(connection)
        await effects.done(connection, owed(Operation.AMEND_TENDER, 5), "", 1)
    assert found.explained_by == f"{KEY}/amend_tender/5"
    assert (await desk.run(region)).explained == 1, "it was told so lately that the list may be older"
    await told(desk)
    assert (await desk.run(region)).explained == 0


@pytest.mark.parametrize(
    ("theirs", "found"),
    [(parts(55), "duplicate"), (parts(0), None), ({"cancelled": True}, None), (None, None)],
)
async def test_of_a_cancelled_order_nothing_is_held(
    desk: Desk, region: ReconcileRun, theirs: dict[str, Any] | None, found: str | None
) -> None:
    void = owed(Operation.VOID_TENDER, 5)
    await step(desk, 5, status=OrderStatus.CANCELLED, closed=True, effects=(void,))
    await told(desk)
    desk.tms.targets = {"SO-1": theirs} if theirs else {}
    await desk.run(region)
    assert await desk.states() == ({NAME: f"{found} waiting"} if found else {})


async def test_a_cancellation_that_we_lost_is_found_where_it_was_carried_out(desk: Desk, region: ReconcileRun) -> None:
    desk.tms.targets = {"SO-1": {"cancelled": True}}
    await desk.run(region)
    assert await desk.states() == {NAME: "missing waiting"}


async def test_a_warehouse_and_an_erp_are_compared_line_by_line(desk: Desk, region: ReconcileRun) -> None:
    """Other sites' packs, and those that stay another item, are what stands apart from the lines."""
    beside = Apart(sources={"MAD": {1: 10}}, kept=(PickedLine(site=desk.site, line=1, item="Z", quantity=5),))
    await step(desk, 5, apart=beside)
    await told(desk)
    desk.wms.targets = {"SO-1": lines((1, "Z", 5), (1, "A", 40), (2, "B", 0))}
    desk.erp.targets = {"SO-1": lines((1, "Z", 5), (1, "A", 50))}
    desk.tms.targets = {"SO-1": {"parts": [*parts(45)["parts"], *parts(10, "MAD")["parts"]]}}
    for run in (desk.wms_run, ERP, region):
        await desk.run(run)
    assert await desk.states() == {}
    desk.wms.targets = {"SO-1": lines((1, "Z", 5), (1, "A", 50))}
    desk.erp.targets = {"SO-1": lines((1, "A", 55))}
    for run in (desk.wms_run, ERP):
        await desk.run(run)
    async with desk.database.connection() as connection:
        found = {x.system: (x.ours, x.theirs) for x in await reconciliation.listing(connection)}
    assert found == {
        "wms": ("line 1 of A: 40", "line 1 of A: 50"),
        "erp": ("line 1 of A: 50, line 1 of Z: 5", "line 1 of A: 55, line 1 of Z: 0"),
    }


async def test_the_site_that_was_asked_instead_is_compared_too(desk: Desk, region: ReconcileRun) -> None:
    await step(desk, 5, apart=Apart(sources={"MAD": {1: 10}, "HAM": {}}))
    await step(desk, 6)
    await told(desk)
    async with desk.database.connection() as connection:
        at = {
            site: await comparing_targets.orders(
                connection, ReconcileRun(system="wms", target=site), WindowScope(), 1.0
            )
            for site in (desk.site, "MAD", "HAM", "JNB")
        }
    assert {site: [row["number"] for row in rows] for site, rows in at.items()} == {
        desk.site: ["SO-1"],
        "MAD": ["SO-1"],
        "HAM": ["SO-1"],
        "JNB": [],
    }


async def test_what_an_erp_lacks_is_found_once(desk: Desk, region: ReconcileRun) -> None:
    desk.erp.orders, desk.erp.targets = {}, {}
    await desk.run(ERP)
    assert await desk.states() == {"order SO-1": "missing waiting"}


async def test_orders_that_ended_long_ago_are_not_compared(desk: Desk, region: ReconcileRun) -> None:
    ago = timedelta(days=comparing_targets.LATELY_DAYS + 1)
    async with desk.database.connection() as connection:
        await connection.execute("UPDATE order_view SET closed_at = now() - %s", (ago,))
    desk.tms.targets = {"SO-1": parts(40)}
    await desk.run(region)
    assert await desk.states() == {}


async def test_a_run_compares_a_window_and_the_next_goes_on_behind_it(desk: Desk, region: ReconcileRun) -> None:
    desk.limit(targets_page=1, targets_pages=2)
    desk.tms.targets = {name: parts(1) for name in ("SO-0", "SO-01", "SO-2")} | {"SO-1": parts(40)}
    first = {"targets of order SO-0": "duplicate waiting", "targets of order SO-01": "duplicate waiting"}
    await desk.run(region)
    assert await desk.states() == first
    await desk.run(region)
    rest = {NAME: "quantity waiting", "targets of order SO-2": "duplicate waiting"}
    assert await desk.states() == first | rest, "what is outside the window stays"
    desk.tms.targets = {"SO-1": parts(55)}
    await desk.run(region)
    assert set((await desk.states()).values()) == {"quantity closed", "duplicate closed"}, "what differed is looked for"


async def test_orders_that_a_system_forgot_are_compared_window_by_window(desk: Desk, region: ReconcileRun) -> None:
    desk.limit(targets_page=1, targets_pages=1)
    desk.tms.targets = {}
    await desk.run(region)
    assert await desk.states() == {NAME: "missing waiting"}
    async with desk.database.connection() as connection:
        assert (await windows.marks(connection, region))[About.TARGET].behind == "SO-1"


async def test_a_system_that_offers_no_list_is_compared_without(desk: Desk, region: ReconcileRun) -> None:
    desk.tms.targets = None
    assert (await desk.run(region)).compared == 0
