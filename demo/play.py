"""Playing scenarios: several at once where they do not disturb each other, then every ledger against the others."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from demo.checks import SceneCheck
from demo.report import RunFacts, build
from demo.scenarios import SCENARIOS, Scenario
from demo.scene import Scene
from demo.stage import SceneFailed, Stage, open_stage, wait
from dispatch.temporal.connecting import connect
from simulators.systems.ledger import LedgerReport
from simulators.world.network import ERP
from stack.layout import LocalStack
from store.engine import Database
from store.views import report

AT_ONCE = 8
"""Scenarios at once: enough to load one machine."""
SETTLED_WITHIN_S = 60.0
"""Seconds until nothing is under way any more, retries included."""


@dataclass(frozen=True)
class Played:
    """A scenario that is over. `documents`: purchase orders and proposals. `deeds`: by system, the number of times that
    it did what, for its orders and documents."""

    scenario: Scenario
    checks: tuple[SceneCheck, ...]
    orders: tuple[str, ...]
    problem: str
    documents: tuple[str, ...] = ()
    deeds: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether everything was as it should be."""
        return not self.problem

    def in_books(self, books: Mapping[str, LedgerReport]) -> Self:
        """The same with its deeds, as each system's own books have them."""
        keys = {name for number in self.orders for name in (number, f"{ERP}/{number}")} | set(self.documents)
        return replace(self, deeds={system: _deeds(book, keys) for system, book in books.items()})

    def for_report(self) -> dict[str, Any]:
        """The scenario's part of the report."""
        return {
            "passed": self.passed,
            "checks": [check._asdict() for check in self.checks],
            "orders": list(self.orders),
            "documents": list(self.documents),
            "effects": {system: deeds.total() for system, deeds in self.deeds.items()},
            "problem": self.problem,
        }


async def play(
    stack: LocalStack,
    names: Sequence[str],
    faults: str,
    over: Callable[[int], None],
    on_played: Callable[[Played], None],
) -> dict[str, Any]:
    """Play scenarios by name and return the report of the run with `scenarios` in it.

    `over` hears how many are over, `told` of each one when every system has been told everything. Raises KeyError for a
    name that is not known.
    """
    began = time.monotonic()
    wanted = [SCENARIOS[name] for name in names]
    client = await connect(stack.settings.main_temporal)
    async with Database(stack.settings.main_database.url, 4) as database, open_stage(stack, database) as stage:
        await stage.driver.faults(faults)
        played = await _play_all(stage, wanted, over)
        await wait(lambda: _settled(database), SETTLED_WITHIN_S)
        books = await stage.driver.books()
        played = [it.in_books(books) for it in played]
        for it in played:
            on_played(it)
        facts = RunFacts(sum(len(it.orders) for it in played), dict(stack.restarts), time.monotonic() - began)
        found = await build(database, client, stage.driver, facts)
    return {**found, "scenarios": {it.scenario.name: it.for_report() for it in played}}


async def _play_all(stage: Stage, wanted: Sequence[Scenario], over: Callable[[int], None]) -> list[Played]:
    """Those that need the stage for themselves come last. The result is in the order wanted."""
    places = asyncio.Semaphore(AT_ONCE)
    played: dict[str, Played] = {}

    async def one(scenario: Scenario) -> None:
        async with places:
            played[scenario.name] = await _play(stage, scenario)
        over(len(played))

    await asyncio.gather(*(one(scenario) for scenario in wanted if not scenario.alone))
    for scenario in wanted:
        if scenario.alone:
            await one(scenario)
    return [played[scenario.name] for scenario in wanted]


async def _play(stage: Stage, scenario: Scenario) -> Played:
    scene, problem = Scene(stage, scenario.name), ""
    try:
        await scenario.play(scene)
        await scene.no_case_is_open()
    except SceneFailed as failed:
        problem = str(failed)
    except Exception as error:  # one scenario that breaks must not hide what the others have found
        problem = f"{type(error).__name__}: {error}"
    orders = tuple(order.number for order in scene.orders)
    return Played(scenario, tuple(scene.checks), orders, problem, tuple(scene.documents))


def _deeds(book: LedgerReport, orders: set[str]) -> Counter[str]:
    """What a system did for these orders, in the order in which it did it first."""
    return Counter(entry.milestone or entry.operation for entry in book.entries if entry.order in orders)


async def _settled(database: Database) -> bool:
    async with database.connection() as connection:
        figures = await report.progress(connection)
        return await report.settled(connection) and figures["ended"] == figures["orders"]
