"""A run ends with the balance sheet: everybody's books are equal, or what differs is found, classed and shown."""

from io import StringIO

import httpx
import pytest
from rich.console import Console

from demo import screen
from demo.balance import sheet
from demo.report import sound
from demo.run import RunPlan, RunProgress, run
from schemas.base import Variant
from schemas.finance.reconciliation import About, DifferenceClass, LineFigure, TargetFigure
from schemas.finance.valuation import Account
from schemas.inventory.stock import Bucket, Figure, place
from simulators.orders.history import read_history
from simulators.orders.made_up import generate
from simulators.systems.lists import Forgotten, Restored
from simulators.world.network import ERP
from stack.layout import LocalStack, StackOptions, local_stack
from store.engine import Database
from tests.faults.losing import detour
from tests.history import HISTORY

SEED = 11
ORDERS = generate(8, SEED)
LOST_PACKS, OF_EACH = 3, 20


async def shown(stack: LocalStack) -> str:
    """The balance sheet as people see it."""
    async with Database(stack.settings.main_database.url, 2) as database:
        drawn_up = await sheet(database)
    console = Console(width=200, file=StringIO(), record=True)
    console.print(screen.balance(drawn_up))
    return console.export_text()


async def test_the_books_of_delivery_history_are_equal() -> None:
    imported = read_history(HISTORY).orders
    by_site = [it for it in imported if it.release.variant is Variant.DISTRIBUTION_CENTRE]
    direct = [it for it in imported if it.release.variant is Variant.DIRECT_DROP]
    orders = [*by_site[:OF_EACH], *direct[:OF_EACH]]
    assert len(orders) == 2 * OF_EACH
    async with local_stack(StackOptions(ephemeral=True, durable=False, seed=SEED, detour=detour())) as stack:
        report = await run(stack, RunPlan(orders, "light", SEED), RunProgress(), lambda: None)
        assert sound(report) == []
        assert report["balance"]["items"] > 0
        assert (report["balance"]["differences"], report["balance"]["explained"]) == (0, 0)
        text = await shown(stack)
        async with Database(stack.settings.main_database.url, 2) as database:
            drawn_up = await sheet(database)
    sites = {it.release.site for it in by_site[:OF_EACH]}
    assert {place: len(set(row.packs.values())) for place, row in drawn_up.rows.items()} == dict.fromkeys(sites, 1)
    for currency in {it.currency for it in drawn_up.accounts}:
        assert sum(it.amount for it in drawn_up.accounts if it.currency == currency) == 0
    held = {it.account: it.amount for it in drawn_up.accounts if it.currency == "USD"}
    assert held[Account.FREIGHT_EXPENSE] == pytest.approx(held[Account.COST_OF_GOODS_SOLD] / 20, abs=5)
    assert {Account.INVENTORY, Account.FREIGHT_EXPENSE} <= {it.account for it in drawn_up.posted}
    assert [it for it in drawn_up.posted if it.erp != it.ours] == [], "the ERP's own accounts"
    assert all(len({*map(str, row.values.values())}) == 1 for row in drawn_up.rows.values())
    assert "cost_of_goods_sold" in text
    assert f"{report['balance']['items']} items, 0 differences" in text


async def test_a_movement_that_a_system_lost_is_a_difference_and_the_run_is_not_sound() -> None:
    release = next(it.release for it in ORDERS if it.release.variant is Variant.DISTRIBUTION_CENTRE)
    site, item = release.site or "", release.lines[0].item
    lost = (Figure(place=place(Bucket.ON_HAND, site), item=item, packs=LOST_PACKS),)
    async with local_stack(StackOptions(ephemeral=True, durable=False, seed=SEED, detour=detour())) as stack:
        headers = {"Authorization": f"Bearer {stack.env['SYNCLINE_SIM_TOKEN']}"}
        async with httpx.AsyncClient(base_url=stack.urls.sims, headers=headers, trust_env=False) as sims:
            for system, instance in (("wms", site), ("erp", ERP), ("planning", "")):
                body = Forgotten(instance=instance, figures=lost).model_dump_json()
                (await sims.put(f"/{system}/forget_stock", content=body)).raise_for_status()
            unwanted = (Figure(place=site, item=item, packs=LOST_PACKS),)
            body = Forgotten(figures=unwanted).model_dump_json()
            (await sims.put("/planning/forget_demand", content=body)).raise_for_status()
            lines = tuple(LineFigure(line=x.line, item=x.item, quantity=x.quantity) for x in release.lines)
            more = lines[0].model_copy(update={"quantity": lines[0].quantity + LOST_PACKS})
            amended = TargetFigure(order=release.number, lines=(more, *lines[1:]))
            for system, instance, holds in (
                ("wms", site, amended),
                ("erp", ERP, amended),
                ("tms", "", TargetFigure(order=release.number, cancelled=True)),
            ):
                body = Restored(instance=instance, orders=(holds,)).model_dump_json()
                (await sims.put(f"/{system}/forget_targets", content=body)).raise_for_status()
        report = await run(stack, RunPlan(ORDERS, "none", SEED), RunProgress(), lambda: None)
        async with Database(stack.settings.main_database.url, 2) as database:
            drawn_up = await sheet(database)
        text = await shown(stack)
    assert report["balance"] == {"items": report["balance"]["items"], "differences": 7, "explained": 0}
    assert sound(report) == ["7 differences with other systems' books are not explained"]
    assert {it.system for it in drawn_up.differences} == {"erp", "wms", "tms", "planning"}
    targets = {it.system: (it.ours, it.theirs) for it in drawn_up.differences if it.about is About.TARGET}
    packs_of, first = sum(x.quantity for x in release.lines), release.lines[0]
    wrong = (f"line {first.line} of {first.item}: {first.quantity}", f"{first.quantity + LOST_PACKS}")
    assert targets.pop("tms") == (f"from its own site: {packs_of}", "cancelled")
    assert targets == dict.fromkeys(("wms", "erp"), (wrong[0], f"line {first.line} of {first.item}: {wrong[1]}"))
    [demand] = (it for it in drawn_up.differences if it.about is About.DEMAND)
    assert (demand.subject, demand.theirs) == (f"demand for {item} at {site}", f"{-LOST_PACKS}")
    for it in (x for x in drawn_up.differences if x.about is About.STOCK):
        assert (it.item, it.place) == (item, f"site:{site}")
        assert it.kind in (DifferenceClass.QUANTITY, DifferenceClass.MISSING)
        assert int(it.ours) - int(it.theirs) == LOST_PACKS
    packs = drawn_up.rows[site].packs
    assert {packs[system] for system in ("erp", "wms", "planning")} == {(packs["ours"] or 0) - LOST_PACKS}
    assert f"{item} @ site:{site}" in text
    assert "7 differences, 0 of them explained" in text
