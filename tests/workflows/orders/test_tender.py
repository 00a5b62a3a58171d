"""The tender: answered later, turned down, not answered at all, or taken by nobody."""

from typing import Any

import pytest

from schemas.base import Role
from schemas.cases.cases import CaseState
from schemas.cases.exceptions import Action, OrderPolicy, Times
from schemas.cases.exceptions import ExceptionKind as X
from schemas.messaging.effects import Operation
from schemas.orders.milestones import MilestoneEvent
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from schemas.workflows.commands import Verb
from tests.stack.standins import until
from tests.workflows.views import action, attributes, case_id, ended, opened
from tests.workflows.world import CARRIER, Order, World, centre_story

RANKED = ("carrier-bravo", "carrier-cargo", "carrier-delta")


def answer(order: Order, kind: M, carrier: str, hours: float = 0.5) -> MilestoneEvent:
    """The transport desk passes on what a carrier says."""
    about = {
        "shipment": "",
        "partner": "tms",
        "role": Role.TMS,
        "carrier": carrier,
        "name": f"{carrier}.{kind}.{hours}",
    }
    return order.event(kind, hours, **about)


async def tendered(world: World, **changes: Any) -> Order:
    """An order whose tender was taken, and no carrier named yet."""
    order = world.unreleased(**changes)
    world.unnamed.add(order.key)
    await order.release()
    await order.owes_nothing()
    return order


def offered(order: Order) -> list[tuple[str, str]]:
    """Every tender and its withdrawal, with the carrier wanted."""
    told = {Operation.TENDER_TRANSPORT, Operation.VOID_TENDER}
    return [
        (it.operation, getattr(it.payload, "carrier", "")) for it in order.world.done[order.key] if it.operation in told
    ]


async def test_an_answer_without_a_carrier_is_waited_for(world: World) -> None:
    order = await tendered(world)
    status = await order.status()
    assert status.awaited == "tender answer"
    assert status.due_at is not None
    assert (status.due_at - order.began).total_seconds() == pytest.approx(2 * 3600, abs=60)
    await order.tell(answer(order, M.TENDER_ACCEPTED, "carrier-bravo"))
    assert order.steps[-1].carrier == "carrier-bravo"
    assert (await order.status()).awaited == "pick"
    await order.tell(answer(order, M.TENDER_REJECTED, "carrier-cargo"))
    assert order.outcome("src#carrier-cargo.tender_rejected.0.5") == ["the tender is not with carrier-cargo"]
    await order.tell(*centre_story(order))
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    assert offered(order) == [("tender_transport", "")]


async def test_a_carrier_named_at_once_is_not_waited_for(world: World) -> None:
    order = await world.order()
    await order.owes_nothing()
    assert (await order.status()).awaited == "pick"
    await order.tell(centre_story(order)[0])
    assert order.steps[-1].carrier == CARRIER
    await order.handle.terminate()


async def test_a_rejected_tender_goes_to_the_next_ranked_carrier(world: World) -> None:
    order = await tendered(world, policy=OrderPolicy(carriers=RANKED), carrier="carrier-bravo")
    declined = answer(order, M.TENDER_REJECTED, "carrier-bravo")
    await order.tell(declined)
    await order.owes_nothing()
    assert offered(order) == [("tender_transport", ""), ("tender_transport", "carrier-cargo")], "nothing to take back"
    await order.tell(declined, answer(order, M.TENDER_REJECTED, "carrier-bravo", 0.6))
    await order.tell(answer(order, M.TENDER_ACCEPTED, "carrier-bravo", 0.7))
    assert order.outcome("src#carrier-bravo.tender_rejected.0.6") == ["carrier-bravo has turned the tender down before"]
    assert order.outcome("src#carrier-bravo.tender_accepted.0.7") == ["carrier-bravo had turned the tender down"]
    await order.tell(answer(order, M.TENDER_ACCEPTED, "carrier-cargo", 0.8))
    assert order.steps[-1].carrier == "carrier-cargo"
    assert order.open_cases == set()
    await order.tell(*centre_story(order))
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    assert len(offered(order)) == 2


async def test_a_tender_that_nobody_answers_is_taken_back_and_goes_to_the_next(world: World) -> None:
    policy = OrderPolicy(carriers=RANKED, times=Times(tender_answer_s=0.5))
    order = await tendered(world, policy=policy, carrier="carrier-bravo")
    await until(lambda: len(offered(order)) >= 3)
    assert offered(order)[:3] == [("tender_transport", ""), ("void_tender", ""), ("tender_transport", "carrier-cargo")]
    assert "deadline passed: no tender answer" in await order.handle.query("timeline")
    record = await opened(order, X.TENDER_REJECT, "tender")
    assert offered(order)[3:] == [("void_tender", ""), ("tender_transport", "carrier-delta"), ("void_tender", "")]
    assert record.summary == "no carrier took the tender: carrier-bravo, carrier-cargo, carrier-delta"
    await order.handle.terminate()


@pytest.mark.parametrize(
    ("policy", "asked"),
    [
        (OrderPolicy(carriers=RANKED, tender_limit=2), 2),
        (OrderPolicy(carriers=RANKED[:2], tender_limit=10), 2),
        (OrderPolicy(tender_limit=1), 1),
    ],
)
async def test_people_look_when_the_limit_or_the_list_is_used_up(world: World, policy: OrderPolicy, asked: int) -> None:
    order = await tendered(world, policy=policy, carrier="carrier-bravo")
    for number, carrier in enumerate(RANKED[:asked]):
        assert order.open_cases == set()
        await order.tell(answer(order, M.TENDER_REJECTED, carrier, number + 1))
        await order.owes_nothing()
    record = await opened(order, X.TENDER_REJECT, "tender")
    assert record.summary == f"no carrier took the tender: {', '.join(RANKED[:asked])}"
    assert len(offered(order)) == asked
    assert (await attributes(order))["OpenCases"] == [case_id(order, X.TENDER_REJECT)]
    why = await order.refused(Verb.ACT, action(Action.RE_TENDER, "r0"))
    assert why == "no carrier is left to ask by the policy: name one"
    wish = action(Action.RE_TENDER, carrier="carrier-spot", case=case_id(order, X.TENDER_REJECT))
    assert (await order.ask(Verb.ACT, wish)).done == "tender goes to carrier-spot"
    record = await ended(order, X.TENDER_REJECT)
    assert record.state is CaseState.CURED
    assert [it.by for it in record.history if it.what == "re_tender: tender goes to carrier-spot"] == ["sam"]
    await order.owes_nothing()
    assert offered(order)[asked:] == [("tender_transport", "carrier-spot")], "there is nothing to take back"
    await order.tell(answer(order, M.TENDER_ACCEPTED, "carrier-spot", 9))
    assert order.steps[-1].carrier == "carrier-spot"
    await order.tell(*centre_story(order))
    assert (await order.handle.result()).status is OrderStatus.CLOSED


async def test_a_spot_carrier_that_declines_as_well_opens_the_case_again(world: World) -> None:
    order = await tendered(world, policy=OrderPolicy(carriers=RANKED[:1]), carrier="carrier-bravo")
    await order.tell(answer(order, M.TENDER_REJECTED, "carrier-bravo"))
    await opened(order, X.TENDER_REJECT)
    await order.ask(Verb.ACT, action(Action.RE_TENDER, carrier="carrier-spot"))
    await ended(order, X.TENDER_REJECT)
    await order.owes_nothing()
    await order.tell(answer(order, M.TENDER_REJECTED, "carrier-spot"))
    assert (await opened(order, X.TENDER_REJECT)).reopened == 1
    await order.handle.terminate()


async def test_goods_that_have_left_end_the_tender(world: World) -> None:
    order = await tendered(world, policy=OrderPolicy(carriers=RANKED), carrier="carrier-bravo")
    await order.tell(*centre_story(order)[:4])
    await order.tell(answer(order, M.TENDER_REJECTED, "carrier-bravo", 9))
    assert order.outcome("src#carrier-bravo.tender_rejected.9") == ["the goods have left: the tender is over"]
    assert (await order.status()).awaited == "delivery"
    why = await order.refused(Verb.ACT, action(Action.RE_TENDER, carrier="carrier-spot"))
    assert why == "the goods have left: intercept them by cancelling"
    await order.handle.terminate()
