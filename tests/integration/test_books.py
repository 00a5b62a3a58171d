"""Everybody's stock books after a run with every process: those of warehouses, ERP and planning equal ours."""

from demo.report import sound
from demo.run import RunPlan, RunProgress, run
from simulators.orders.made_up import generate
from stack.layout import StackOptions, local_stack
from store.engine import Database
from tests.faults.losing import detour
from tests.integration.books import compare, compare_lists

SEED = 11
ORDERS = generate(30, SEED)


async def test_the_books_of_every_system_equal_ours_after_a_run_with_faults_and_inventory_events() -> None:
    async with local_stack(StackOptions(ephemeral=True, durable=False, seed=SEED, detour=detour())) as stack:
        report = await run(stack, RunPlan(ORDERS, faults="light", seed=SEED), RunProgress(), lambda: None)
        assert sound(report) == []
        ours, compared = await compare(stack)
        await compare_lists(stack)
        assert compared > 30
        assert any(place.startswith("blocked:") for _, place in ours), "something was damaged"
        assert all(packs > 0 for packs in ours.values()), "there was enough of everything"
        async with Database(stack.settings.main_database.url, 2) as database, database.connection() as connection:
            cursor = await connection.execute("SELECT DISTINCT kind FROM stock_move")
            kinds = {row["kind"] for row in await cursor.fetchall()}
        assert {"step", "receipt", "count", "damage", "scrap"} <= kinds
