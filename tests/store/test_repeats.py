"""Orders whose workflow tasks are lost and repeated end with the same books as orders that decided once."""

from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from schemas.cases.policies import PolicyRule
from schemas.inventory.stock import Moves, entries
from schemas.messaging.effects import ChangeKind
from schemas.messaging.order_effects import OrderEffect, ReportChange
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderLine, OrderStatus
from schemas.workflows.lifecycle import OrderStart
from schemas.workflows.records import StepRecord
from schemas.workflows.steps import InputOutcome, WorkflowStep
from store.cases import policies
from store.engine import Database
from store.messaging import heads, inbox
from store.messaging.inbox import NewMessage
from store.orders import orders, steps
from tests import written
from tests.promising import stocked
from tests.store.rows import DUE, EFFECT, FIRST, NOW, RELEASE

ERP = "erp-one"
PACKS = 8
"""Freight of so many packs, of 2.50 USD each, is a whole dollar: how inputs are bundled rounds nothing."""
INPUTS = 12
SEEDS = 12


def total(*moves: Moves) -> Moves:
    """Everything moved, as one movement."""
    sums = Counter[tuple[str, str]]()
    for it in moves:
        for entry in entries(it):
            sums[entry.place, entry.item] += entry.packs
    found: Moves = {}
    for (place, item), packs in sums.items():
        if packs:
            found.setdefault(place, {})[item] = packs
    return found


def shift(start: str, end: str, packs: int) -> Moves:
    """Packs of A from one place to another."""
    return {start: {"A": -packs}, end: {"A": packs}}


# Books, effects and verdicts


class Story:
    """An order with the inputs that it decides, each with what it books, owes and answers."""

    def __init__(self, name: str, seed: int) -> None:
        self.key, self.workflow = f"{ERP}/{name}", f"order/{ERP}/{name}"
        self.messages = list[int]()
        chance = Random(seed)
        self._does = [self._input(chance) for _ in range(INPUTS)]
        self._refused = [chance.random() < 0.3 for _ in range(INPUTS)]

    @staticmethod
    def _input(chance: Random) -> tuple[Moves, Moves]:
        """What an input moves, and what it sends on its way."""
        shipment, packs = f"transit:DN-{chance.randint(1, 2)}", PACKS * chance.randint(1, 4)
        sent = {shipment: {"A": packs}}
        recast = {"transit:DN-1": {"A": -PACKS}, "transit:DN-2": {"A": PACKS}}
        allocated = shift("on_hand:LYS", "allocated:LYS", packs)
        return chance.choice(
            [({}, {}), (allocated, {}), (shift("allocated:LYS", shipment, packs), sent), (recast, recast)]
        )

    async def open(self, database: Database) -> None:
        """Release the order, promise it, and take in its messages."""
        number = self.key.removeprefix(f"{ERP}/")
        said = [NewMessage(ERP, "api", inbox.CANCEL, f"{number}-{n}", "d", b"{}") for n in range(INPUTS)]
        line = OrderLine(line=1, item="A", quantity=40, value=100)
        async with database.transaction() as connection:
            [first] = await inbox.insert(connection, [NewMessage(ERP, "api", inbox.RELEASE, number, "d", b"{}")])
            release = RELEASE.model_copy(update={"number": number, "lines": (line,)})
            await orders.open_order(connection, ERP, release, "d", first, [ERP])
            self.messages = await inbox.insert(connection, said)
            await policies.put(connection, PolicyRule(id="freight", about="freight", body={"share": 0.05}))
        await steps.write(database, written.step(written.but(FIRST, order=self.key)))

    def step(self, base: int, version: int, at: int, kept: int, joined: int | None = None) -> WorkflowStep[StepRecord]:
        """The step that decides on the inputs after `base`, up to `version`. `joined`: the task whose answers from
        other systems come with it."""
        moves = [self._does[n] for n in range(base, version)]
        owed = [self._owed(f"input-{n}") for n in range(base, version)]
        if joined is not None:
            sent = shift("on_hand:LYS", f"transit:DN-{1 + joined % 2}", PACKS)
            moves.append((sent, {place: items for place, items in sent.items() if place.startswith("transit")}))
            owed.append(self._owed(f"joined-{joined}"))
        record = written.order_record(
            order=self.key,
            version=version,
            status=OrderStatus.SHIPPED,
            promised_on=DUE,
            moves=total(*(it for it, _ in moves)),
            issued=total(*(it for _, it in moves)),
            effects=tuple(owed),
        )
        said = [self._said(n) for n in range(base, version)]
        return written.step(record, base=base, at=at, kept=kept, outcomes=said)

    def _owed(self, name: str) -> OrderEffect:
        return EFFECT.model_copy(update={"key": f"{self.key}/{name}", "order": self.key})

    def _said(self, n: int) -> InputOutcome:
        refusal = "too late" if self._refused[n] else None
        return InputOutcome(
            event_id=f"input-{n}", inbox_id=self.messages[n], version=n + 1, superseded=refusal, answer={"at": n + 1}
        )

    async def settled(self, database: Database) -> list[int]:
        """The versions of the messages that are settled."""
        query = "SELECT id FROM inbox_message WHERE id = ANY(%s) AND settled_at IS NOT NULL"
        found = await asked(database, query, self)
        return sorted(self.messages.index(row["id"]) + 1 for row in found)

    async def confirm(self, database: Database) -> None:
        """Find the task of the newest step in the history."""
        async with database.transaction() as connection:
            [newest] = [it for it in await heads.provisional(connection, 0.0, 100) if it.workflow_id == self.workflow]
            assert await heads.confirm(connection, [newest]) == 1

    async def books(self, database: Database) -> dict[str, Any]:
        """Sums of stock and freight, effects that are owed, and verdicts: provisional or settled."""
        stock = await asked(
            database,
            "SELECT place, sum(packs)::int AS packs, sum(amount) AS amount FROM stock_entry JOIN stock_move m ON "
            "m.key = move_key WHERE m.ref = %s GROUP BY 1 HAVING sum(packs) <> 0 OR sum(amount) <> 0 ORDER BY 1",
            self.key,
        )
        freight = await asked(
            database,
            "SELECT shipment, account, sum(amount) AS amount FROM freight_entry JOIN freight_move m "
            "ON m.key = move_key WHERE m.ref = %s GROUP BY 1, 2 HAVING sum(amount) <> 0 ORDER BY 1, 2",
            self.key,
        )
        owed = await asked(database, "SELECT key, outcome FROM effect WHERE order_key = %s ORDER BY key", self.key)
        verdicts = await asked(
            database,
            "SELECT coalesce(o.verdict, m.state) AS verdict, coalesce(o.reason, m.reason) AS reason, "
            "coalesce(o.answer, m.answer) AS answer FROM inbox_message m LEFT JOIN outcome o ON o.inbox_id = m.id "
            "WHERE m.id = ANY(%s) ORDER BY m.id",
            self,
        )
        left = [row["key"].removeprefix(self.key) for row in owed if row["outcome"] != "superseded"]
        return {"stock": stock, "freight": freight, "owed": left, "verdicts": verdicts}


async def asked(database: Database, query: str, of: "Story | str") -> list[dict[str, Any]]:
    """Rows about the messages of an order, or about what has its key."""
    async with database.connection() as connection:
        cursor = await connection.execute(query.encode(), (of.messages if isinstance(of, Story) else of,))
        return await cursor.fetchall()


def bundles(chance: Random, base: int, end: int) -> list[tuple[int, int]]:
    """The inputs between two versions, as one step or several."""
    cuts = sorted(it for it in range(base + 1, end) if chance.random() < 0.4)
    return list(pairwise([base, *cuts, end]))


async def live(database: Database, story: Story, chance: Random) -> list[tuple[int, int]]:
    """Decide on all inputs, in tasks that are lost and repeated with ever more inputs; steps are written twice, and
    come late. What systems answered counts where a task was kept: (version, task) of it."""
    base, at, counted, sent = 0, 10, list[tuple[int, int]](), list[WorkflowStep[StepRecord]]()
    while base < INPUTS:
        ends = sorted(min(INPUTS, base + chance.randint(1, 5)) for _ in range(chance.randint(1, 4)))
        for attempt, end in enumerate(ends):
            parts, kept = bundles(chance, base, end), attempt == len(ends) - 1
            joins = chance.random() < 0.5
            written_ones = parts if kept else parts[: chance.randint(1, len(parts))]
            for start, version in written_ones:
                joined = at if joins and version == end else None
                sent.append(story.step(start, version, at, base, joined))
                late = chance.sample(sent, min(len(sent), 2)) if chance.random() < 0.4 else []
                for it in (sent[-1], *late):
                    await steps.write(database, it)
                assert await story.settled(database) == list(range(1, base + 1)), "those of earlier tasks"
            if kept and joins:
                counted.append((end, at))
            at += 4
        base = end
    return counted


async def test_an_order_whose_tasks_were_lost_ends_like_one_that_decided_once(database: Database) -> None:
    superseded = 0
    for seed in range(SEEDS):
        lost, once = Story(f"LOST-{seed}", seed), Story(f"ONCE-{seed}", seed)
        await lost.open(database)
        await once.open(database)
        counted = await live(database, lost, Random(seed + 1000))
        base = 0
        for version, task in [*counted, (INPUTS, None)]:
            if version > base:
                await steps.write(database, once.step(base, version, 10, 0, task))
            base = version
        assert await once.settled(database) == []
        assert await lost.books(database) == await once.books(database), f"seed {seed}"
        for it in (lost, once):
            await it.confirm(database)
            assert await it.settled(database) == list(range(1, INPUTS + 1))
        assert await lost.books(database) == await once.books(database), f"seed {seed}"
        gone = await asked(database, "SELECT FROM effect WHERE order_key = %s AND outcome = 'superseded'", lost.key)
        superseded += len(gone)
    assert superseded, "some attempts owed what nobody is owed any more"


async def test_freight_that_a_superseded_attempt_accrued_is_corrected_by_shipment_and_account(
    database: Database,
) -> None:
    story = Story("FREIGHT", 0)
    await story.open(database)

    def sends(base: int, version: int, at: int, **packs: int) -> WorkflowStep[StepRecord]:
        places = {f"transit:{name.replace('_', '-')}": {"A": count} for name, count in packs.items()}
        record = story.step(base, version, at, 0).record
        moves = {"on_hand:LYS": {"A": -sum(packs.values())}, **places} if packs else {}
        return written.step(written.but(record, moves=moves, issued=places), base=base, at=at)

    async def accrued() -> dict[tuple[str, str], float]:
        found = (await story.books(database))["freight"]
        return {(row["shipment"], row["account"]): float(row["amount"]) for row in found}

    def both(shipment: str, amount: float) -> dict[tuple[str, str], float]:
        return {(shipment, "freight_expense"): amount, (shipment, "freight_accrued"): -amount}

    await steps.write(database, sends(1, 2, 10, DN_1=16))
    await steps.write(database, sends(2, 4, 10, DN_2=32))
    assert await accrued() == both("DN-1", 2) | both("DN-2", 4)
    again = sends(1, 2, 14, DN_1=16)
    for _ in range(2):
        await steps.write(database, again)
        assert await accrued() == both("DN-1", 2), "nothing is known to have left after it"
    await steps.write(database, sends(2, 5, 14, DN_2=8, DN_3=24))
    assert await accrued() == both("DN-1", 2) | both("DN-2", 1) | both("DN-3", 3)
    await steps.write(database, sends(1, 2, 18))
    assert await accrued() == {}


# Reservations


def reserving(start: OrderStart, item: str, base: int, version: int, at: int) -> WorkflowStep[StepRecord]:
    """The step that decides on inputs of an order of 50 packs: 20 are allocated; 10 are missing, and Hamburg is told to
    send them; 10 more are allocated; and 5 more."""
    on_hand, allocated = f"on_hand:{stocked.SITE}", f"allocated:{stocked.SITE}"
    told = OrderEffect(
        key=f"{start.key}/HAM",
        order=start.key,
        accepted_at=NOW,
        payload=ReportChange(change=ChangeKind.RE_SOURCED, site="HAM", lines=(ShippedLine(line=1, quantity=10),)),
    )
    allocates = {n: {on_hand: {item: -n}, allocated: {item: n}} for n in (20, 10, 5)}
    missing = {on_hand: {item: -10}, f"adjustment:{stocked.SITE}": {item: 10}}
    moves: list[Moves] = [allocates[20], missing, allocates[10], allocates[5]]
    line = stocked.line(1, 50, item=item, allocated=(0, 20, 20, 30, 35)[version])
    record = written.order_record(
        order=start.key,
        version=version,
        status=OrderStatus.ALLOCATED,
        promised_on=start.promise.promised_on,
        lines=(line,),
        moves=total(*moves[base:version]),
        effects=(told,) if base < 2 <= version else (),
        sites=("HAM",) if base < 2 <= version else (),
    )
    return written.step(record, base=base, at=at)


@pytest.mark.parametrize("lost", [(1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (1, 2, 3), (2, 2), (4, 4)], ids=str)
async def test_a_step_decided_again_with_more_inputs_reserves_what_one_decided_once_does(
    database: Database, lost: tuple[int, ...]
) -> None:
    starts = dict[str, OrderStart]()
    for item in ("A", "B"):
        await stocked.put_stock(database, f"s{item}", 40, item=item)
        await stocked.put_stock(database, f"h{item}", 2, item=item, site="HAM")
        await stocked.expect(database, stocked.incoming(f"1{item}", 60, 10, item=item))
        starts[item] = await stocked.promise(database, item, 50, item=item)
        await stocked.begin(database, starts[item])
    for n, version in enumerate(lost):
        await steps.write(database, reserving(starts["A"], "A", 0, version, 10 + 4 * n))
    end = min(4, lost[-1] + 1)
    for item, at in (("A", 50), ("B", 50)):
        await steps.write(database, reserving(starts[item], item, 0, end, at))
        if end < 4:
            await steps.write(database, reserving(starts[item], item, end, 4, at + 4))
    held = {item: dict[str, int]() for item in starts}
    for name, packs in (await stocked.reservations(database)).items():
        held[name[0]][name[1:].replace(f"1{name[0]}/", "1/")] = packs
    assert held["A"] == held["B"]
    assert sum(held["B"].values()) == 50 - 35
