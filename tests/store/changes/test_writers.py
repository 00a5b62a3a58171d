"""Every kind of change has one writer, which writes its own tables and nothing else."""

from datetime import date
from importlib import import_module
from pathlib import Path
from typing import ClassVar

import pytest

from schemas.cases.cases import Notice, NoticesPlanned
from schemas.cases.exceptions import Channel
from schemas.changes import KINDS, Change
from schemas.finance.freight import GoodsIssued
from schemas.inventory.stock import StockMoved
from schemas.messaging.owed import EffectsPlanned
from schemas.orders.changes import (
    Apart,
    ApartChanged,
    LinesChanged,
    OrderPromised,
    OrderViewChanged,
    ReleaseAmended,
    ShipmentRecord,
    ShipmentsChanged,
    SitesJoined,
)
from schemas.orders.release import LinePromise, OrderStatus, Promise
from schemas.planning.movements import DemandRow, OpenDemand, PlanningMoved
from schemas.planning.proposals import Decided, Proposal, ProposalKind, ProposalsDecided, ProposalsRaised
from schemas.workflows.records import StepRecord
from store.changes import Writers
from store.engine import Database
from store.orders import returns, steps
from store.procurement import purchase_steps
from tests import written
from tests.store.rows import DELTA, DUE, EFFECT, FIRST, KEY, LATER, LINE, NOW, open_order
from tests.store.test_freight import an_order

OF_STEPS = {"order": steps.WRITERS, "return": returns.WRITERS, "purchase order": purchase_steps.WRITERS}


def every_kind() -> set[type[Change]]:
    """All kinds of change that any schema has."""
    root = Path(__file__).parents[3]
    for file in sorted((root / "schemas").rglob("*.py")):
        import_module(".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"))
    return {kind for kind in KINDS.values() if kind.__module__.startswith("schemas.")}


@pytest.mark.parametrize("writers", OF_STEPS.values(), ids=OF_STEPS)
def test_no_kind_has_two_writers(writers: Writers) -> None:
    kinds = [writer.kind for writer in writers]
    assert sorted(kinds, key=str) == sorted(set(kinds), key=str)


def test_every_kind_has_a_writer() -> None:
    assert {writer.kind for writers in OF_STEPS.values() for writer in writers} == every_kind()


PROMISE = Promise(promised_on=DUE, lines=(LinePromise(line=1, promised_on=DUE),), reason="as requested")
PROPOSAL = Proposal(
    id=f"{KEY}/9",
    kind=ProposalKind.DELAY,
    subject="promise",
    promised_on=DUE,
    proposed_on=LATER,
    summary="later",
    raised_at=NOW,
)
ASKED = PROPOSAL.model_copy(update={"id": f"{KEY}/1"})
ANSWER = Decided(id=ASKED.id, state="accepted", by="p", at=NOW, reason="r")
NOTICE = Notice(key="n", template="customer_delay", to="customer", channel=Channel.EMAIL, order=KEY, asked_at=NOW)
OWN_TABLES: list[tuple[Change, set[str]]] = [
    (OrderPromised(promise=PROMISE), {"order_view", "order_line_view", "promise"}),
    (OrderViewChanged(status=OrderStatus.PICKED, promised_on=LATER), {"order_view", "promise"}),
    (LinesChanged(lines=(LINE.model_copy(update={"allocated": 7}),)), {"order_line_view"}),
    (ShipmentsChanged(shipments=(ShipmentRecord(shipment="DN-1", status=OrderStatus.PICKED),)), {"shipment_order"}),
    (ApartChanged(apart=Apart(astray={1: 3})), {"order_view"}),
    (ReleaseAmended(items={1: "B"}), {"order_view"}),
    (SitesJoined(sites=("MAD",)), {"order_view"}),
    (EffectsPlanned(effects=(EFFECT,)), {"effect"}),
    (PlanningMoved(deltas=(DELTA,)), {"planning_delta", "planning_site"}),
    (OpenDemand(rows=(DemandRow(item="A", site="LYS", packs=40, day=DUE),)), {"order_demand", "planning_site"}),
    (ProposalsRaised(proposals=(PROPOSAL,)), {"replan_proposal"}),
    (
        ProposalsDecided(decided=(Decided(id=ASKED.id, state="accepted", by="p", at=NOW, reason="r"),)),
        {"replan_proposal"},
    ),
    (NoticesPlanned(notices=(NOTICE,)), {"notice"}),
    (GoodsIssued(issued={"transit:DN-1": {"A": 40}}), {"freight_move", "freight_entry", "erp_feed"}),
    (
        StockMoved(moves={"on_hand:LYS": {"A": -40}, "allocated:LYS": {"A": 40}}),
        {"stock_move", "stock_entry", "stock_balance", "planning_delta"},
    ),
]


async def contents(database: Database) -> dict[str, str]:
    """What is in each table, but for where workflows stand: every step says that."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('head', 'outcome')"
        )
        found = {}
        for row in await cursor.fetchall():
            table = row["tablename"]
            query = f"SELECT md5(coalesce(string_agg(t::text, ' ' ORDER BY t::text), '')) AS digest FROM {table} t"
            [digest] = await (await connection.execute(query.encode())).fetchall()
            found[table] = digest["digest"]
    return found


@pytest.mark.parametrize(("change", "tables"), OWN_TABLES, ids=lambda it: getattr(it, "tag", ""))
async def test_a_step_with_one_change_writes_that_alone(database: Database, change: Change, tables: set[str]) -> None:
    if isinstance(change, OrderPromised):
        await open_order(database)
    else:
        await an_order(database)
        asked = StepRecord(order=KEY, version=1, changes=(ProposalsRaised(proposals=(ASKED,)),))
        await steps.write(database, written.step(asked))
    before = await contents(database)
    await steps.write(database, written.step(StepRecord(order=KEY, version=4, changes=(change,))))
    after = await contents(database)
    assert {table for table in after if after[table] != before[table]} == tables


def test_each_change_of_an_order_is_looked_at_alone() -> None:
    assert {type(change) for change, _ in OWN_TABLES} == {writer.kind for writer in steps.WRITERS}


async def test_a_step_without_changes_writes_nothing(database: Database) -> None:
    await an_order(database)
    before = await contents(database)
    await steps.write(database, written.step(StepRecord(order=KEY, version=1)))
    assert await contents(database) == before


class WeatherChanged(Change):
    """What no store has heard of."""

    tag: ClassVar[str] = "weather"
    day: date = DUE


@pytest.mark.parametrize("write", [steps.write, returns.write, purchase_steps.write])
async def test_a_change_that_nobody_writes_stops_the_step(database: Database, write: object) -> None:
    await open_order(database)
    assert callable(write)
    record = StepRecord(order=KEY, version=1, changes=(*FIRST.changes[:1], WeatherChanged()))
    before = await contents(database)
    with pytest.raises(LookupError, match=r"nobody writes .*WeatherChanged"):
        await write(database, written.step(record))
    assert await contents(database) == before
