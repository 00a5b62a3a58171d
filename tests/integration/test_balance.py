"""A run ends with the balance sheet: everybody's books are equal, or what differs is found, classed and shown."""

from io import StringIO
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from demo import screen
from demo.balance import sheet
from demo.report import sound
from demo.run import Plan, Progress, run
from schemas.base import Variant
from schemas.finance import Account
from schemas.reconciling import DifferenceClass
from schemas.stock import Bucket, Figure, place
from simulators.history import read_history
from simulators.lists import Forgotten
from simulators.network import ERP
from simulators.orders import generate
from stack.layout import LocalStack, StackOptions, local_stack
from store.engine import Database

SEED = 11
REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "scms_delivery_history.csv"
ORDERS = generate(8, SEED)
LOST_PACKS, OF_EACH = 3, 25


async def shown(stack: LocalStack) -> str:
    """The balance sheet as people see it."""
    async with Database(stack.settings.database_url, 2) as database:
        drawn_up = await sheet(database)
    console = Console(width=200, file=StringIO(), record=True)
    console.print(screen.balance(drawn_up))
    return console.export_text()


async def test_the_books_of_real_deliveries_are_equal() -> None:
    if not REAL.exists():
        pytest.skip("the delivery history file is not here")
    imported = read_history(REAL).orders
    by_site = [it for it in imported if it.release.variant is Variant.DISTRIBUTION_CENTRE]
    direct = [it for it in imported if it.release.variant is Variant.DIRECT_DROP]
    orders = [*by_site[:OF_EACH], *direct[:OF_EACH]]
    assert len(orders) == 2 * OF_EACH
    async with local_stack(StackOptions(ephemeral=True, durable=False, seed=SEED)) as stack:
        report = await run(stack, Plan(orders, "light", SEED), Progress(), lambda: None)
        assert sound(report) == []
        assert report["balance"]["items"] > 0
        assert (report["balance"]["differences"], report["balance"]["explained"]) == (0, 0)
        text = await shown(stack)
        async with Database(stack.settings.database_url, 2) as database:
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
    async with local_stack(StackOptions(ephemeral=True, durable=False, seed=SEED)) as stack:
        headers = {"Authorization": f"Bearer {stack.env['SYNCLINE_SIM_TOKEN']}"}
        async with httpx.AsyncClient(base_url=stack.urls.sims, headers=headers, trust_env=False) as sims:
            for system, instance in (("wms", site), ("erp", ERP), ("planning", "")):
                body = Forgotten(instance=instance, figures=lost).model_dump_json()
                (await sims.put(f"/{system}/forget_stock", content=body)).raise_for_status()
        report = await run(stack, Plan(ORDERS, "none", SEED), Progress(), lambda: None)
        async with Database(stack.settings.database_url, 2) as database:
            drawn_up = await sheet(database)
        text = await shown(stack)
    assert report["balance"] == {"items": report["balance"]["items"], "differences": 3, "explained": 0}
    assert sound(report) == ["3 differences with other systems' books are not explained"]
    assert {it.system for it in drawn_up.differences} == {"erp", "wms", "planning"}
    for it in drawn_up.differences:
        assert (it.item, it.place) == (item, f"site:{site}")
        assert it.kind in (DifferenceClass.QUANTITY, DifferenceClass.MISSING)
        assert int(it.ours) - int(it.theirs) == LOST_PACKS
    packs = drawn_up.rows[site].packs
    assert {packs[system] for system in ("erp", "wms", "planning")} == {(packs["ours"] or 0) - LOST_PACKS}
    assert f"{item} @ site:{site}" in text
    assert "3 differences, 0 of them explained" in text
