"""A worker dies after a step was written, before Temporal recorded it: the step is decided again, with more known."""

from itertools import product
from random import Random

import pytest

from domain import inbound, inbound_effects, papers, stock
from domain.procurement import PurchaseFile
from schemas.base import Origin
from schemas.effects import Effect
from schemas.milestones import MilestoneKind, ShippedLine
from schemas.orders import OrderStatus
from schemas.purchasing import PurchaseDocument, PurchaseEffect
from schemas.records import StepRecord
from schemas.returns import ReturnRecord, ReturnState
from schemas.stock import Moves
from store import effects, ledger, returns, steps
from store import procurement as purchases_store
from store.engine import Database
from tests.domain import purchases
from tests.store.rows import DUE, EFFECT, FIRST, KEY, open_order

STAGES = ("on_hand:LYS", "allocated:LYS", "transit:DN-1", "customer:")


def move(start: int, end: int, packs: int = 40) -> Moves:
    """Packs from one stage to another; nothing when they are the same."""
    return {} if start == end else {STAGES[start]: {"A": -packs}, STAGES[end]: {"A": packs}}


def step(base: int, version: int, moves: Moves, status: OrderStatus = OrderStatus.SHIPPED) -> StepRecord:
    """A step decided on the version `base`."""
    return StepRecord(order=KEY, base=base, version=version, status=status, promised_on=DUE, moves=moves)


async def held(database: Database) -> dict[str, int]:
    """Packs of A by place."""
    async with database.connection() as connection:
        return {row["place"]: row["packs"] for row in await ledger.balances(connection)}


@pytest.fixture
async def order(database: Database) -> Database:
    """An order, promised."""
    await open_order(database)
    await steps.write(database, FIRST)
    return database


@pytest.mark.parametrize(
    ("first", "second", "versions"), list(product(range(1, 4), range(1, 4), [(5, 8), (7, 8), (8, 9), (9, 12)]))
)
async def test_what_a_lost_attempt_booked_counts_once(
    order: Database, first: int, second: int, versions: tuple[int, int]
) -> None:
    for lost in (step(3, 5, move(0, 1)), step(5, 8, move(1, 2))):
        await steps.write(order, lost)
    again = step(3, versions[0], move(0, first))
    then = step(versions[0], versions[1], move(first, second))
    for record in (again, again, then, then):
        await steps.write(order, record)
    assert await held(order) == {STAGES[0]: -40, STAGES[second]: 40}
    async with order.connection() as connection:
        assert await ledger.audit(connection) == []


async def test_an_attempt_can_be_lost_again_and_again(order: Database) -> None:
    for packs in (10, 20, 30, 40):
        await steps.write(order, step(3, 5, move(0, 1, packs)))
    assert await held(order) == {STAGES[0]: -40, STAGES[1]: 40}


async def test_an_old_step_that_comes_late_takes_nothing_back(order: Database) -> None:
    early = step(3, 5, move(0, 1))
    for record in (early, step(5, 8, move(1, 2)), early):
        await steps.write(order, record)
    assert await held(order) == {STAGES[0]: -40, STAGES[2]: 40}


def tells(shipment: str, kind: MilestoneKind, status: OrderStatus) -> Effect:
    """A milestone as the ERP is to hear it."""
    told = {"key": f"{KEY}/{shipment}/{kind}", "shipment": shipment, "milestone": kind, "order_status": status}
    return EFFECT.model_copy(update=told)


async def told(database: Database, *owed: Effect) -> list[OrderStatus | None]:
    """The statuses that these tell."""
    async with database.connection() as connection:
        return [await effects.told_status(connection, it) for it in owed]


def owing(base: int, version: int, *owed: Effect) -> StepRecord:
    """A step that owes these."""
    return step(base, version, {}).model_copy(update={"effects": owed})


async def test_a_status_told_by_a_lost_attempt_never_falls(order: Database) -> None:
    shipped = tells("DN-1", MilestoneKind.SHIPPED, OrderStatus.SHIPPED)
    packed = tells("DN-1", MilestoneKind.PACKED, OrderStatus.PACKED)
    await steps.write(order, owing(3, 4, shipped))
    await steps.write(order, owing(3, 5, packed, shipped))
    assert await told(order, packed, shipped) == [OrderStatus.SHIPPED, OrderStatus.SHIPPED]


async def test_what_was_told_before_is_told_the_same(order: Database) -> None:
    shipped = tells("DN-1", MilestoneKind.SHIPPED, OrderStatus.SHIPPED)
    await steps.write(order, owing(3, 4, shipped))
    async with order.connection() as connection:
        await effects.done(connection, shipped, "R-1", 1)
    again = shipped.model_copy(update={"order_status": OrderStatus.DELIVERED})
    await steps.write(order, owing(3, 5, again))
    assert await told(order, again) == [OrderStatus.SHIPPED]


async def test_what_a_lost_attempt_did_not_come_to_follows_what_now_comes_before_it(order: Database) -> None:
    packed = tells("DN-2", MilestoneKind.PACKED, OrderStatus.PACKED)
    await steps.write(order, owing(3, 4, packed))
    shipped = tells("DN-1", MilestoneKind.SHIPPED, OrderStatus.SHIPPED)
    then = packed.model_copy(update={"order_status": OrderStatus.SHIPPED})
    await steps.write(order, owing(3, 5, shipped, then))
    assert await told(order, shipped, then) == [OrderStatus.SHIPPED, OrderStatus.SHIPPED]


async def test_a_status_may_fall_when_nothing_was_lost(order: Database) -> None:
    shipped = EFFECT.model_copy(update={"order_status": OrderStatus.SHIPPED})
    await steps.write(order, step(3, 4, {}).model_copy(update={"effects": (shipped,)}))
    more = EFFECT.model_copy(update={"key": f"{KEY}/DN-2/picked", "order_status": OrderStatus.PICKED})
    await steps.write(order, step(4, 5, {}).model_copy(update={"effects": (more,)}))
    async with order.connection() as connection:
        assert await effects.told_status(connection, more) is OrderStatus.PICKED


async def outcomes(database: Database) -> dict[str, str]:
    """What became of every effect, by the end of its key."""
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT key, outcome FROM effect")
        return {row["key"].partition("/")[2]: row["outcome"] for row in await cursor.fetchall()}


async def test_what_only_a_lost_attempt_owed_is_superseded(order: Database) -> None:
    early, late, next_one = (tells(f"DN-{n}", MilestoneKind.SHIPPED, OrderStatus.SHIPPED) for n in (1, 2, 3))
    for lost in (owing(3, 4, early), owing(4, 6, late)):
        await steps.write(order, lost)
    for record in (owing(3, 6, next_one), owing(3, 6, next_one)):
        await steps.write(order, record)
    found = await outcomes(order)
    assert [found[f"SO-1/DN-{n}/shipped"] for n in (1, 2, 3)] == ["superseded", "superseded", "planned"]


async def test_what_was_superseded_can_be_owed_again_and_what_was_done_stays_done(order: Database) -> None:
    early, other = (tells(f"DN-{n}", MilestoneKind.SHIPPED, OrderStatus.SHIPPED) for n in (1, 2))
    await steps.write(order, owing(3, 4, early))
    await steps.write(order, owing(3, 5, other))
    async with order.connection() as connection:
        await effects.failed(connection, early, Origin.ERP_API, "no answer", final=False)
        await effects.done(connection, other, "R-1", 1)
    assert (await outcomes(order))["SO-1/DN-1/shipped"] == "superseded"
    for record in (owing(3, 4, early), owing(4, 5), owing(4, 6)):
        await steps.write(order, record)
    found = await outcomes(order)
    assert [found[f"SO-1/DN-{n}/shipped"] for n in (1, 2)] == ["planned", "done"]


async def test_a_step_that_comes_late_supersedes_nothing_of_those_after_it(order: Database) -> None:
    first, second = (tells(f"DN-{n}", MilestoneKind.SHIPPED, OrderStatus.SHIPPED) for n in (1, 2))
    for record in (owing(3, 5, first), owing(5, 8, second), owing(3, 5, first), owing(8, 9), owing(5, 8, second)):
        await steps.write(order, record)
    found = await outcomes(order)
    assert [found[f"SO-1/DN-{n}/shipped"] for n in (1, 2)] == ["planned", "planned"]


def came_back(base: int, version: int, moves: Moves) -> ReturnRecord:
    """A step of a return decided on the version `base`."""
    return ReturnRecord(
        order=KEY,
        rma="RMA-1",
        base=base,
        version=version,
        state=ReturnState.RECEIVED,
        reason="wrong size",
        sender=False,
        expected=(ShippedLine(line=1, quantity=40),),
        moves=moves,
    )


async def test_what_a_lost_attempt_at_a_return_booked_counts_once(order: Database) -> None:
    await steps.write(order, step(3, 5, move(0, 3)))
    received = came_back(1, 2, {"customer:": {"A": -40}, "returns:LYS": {"A": 40}})
    both = came_back(1, 3, {"customer:": {"A": -40}, "on_hand:LYS": {"A": 40}})
    for record in (received, received, both, both):
        await returns.write(order, record)
    assert {place: packs for place, packs in (await held(order)).items() if packs} == {}
    async with order.connection() as connection:
        assert await ledger.audit(connection) == []


async def test_an_old_step_that_moved_nothing_and_comes_late_takes_nothing_back(order: Database) -> None:
    early = step(3, 5, {})
    for record in (early, step(5, 8, move(0, 1)), early, step(8, 9, move(1, 2)), early):
        await steps.write(order, record)
    assert await held(order) == {STAGES[0]: -40, STAGES[2]: 40}


async def test_an_old_step_that_was_booked_anew_and_comes_late_takes_nothing_back(order: Database) -> None:
    await steps.write(order, step(3, 5, move(0, 1, 10)))
    again = step(3, 5, move(0, 1))
    for record in (again, step(5, 8, move(1, 2)), again):
        await steps.write(order, record)
    assert await held(order) == {STAGES[0]: -40, STAGES[2]: 40}


@pytest.mark.parametrize("version", [5, 8, 9])
async def test_a_step_that_moves_nothing_takes_back_what_a_lost_attempt_moved(order: Database, version: int) -> None:
    for lost in (step(3, 5, move(0, 1)), step(5, 8, move(1, 2))):
        await steps.write(order, lost)
    for record in (step(3, version, {}), step(version, 10, {})):
        await steps.write(order, record)
    assert await held(order) == {}


async def test_steps_that_move_nothing_before_one_that_is_booked_again_leave_it(order: Database) -> None:
    await steps.write(order, step(3, 8, move(0, 1)))
    for record in (step(3, 5, {}), step(5, 8, move(0, 1))):
        await steps.write(order, record)
    assert await held(order) == {STAGES[0]: -40, STAGES[1]: 40}


PAPERS = (
    purchases.confirmed(),
    purchases.advised("S1", l1=60, l2=50),
    purchases.received("G1", "S1", l1=55, damaged=5, l2=50),
    purchases.advised("S2", l1=40),
    purchases.received("G2", "S2", l1=40),
    purchases.invoiced("I1", l1=95, l2=50),
)


def taken(before: PurchaseFile, batch: list[PurchaseDocument]) -> tuple[PurchaseFile, tuple[PurchaseEffect, ...]]:
    """A purchase order that has taken these in as one step, and what that owes."""
    state = before
    for it in batch:
        state, _ = papers.take(state, it)
    return inbound_effects.owed(before, state)


async def buy(database: Database, state: PurchaseFile, *batches: list[PurchaseDocument]) -> PurchaseFile:
    """Take documents in as the workflow does: each batch is a step."""
    for batch in batches:
        before = state
        state, owed = taken(before, batch)
        known = {"base": before.version, "moves": stock.moves(inbound.holdings(before), inbound.holdings(state))}
        await purchases_store.write(database, inbound.record(state, (), owed).model_copy(update=known))
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
    await buy(database, state, [*PAPERS[1:]])
    ended = await buy(database, state, [*PAPERS[1:], PAPERS[0]])
    await agrees(database, ended)


async def test_what_a_lost_attempt_held_back_is_not_owed_when_it_is_paid_at_once(
    bought: tuple[Database, PurchaseFile],
) -> None:
    database, state = bought
    receipt, invoice = purchases.received("G1", l1=100, l2=50), purchases.invoiced("I1", l1=100, l2=50)
    await buy(database, state, [invoice])
    await buy(database, state, [invoice, receipt])
    found = await outcomes(database)
    assert {key.removeprefix("po:4500/"): it for key, it in found.items()} == {
        "invoice/I1/r1/held": "superseded",
        "invoice/I1/r1/released": "planned",
        "receipt/G1/r1": "planned",
    }


@pytest.mark.parametrize("seed", range(12))
async def test_purchase_steps_that_are_lost_again_and_again_book_once(
    bought: tuple[Database, PurchaseFile], seed: int
) -> None:
    database, state = bought
    owed: set[str] = set()
    chance, left = Random(seed), list(PAPERS)
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


async def test_what_was_handed_over_goes_with_the_step_that_unsettles_it(bought: tuple[Database, PurchaseFile]) -> None:
    database, state = bought

    async def handed_over(settled: bool, version: int) -> bool:
        known = {"version": version, "handed_over": {"number": "4500"} if settled else None}
        await purchases_store.write(database, inbound.record(state, (), ()).model_copy(update=known))
        async with database.transaction() as connection:
            found = await purchases_store.handed_over(connection, state.start.key)
            assert await purchases_store.is_settled(connection, state.start.key) == (found is not None)
        return found is not None

    assert [await handed_over(*it) for it in ((True, 3), (False, 4), (True, 5), (False, 4))] == [
        True,
        False,
        True,
        True,
    ]
