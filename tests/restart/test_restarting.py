"""A workflow that was lost begins again from PostgreSQL: what came meanwhile counts once, nothing is told twice."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from dispatch.restarts.restarting import Running
from schemas.workflows.commands import Amendment, HoldRequest, LineAmendment
from store.engine import Database
from tests.restart.stack import BY, Product, product_on
from tests.seals import SEALS
from tests.stack.standins import until


@pytest_asyncio.fixture
async def product(database_url: str, temporal_client: Client) -> AsyncIterator[Product]:
    """The product on a database of its own."""
    async with Database(database_url, 12, SEALS) as database, product_on(temporal_client, database) as made:
        yield made


async def test_an_order_goes_on_after_its_workflow_was_terminated(product: Product) -> None:
    key = await product.order()
    await product.story(key, "picked")
    handle = product.workflow(f"order/{key}")
    await handle.terminate("by hand")
    packed = await product.tell(key, "packed", lines=[{"line": 1, "quantity": 40}])
    held = await product.ask(key, "hold", HoldRequest(id="h1", reason="credit check"))

    async def waits() -> bool:
        return bool(await product.rows("SELECT 1 FROM event_order WHERE order_key = %s AND state = 'pending'", key))

    await until(waits)
    assert "begun again" in await product.restarter.subject(key, BY)
    await product.becomes(packed, "applied")
    await product.becomes(held, "applied")
    await product.story(key, "shipped", "in_transit", "delivered")
    await product.shows(key, "closed")
    await product.at_rest()
    assert product.systems.twice() == {}
    assert await product.packs_with_customers() == {f"ITEM-{key.split('/')[1]}": 40}
    [head] = await product.rows("SELECT run, ended FROM head WHERE workflow_id = %s", f"order/{key}")
    assert head == {"run": 2, "ended": True}
    [entry] = await product.rows("SELECT actor, subject FROM audit_entry WHERE action = 'workflow.restart'")
    assert entry == {"actor": "sam", "subject": f"order/{key}"}


async def test_one_that_runs_is_left_alone(product: Product) -> None:
    key = await product.order()
    with pytest.raises(Running):
        await product.restarter.subject(key, BY)
    [head] = await product.rows("SELECT run FROM head WHERE workflow_id = %s", f"order/{key}")
    assert head["run"] == 1


async def test_what_was_decided_beyond_the_snapshot_is_decided_again_the_same(product: Product) -> None:
    key = await product.order()
    kept = await product.rows("SELECT snapshot, snapshot_version FROM head WHERE workflow_id = %s", f"order/{key}")
    amended = await product.ask(
        key, "amend", Amendment(id="a1", reason="more", lines=(LineAmendment(line=1, quantity=50),))
    )
    await product.becomes(amended, "applied")
    await product.story(key, "picked", packs=50)
    await product.at_rest()
    before = product.systems.told(key)
    await product.workflow(f"order/{key}").terminate("by hand")
    # A large order keeps a snapshot now and then only: as if this one had kept none since its promise.
    await product.rows(
        "UPDATE head SET snapshot = %s, snapshot_version = %s WHERE workflow_id = %s RETURNING 1",
        kept[0]["snapshot"],
        kept[0]["snapshot_version"],
        f"order/{key}",
    )
    await product.restarter.subject(key, BY)
    await product.becomes(amended, "applied")
    await product.story(key, "packed", "shipped", "delivered", packs=50)
    await product.shows(key, "closed")
    await product.at_rest()
    assert product.systems.told(key)[: len(before)] == before
    assert product.systems.twice() == {}
    assert await product.packs_with_customers() == {f"ITEM-{key.split('/')[1]}": 50}


async def test_a_return_and_its_order_go_on_together(product: Product) -> None:
    key = await product.order()
    number = key.split("/")[1]
    await product.story(key, "picked", "packed", "shipped")
    await product.becomes(await product.tell(key, "returning", "dhl"), "applied")
    home = f"return/{key}/rts-{number}-1"

    async def expected() -> bool:
        return bool(await product.rows("SELECT 1 FROM head WHERE workflow_id = %s", home))

    await until(expected)
    await product.at_rest()
    for name in (home, f"order/{key}"):
        await product.workflow(name).terminate("by hand")
    assert (await product.restarter.subject(key, BY)).startswith("2 workflows begun again")
    back: dict[str, Any] = {"rma": f"rts-{number}-1", "lines": [{"line": 1, "quantity": 40}], "shipment": None}
    await product.becomes(await product.tell(key, "return_received", **back), "applied")
    await product.becomes(await product.tell(key, "return_inspected", disposition="restock", **back), "applied")
    await product.shows(key, "returned")
    await product.at_rest()
    assert product.systems.twice() == {}
    assert await product.packs_with_customers() == {}


async def test_an_order_hears_of_a_return_that_ended_while_it_did_not_run(product: Product) -> None:
    key = await product.order()
    number = key.split("/")[1]
    await product.story(key, "picked", "packed", "shipped")
    await product.becomes(await product.tell(key, "returning", "dhl"), "applied")
    back: dict[str, Any] = {"rma": f"rts-{number}-1", "lines": [{"line": 1, "quantity": 40}], "shipment": None}
    await product.becomes(await product.tell(key, "return_received", **back), "applied")
    await product.at_rest()
    await product.workflow(f"order/{key}").terminate("by hand")
    await product.becomes(await product.tell(key, "return_inspected", disposition="restock", **back), "applied")
    await product.restarter.subject(key, BY)
    await product.shows(key, "returned")
    await product.at_rest()
    assert product.systems.twice() == {}


async def test_what_an_earlier_build_left_out_as_too_late_is_taken_in(product: Product) -> None:
    key = await product.order()
    await product.story(key, "picked")
    await product.at_rest()
    await product.workflow(f"order/{key}").terminate("by hand")
    packed = await product.tell(key, "packed", lines=[{"line": 1, "quantity": 40}])

    async def waits() -> bool:
        return bool(await product.rows("SELECT 1 FROM event_order WHERE order_key = %s AND state = 'pending'", key))

    await until(waits)
    # As such a build settled it: the workflow was gone, so it took the order for ended.
    for table, which in (("event_order", "state = 'pending'"), ("inbox_message", f"id = {packed}")):
        await product.rows(
            f"UPDATE {table} SET state = 'superseded', reason = 'the order has ended', settled_at = now() "
            f"WHERE {which} RETURNING 1"
        )
    await product.restarter.subject(key, BY)
    await product.becomes(packed, "applied")
    await product.at_rest()
