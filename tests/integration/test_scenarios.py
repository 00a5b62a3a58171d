"""Every scenario of the demo, on one stack with every process, under light faults."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from rich.console import Console
from typer.testing import CliRunner

from cli import main as cli
from demo import screen
from demo.ordinary_day import LATE_EVERY, Pace, go_on, leave_work
from demo.play import Played, play
from demo.report import sound
from demo.scenarios import SCENARIOS, Scenario
from demo.scene import Scene
from demo.stage import Actors, open_stage
from gateway.views.orders import CaseList, OrderView
from schemas.finance.reconciliation import About
from schemas.inventory.stock import Bucket
from schemas.orders.release import OrderStatus
from stack.layout import LocalStack, StackOptions, local_stack
from store.engine import Database
from store.finance import reconciliation
from tests.faults.losing import detour
from tests.integration.books import AT_SITES, compare, compare_lists

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "scenarios.md"


@dataclass
class Evening:
    """All scenarios were played: the stack they were played on, the report, and what the audience was told."""

    stack: LocalStack
    report: dict[str, Any]
    told: list[Played]


@pytest_asyncio.fixture(scope="module")
async def evening() -> AsyncIterator[Evening]:
    """Play them all, once."""
    async with local_stack(StackOptions(ephemeral=True, durable=False, detour=detour())) as stack:
        told: list[Played] = []
        yield Evening(stack, await play(stack, list(SCENARIOS), "light", lambda n: None, told.append), told)


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_scenario_goes_as_its_story_says(evening: Evening, name: str) -> None:
    found = evening.report["scenarios"][name]
    assert found["passed"], found["problem"]
    assert len(found["checks"]) > 3
    assert all(check["passed"] for check in found["checks"])
    assert found["effects"]["erp"] > 0 or name in ("cancel-before-pick", "replenishment-refused")
    if found["documents"]:  # procurement: no transport is tendered
        assert found["effects"]["planning"] == name.startswith("replenishment-")
        return
    assert found["orders"]
    assert found["effects"]["tms"] > 0  # planning's rows are netted over orders: they belong to none


async def test_every_ledger_reconciles_to_zero_and_every_end_is_counted(evening: Evening) -> None:
    assert sound(evening.report) == []
    orders = evening.report["orders"]
    cancelled = [name for name in SCENARIOS if name.startswith("cancel-") or name == "compensation-refused"]
    assert (orders["cancelled"], orders["returned"], orders["open"]) == (len(cancelled), 1, 0)
    assert orders["in"] == orders["delivered"] + orders["cancelled"] + orders["returned"]
    assert orders["in"] == sum(len(it["orders"]) for it in evening.report["scenarios"].values())
    assert evening.report["lines"]["open"] == evening.report["shipments"]["open"] == 0


async def test_everything_that_systems_did_belongs_to_a_scenario(evening: Evening) -> None:
    """Planning's rows are netted over orders, so they belong to no scenario: every other system's effects do."""
    for system in ("erp", "wms", "tms"):
        effects = evening.report["effects"][system]
        assert effects["found"] == sum(it["effects"][system] for it in evening.report["scenarios"].values())


async def test_the_books_of_every_system_equal_ours_after_every_path(evening: Evening) -> None:
    ours, _ = await compare(evening.stack)
    assert ours
    await compare_lists(evening.stack)


async def test_no_story_leaves_a_drift_in_our_own_books(evening: Evening) -> None:
    async with Database(evening.stack.settings.main_database.url, 2) as database, database.connection() as connection:
        drifts = [it for it in await reconciliation.listing(connection) if it.about is About.BOOK]
        cursor = await connection.execute("SELECT id, summary FROM exception_case WHERE order_key = 'stock/books/own'")
        cases = await cursor.fetchall()
        cursor = await connection.execute(
            "SELECT item, place, packs FROM stock_balance WHERE packs < 0 AND split_part(place, ':', 1) = ANY(%s)",
            ([*AT_SITES, Bucket.TRANSIT],),
        )
        below_zero = await cursor.fetchall()
        cursor = await connection.execute("SELECT compared FROM reconciliation_run WHERE system = 'books'")
        audits = await cursor.fetchall()
    assert drifts == []
    assert cases == []
    assert below_zero == [], "what a warehouse sends has come in before"
    assert any(audit["compared"] > len(SCENARIOS) for audit in audits)


async def test_the_audience_sees_what_happened_in_every_system(evening: Evening) -> None:
    assert [it.scenario.name for it in evening.told] == list(SCENARIOS)
    [cancelled] = [it for it in evening.told if it.scenario.name == "cancel-after-pick"]
    console = Console(width=200, file=StringIO(), record=True)
    console.print(screen.scenario(cancelled))
    shown = console.export_text()
    for system, deed in (("WMS", "cancel_warehouse"), ("TMS", "void_tender"), ("ERP", "confirm_cancellation")):
        assert system in shown
        assert deed in shown
    assert "✓ WMS: 60 packs were put away" in shown


async def test_a_scenario_that_fails_is_seen_in_the_report(evening: Evening, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lie(scene: Scene) -> None:
        """The order is said to be where it is not."""
        order = await scene.order({1: 1})
        await order.fulfilled(1, {1: 1})
        await order.ends(OrderStatus.CLOSED)
        scene.check("two and two are five", False)

    monkeypatch.setitem(SCENARIOS, "lie", Scenario("lie", lie.__doc__ or "", lie, alone=False))
    report = await play(evening.stack, ["lie"], "none", lambda n: None, lambda played: None)
    assert not report["scenarios"]["lie"]["passed"]
    assert report["scenarios"]["lie"]["checks"][-1] == {"claim": "two and two are five", "passed": False}
    assert "scenario lie: two and two are five" in sound(report)


async def test_an_ordinary_day_leaves_work_for_people_and_carries_orders(evening: Evening) -> None:
    broken: list[str] = []
    database = Database(evening.stack.settings.main_database.url, 2)
    async with database, open_stage(evening.stack, database) as stage:
        await leave_work(stage, broken.append)
        await go_on(stage, 1, broken.append, Pace(0, 0, 0), orders=LATE_EVERY)
        assert broken == []
        scene = Scene(stage, "the-day")

        async def waits() -> set[str]:
            listed = await stage.read(Actors.SUPPORT, "/v1/cases", CaseList, limit=500)
            return {f"{it.order.split('/')[1].rsplit('-', 1)[0]}: {it.kind}" for it in listed.cases if it.order}

        wanted = {
            "DELAYED: delay",
            "DAMAGED: damage",
            "HELD-BY-CUSTOMS: customs",
            "PICKED-SHORT: pick_stockout",
        }

        async def all_wait() -> bool:
            return wanted <= await waits()

        await scene.until(f"people have work: {wanted}", all_wait)
        for number in range(1, LATE_EVERY + 1):

            async def closed(number: int = number) -> bool:
                path = f"/v1/orders/TODAY-{number}-1"
                return (await stage.read(Actors.ERP, path, OrderView)).status == OrderStatus.CLOSED

            await scene.until(f"order {number} is delivered", closed)


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    answer = CliRunner().invoke(cli.app, ["demo", "--scenario", "nonsense"])
    assert answer.exit_code == 1
    assert "nonsense is not known" in answer.stderr
    assert all(name in answer.stderr for name in SCENARIOS)


def test_the_guide_tells_of_every_scenario() -> None:
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.+?) \|$", GUIDE.read_text(), re.MULTILINE))
    assert rows == {name: scenario.story for name, scenario in SCENARIOS.items()}
