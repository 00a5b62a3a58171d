"""Systems that decline, fail, refuse or stay dead: what is owed is done, and nobody waits for another's trouble."""

from itertools import groupby

import pytest
from temporalio.exceptions import ApplicationError

from schemas.base import System
from schemas.cases.exceptions import Action
from schemas.messaging.effects import Effect
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from schemas.workflows.commands import ActionRequest, Verb
from tests.stack.standins import until
from tests.workflows.views import details
from tests.workflows.world import Trouble, World, busy, centre_story, dead, flaky, refusing


@pytest.mark.parametrize("trouble", [busy, flaky])
async def test_what_the_express_lane_does_not_do_the_queue_does(world: World, trouble: Trouble) -> None:
    order = world.unreleased()
    world.trouble[order.key, System.ERP] = trouble
    await order.release()
    await order.tell(*centre_story(order))
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    asked = [(order.short(e), express) for e, express in world.attempts[order.key] if e.system is System.ERP]
    if world.lossy:  # a lost task asks the express lane again
        asked = [it for it, _ in groupby(asked)]
    kinds = (M.PICKED, M.PACKED, M.SHIPPED, M.DELIVERED)
    assert asked == [(f"DN-1/{kind}", express) for kind in kinds for express in (True, False)]
    scheduled = [
        event.activity_task_scheduled_event_attributes
        async for event in order.handle.fetch_history_events()
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert {s.task_queue.name for s in scheduled} == {"erp"}
    assert {(s.priority.priority_key, s.priority.fairness_key) for s in scheduled} == {(3, "erp-one")}


async def test_a_dead_erp_holds_up_neither_the_others_nor_later_milestones(world: World) -> None:
    order = world.unreleased()
    world.trouble[order.key, System.ERP] = dead
    await order.release()
    for event in centre_story(order):
        await order.tell(event)
    assert sorted(order.done) == ["instruct_warehouse", "tender_transport"]
    assert order.steps[-1].status is OrderStatus.DELIVERED

    async def owes_four() -> bool:
        return len((await order.status()).owed) == 4

    await until(owes_four)
    del world.trouble[order.key, System.ERP]
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    assert order.done[2:] == [f"DN-1/{kind}" for kind in (M.PICKED, M.PACKED, M.SHIPPED, M.DELIVERED)]


async def test_the_page_says_what_is_owed_for_as_long_as_it_is(world: World) -> None:
    """Also when nothing else happens to the order afterwards."""
    order = world.unreleased()
    await order.release()
    await order.owes_nothing()
    assert "owed to" not in await details(order)
    world.trouble[order.key, System.ERP] = dead
    await order.tell(centre_story(order)[0])
    assert "- owed to erp: report_milestone picked" in await details(order)
    del world.trouble[order.key, System.ERP]
    await order.owes_nothing()
    assert "owed to" not in await details(order)
    await order.handle.terminate()


@pytest.mark.parametrize("system", [System.WMS, System.TMS])
async def test_a_dead_warehouse_or_transport_desk_holds_up_only_itself(world: World, system: System) -> None:
    order = world.unreleased()
    world.trouble[order.key, system] = dead
    await order.release()
    await order.tell(*centre_story(order))
    await until(lambda: len(order.done) == 5)
    del world.trouble[order.key, system]
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    assert len(order.done) == len(set(order.done)) == 6


async def test_a_refusal_by_rule_becomes_a_case_and_is_tried_again_when_people_say_so(world: World) -> None:
    order = world.unreleased()
    world.trouble[order.key, System.ERP] = refusing
    await order.release()
    await order.tell(centre_story(order)[0])
    await until(lambda: "refused_effect" in order.open_cases)
    described = {p.key.name: p.value for p in (await order.handle.describe()).typed_search_attributes}
    assert (described["FailureOrigin"], described["LastFailure"]) == ("erp_rule", "erp.report_milestone")
    assert described["OpenCases"] == [f"{order.key}/refused_effect/1"]
    del world.trouble[order.key, System.ERP]
    await order.tell(*centre_story(order)[1:])
    await order.owes_nothing()
    assert "DN-1/picked" not in order.done
    assert "DN-1/packed" in order.done
    tried = [express for e, express in world.attempts[order.key] if e.topic.milestone is M.PICKED]
    assert tried == [True], "a refusal is final until somebody has looked at it"
    answer = await order.ask(Verb.ACT, ActionRequest(id="r1", reason="period opened", action=Action.RETRY))
    assert answer.done == "1 effect tried again"
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    assert "DN-1/picked" in order.done
    await until(lambda: "refused_effect" not in order.open_cases)
    assert "erp refused report_milestone: erp_rule" in await order.handle.query("timeline")


BOTH_SIDES = "we asked: report_milestone as k; we saw: erp: ReadError"


def unknown(effect: Effect, express: bool) -> bool:
    """Nobody knows whether it was done."""
    raise ApplicationError(BOTH_SIDES, type="unknown_outcome", non_retryable=True)


async def test_an_unknown_outcome_is_a_case_with_both_sides_and_waits_for_people(world: World) -> None:
    order = world.unreleased()
    world.trouble[order.key, System.ERP] = unknown
    await order.release()
    await order.tell(centre_story(order)[0])
    await until(lambda: "refused_effect" in order.open_cases)
    await until(lambda: bool(world.cases[order.key]))
    [finding] = world.cases[order.key][-1].findings
    assert finding.summary.startswith("erp may have done report_milestone: look there")
    assert finding.summary.endswith(BOTH_SIDES)
    del world.trouble[order.key, System.ERP]
    await order.tell(*centre_story(order)[1:])
    await order.owes_nothing()
    tried = [express for e, express in world.attempts[order.key] if e.topic.milestone is M.PICKED]
    assert tried == [True], "it is not repeated until somebody has looked"
    await order.ask(Verb.ACT, ActionRequest(id="r1", reason="it is not there", action=Action.RETRY))
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    assert "DN-1/picked" in order.done


async def test_a_database_that_is_away_is_waited_for(world: World) -> None:
    order = world.unreleased()
    asked: list[int] = []

    async def away(record: object) -> None:
        asked.append(1)
        if len(asked) < 4:
            raise ApplicationError("the database is away")

    world.holding[order.key] = away
    await order.release()
    assert len(asked) == 4
    await order.tell(*centre_story(order))
    assert (await order.handle.result()).status is OrderStatus.CLOSED
