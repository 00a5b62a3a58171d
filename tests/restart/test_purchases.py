"""Purchase orders begin again as orders do, also those of builds that kept no snapshot while they were open."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from temporalio.client import Client

from schemas.procurement.documents import ConfirmedLine, GoodsReceipt, ReceivedLine, SupplierConfirmation
from schemas.workflow_ids import workflow_of
from store.engine import Connection, Database
from store.messaging import heads
from tests.restart.stack import BY, ERP, SITE, Product, product_on
from tests.seals import SEALS


@pytest_asyncio.fixture
async def product(database_url: str, temporal_client: Client) -> AsyncIterator[Product]:
    """The product on a database of its own."""
    async with Database(database_url, 12, SEALS) as database, product_on(temporal_client, database) as made:
        yield made


@pytest.mark.parametrize("snapshot", [True, False], ids=["with a snapshot", "without"])
async def test_a_purchase_order_goes_on(product: Product, snapshot: bool) -> None:
    key = await product.purchase(30)
    number, now = key.partition("po:")[2], datetime.now(UTC)
    due = (now + timedelta(days=9)).date()
    confirmed = SupplierConfirmation(erp=ERP, po=number, lines=(ConfirmedLine(line=1, packs=30, day=due),))
    await product.becomes(await product.document("acme", "confirmation", confirmed), "applied")
    first = GoodsReceipt(
        erp=ERP, po=number, number="GR-1", site=SITE, received_at=now, lines=(ReceivedLine(line=1, packs=10),)
    )
    await product.becomes(await product.document("wms-lys", "receipt", first), "applied")
    await product.at_rest()
    await product.workflow(workflow_of(key)).terminate("by hand")
    if not snapshot:
        await product.rows("UPDATE head SET snapshot = NULL WHERE workflow_id = %s RETURNING 1", workflow_of(key))
    meanwhile = first.model_copy(update={"number": "GR-2", "lines": (ReceivedLine(line=1, packs=15),)})
    came = await product.document("wms-lys", "receipt", meanwhile)
    assert "begun again" in await product.restarter.subject(key, BY)
    await product.becomes(came, "applied")
    await product.at_rest()
    moved = await product.rows("SELECT packs FROM stock_balance WHERE place = %s", f"on_hand:{SITE}")
    assert [row["packs"] for row in moved] == [25]
    assert product.systems.twice() == {}


async def test_a_step_that_is_being_written_delays_a_restart_only(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await product.purchase(30)
    await product.at_rest()
    await product.workflow(workflow_of(key)).terminate("by hand")
    refused = asyncio.Event()
    kept = heads.kept

    async def watched(connection: Connection, workflow: str, *, locked: bool = False) -> heads.KeptHead | None:
        found = await kept(connection, workflow, locked=locked)
        if locked and found is None:
            refused.set()
        return found

    monkeypatch.setattr(heads, "kept", watched)
    async with product.database.transaction() as writing:
        await writing.execute("SELECT 1 FROM head WHERE workflow_id = %s FOR UPDATE", (workflow_of(key),))
        begun = asyncio.create_task(product.restarter.subject(key, BY))
        await asyncio.wait_for(refused.wait(), 20)
    assert "begun again" in await begun
