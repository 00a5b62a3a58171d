# ruff: noqa: F811 - fixtures of another file
"""Open demand in the planning feed: it travels with the movements, and planning ends with what is written."""

import pytest
from temporalio.exceptions import ApplicationError

from activities.planning.feed import FeedLimits
from connectors.ports import Unavailable
from schemas.base import Origin
from schemas.planning.movements import DemandRow
from store.engine import Database
from store.orders import steps
from store.planning import order_demand, planning, refused_rows
from store.views import report
from tests import written
from tests.activities.test_planning import RUN, Planning, database, feed, move, settled, system  # noqa: F401 - fixtures
from tests.store.rows import KEY
from tests.store.test_order_demand import step, wanted
from tests.store.test_planning import ItemDelta

UNANSWERED = Unavailable(Origin.PLANNING_API, "planning: no answer")


async def write(database: Database, version: int, *rows: DemandRow) -> None:
    """A step after which this is open."""
    await steps.write(database, written.step(step(version, *rows)))


def said(system: Planning) -> list[list[str]]:
    """Item, packs and revision of each figure of each call."""
    return [[f"{it.item} {it.packs} r{it.revision}" for it in call] for call in system.told]


async def test_demand_goes_with_the_movements_of_its_step_in_one_call(database: Database, system: Planning) -> None:
    await write(database, 0, wanted(), wanted("B", 60))
    await move(database, ItemDelta("A"), ItemDelta("B"))
    await feed(database, system)
    assert (system.items(), said(system)) == ([["A 40", "B 40"]], [["A 40 r1", "B 60 r1"]])
    assert await system.open_demand() == {"A LYS": 40, "B LYS": 60}
    assert await settled(database)
    await feed(database, system)
    assert len(system.sent) == 1
    async with database.connection() as connection:
        assert await planning.figures(connection) == {"movements": 4, "calls": 1, "per_1000": 250.0}


async def test_demand_alone_goes_too_the_newest_of_each_and_in_bulk(database: Database, system: Planning) -> None:
    await write(database, 0, wanted("A"), wanted("B"), wanted("C"))
    await write(database, 1, wanted("A", 10), wanted("B"), wanted("C"))
    await feed(database, system, FeedLimits(batch=2, linger_s=0.0))
    assert said(system) == [["B 40 r1", "C 40 r1"], ["A 10 r2"]]
    await write(database, 2)
    await feed(database, system)
    assert await system.open_demand() == {}
    assert sorted(said(system)[-1]) == ["A 0 r3", "B 0 r2", "C 0 r2"]


async def test_what_changes_while_an_answer_is_lost_is_told_as_it_is_by_then(
    database: Database,
    system: Planning,
) -> None:
    system.after = RuntimeError("the process died")
    await write(database, 0, wanted(packs=40))
    with pytest.raises(RuntimeError):
        await feed(database, system)
    assert await system.open_demand() == {"A LYS": 40}, "planning has it, and we do not know"
    await write(database, 1, wanted(packs=55))
    await write(database, 2, wanted(packs=40))
    system.after = None
    await feed(database, system)
    assert said(system) == [["A 40 r1"], ["A 40 r3"]]
    assert await system.open_demand() == {"A LYS": 40}
    async with database.connection() as connection:
        assert await order_demand.unreported(connection, RUN, 9) == []


async def test_the_same_call_is_made_again_under_its_key_until_it_is_answered(
    database: Database,
    system: Planning,
) -> None:
    system.before, system.times = UNANSWERED, 2
    await write(database, 0, wanted())
    await feed(database, system, FeedLimits(linger_s=0.0, patience_s=(0.01, 0.01)))
    assert said(system) == [["A 40 r1"]] * 3
    assert len({key for key, _ in system.sent}) == 1
    system.times = 1_000_000
    await write(database, 1, wanted(packs=50))
    with pytest.raises(ApplicationError):
        await feed(database, system, FeedLimits(linger_s=0.0, patience_s=()))
    system.before = None
    await feed(database, system)
    keys = [key for key, _ in system.sent]
    assert keys[-1] == keys[-2] != keys[0], "also by another run"


async def test_a_refused_figure_is_kept_and_others_go_on(database: Database, system: Planning) -> None:
    await system.forget("BAD")
    await write(database, 0, wanted("A"), wanted("BAD", 7), wanted("C"))
    await move(database, ItemDelta("A"))
    await feed(database, system)
    assert said(system) == [["A 40 r1", "BAD 7 r1", "C 40 r1"], ["BAD 7 r1"]]
    assert len({key for key, _ in system.sent}) == 2, "asked anew under another key"
    assert await settled(database), "what waits for people is not under way"
    async with database.connection() as connection:
        [row] = await refused_rows.listed(connection)
        assert (row["key"], row["error"]) == (f"{KEY}/demand/LYS/BAD/r1", "unknown_item")
        assert len((await report.expected_effects(connection))["planning"]) == 1, "figures are no effects"
    await write(database, 1, wanted("A"), wanted("BAD", 8), wanted("C"))
    await feed(database, system)
    assert len(system.sent) == 2, "it waits although it has changed"
    await system.forget()
    async with database.transaction() as connection:
        await refused_rows.replay(connection, [row["key"]])
    await feed(database, system)
    assert await system.open_demand() == {"A LYS": 40, "BAD LYS": 8, "C LYS": 40}


async def test_a_call_refused_as_a_whole_is_split_into_rows_and_figures(database: Database, system: Planning) -> None:
    system.refuse_bulk = True
    await system.forget("BAD")
    await write(database, 0, wanted("A"), wanted("BAD"))
    await move(database, ItemDelta("A"), ItemDelta("BAD"))
    await feed(database, system)
    sizes = [(len(rows), len(figures)) for (_, rows), figures in zip(system.sent, system.told, strict=True)]
    assert sizes == [(2, 2), (1, 0), (1, 0), (0, 1), (0, 1)]
    assert (await system.knows("A"), await system.open_demand()) == ({"shipped": 40}, {"A LYS": 40})
    async with database.connection() as connection:
        assert sorted(x["kind"] for x in await refused_rows.listed(connection)) == ["demand", "shipped"]


async def test_an_older_call_that_is_delivered_late_leaves_the_newer_figure(
    database: Database, system: Planning
) -> None:
    await write(database, 0, wanted(packs=40))
    async with database.connection() as connection:
        [late] = await order_demand.unreported(connection, RUN, 9)
    await write(database, 1, wanted(packs=10))
    await feed(database, system)
    async with database.transaction() as connection:
        answer = await system.sims.post("/planning/v1/rows", {"demand": [late.row.model_dump(mode="json")]}, "late")
        assert answer.json()["refused"] == []
        await order_demand.mark_reported(connection, [late], {})
    assert await system.open_demand() == {"A LYS": 10}
    await feed(database, system)
    assert len(system.sent) == 1
