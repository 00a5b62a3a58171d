"""Purchase orders whose steps are decided again, with more known: what they book and owe counts once."""

from itertools import count
from random import Random

import pytest

from domain.orders import goods
from domain.procurement import documents, inbound, inbound_effects
from domain.procurement.purchase_order import PurchaseFile
from schemas.procurement.purchase_effects import PurchaseEffect
from schemas.procurement.purchase_orders import PurchaseDocument
from store.engine import Database
from store.inventory import ledger
from store.procurement import purchase_orders as purchases_store
from store.procurement import purchase_steps
from tests import written
from tests.domain import purchases
from tests.store.rows import rows

_tasks = count(1)


async def outcomes(database: Database) -> dict[str, str]:
    """What became of every effect, by the end of its key."""
    return {row["key"].partition("/")[2]: row["outcome"] for row in await rows(database, "effect")}


DOCUMENTS = (
    purchases.confirmed(),
    purchases.advised("S1", l1=60, l2=50),
    purchases.received("G1", "S1", l1=55, damaged=5, l2=50),
    purchases.advised("S2", l1=40),
    purchases.received("G2", "S2", l1=40),
    purchases.invoiced("I1", l1=95, l2=50),
)


def taken(before: PurchaseFile, batch: list[PurchaseDocument]) -> tuple[PurchaseFile, tuple[PurchaseEffect, ...]]:
    """A purchase order that has taken these in as one step, and what that owes."""
    state, owed = before, list[PurchaseEffect]()
    for it in batch:
        known, _ = documents.take(state.model_copy(update={"version": state.version + 1}), it)
        state, effects = inbound_effects.owed(state, known)
        owed += effects
    return state, tuple(owed)


async def buy(database: Database, state: PurchaseFile, *batches: list[PurchaseDocument]) -> PurchaseFile:
    """Take documents in as the workflow does: each batch is a step of one task."""
    at = next(_tasks)
    for batch in batches:
        before = state
        state, owed = taken(before, batch)
        moved = goods.moves(inbound.holdings(before), inbound.holdings(state))
        record = inbound.record(state, owed, moved)
        await purchase_steps.write(database, written.step(record, base=before.version, at=at))
    return state


@pytest.fixture
async def bought(database: Database) -> tuple[Database, PurchaseFile]:
    """A purchase order that is known, and nothing else of it."""
    order = purchases.order()
    assert order.order
    async with database.transaction() as connection:
        await purchases_store.open_purchase(connection, "erp-one", order.order, ["erp-one", "acme"])
    return database, await buy(database, PurchaseFile(start=purchases.start()), [order])


async def agrees(database: Database, state: PurchaseFile) -> None:
    """The books say what the purchase order says, and add up."""
    expected = {(place, item): packs for (place, item), packs in inbound.holdings(state).items() if packs}
    async with database.connection() as connection:
        found = {(row["place"], row["item"]): int(row["packs"]) for row in await ledger.balances(connection)}
        assert found == expected
        assert await ledger.audit(connection) == []


async def test_what_arrives_while_a_purchase_order_ends_books_its_receipt_once(
    bought: tuple[Database, PurchaseFile],
) -> None:
    """Temporal refuses the end because of a signal that came meanwhile: the last step is decided again, with it."""
    database, state = bought
    await buy(database, state, [*DOCUMENTS[1:]])
    ended = await buy(database, state, [*DOCUMENTS[1:], DOCUMENTS[0]])
    await agrees(database, ended)


async def test_what_a_superseded_attempt_decided_is_decided_again_and_more(
    bought: tuple[Database, PurchaseFile],
) -> None:
    database, state = bought
    receipt, invoice = purchases.received("G1", l1=100, l2=50), purchases.invoiced("I1", l1=100, l2=50)
    await buy(database, state, [invoice])
    await buy(database, state, [invoice, receipt])
    found = await outcomes(database)
    assert {key.removeprefix("po:4500/"): it for key, it in found.items()} == {
        "invoice/I1/r1/held": "planned",
        "invoice/I1/r1/released": "planned",
        "receipt/G1/r1": "planned",
    }


@pytest.mark.parametrize("seed", range(12))
async def test_purchase_steps_that_are_superseded_again_and_again_book_once(
    bought: tuple[Database, PurchaseFile], seed: int
) -> None:
    database, state = bought
    owed: set[str] = set()
    chance, left = Random(seed), list(DOCUMENTS)
    chance.shuffle(left)
    while left:
        known = chance.randint(1, len(left))
        for _ in range(chance.randint(0, 3)):
            cut = chance.randint(0, known)
            await buy(database, state, *(batch for batch in (left[:cut], left[cut:known]) if batch))
            known = chance.randint(known, len(left))
        cut = chance.randint(1, known)
        _, effects_owed = taken(state, left[:cut])
        owed |= {it.key for it in effects_owed}
        state, left = await buy(database, state, left[:cut]), left[cut:]
    await agrees(database, state)
    planned = {f"erp-one/{key}" for key, outcome in (await outcomes(database)).items() if outcome == "planned"}
    assert planned == owed


async def test_an_older_version_that_is_decided_later_changes_nothing_that_is_shown(
    bought: tuple[Database, PurchaseFile],
) -> None:
    database, state = bought
    settled = await buy(database, state, [*DOCUMENTS])
    before = await shown(database)
    first, owed = taken(state, [DOCUMENTS[0]])
    assert first.version < settled.version
    record = inbound.record(first, owed, goods.moves(inbound.holdings(state), inbound.holdings(first)))
    await purchase_steps.write(database, written.step(record, base=state.version, at=next(_tasks)))
    assert await shown(database) == before


async def test_a_purchase_step_that_owes_nothing_supersedes_what_a_superseded_attempt_owed(
    bought: tuple[Database, PurchaseFile],
) -> None:
    database, state = bought
    await buy(database, state, [DOCUMENTS[0]])
    changed = written.but(inbound.record(state, ()), version=state.version + 1)
    await purchase_steps.write(database, written.step(changed, base=state.version, at=next(_tasks)))
    assert (await outcomes(database))["po:4500/confirmation/r1"] == "superseded"


async def shown(database: Database) -> list[list[dict[str, object]]]:
    """What is shown of purchase orders, and expected of them."""
    found = []
    async with database.connection() as connection:
        for query in (
            "SELECT status, version, closed_at FROM purchase_order ORDER BY key",
            "SELECT * FROM purchase_line ORDER BY order_key, line",
            "SELECT * FROM inbound_shipment ORDER BY order_key, shipment",
            "SELECT * FROM supply ORDER BY key",
        ):
            found.append(await (await connection.execute(query)).fetchall())
    return found
