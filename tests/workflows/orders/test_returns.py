"""The return workflow: from the authorisation to the credit note, and everything that may come between."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from schemas.base import System
from schemas.cases.cases import CaseState
from schemas.cases.exceptions import ExceptionKind
from schemas.orders.milestones import Disposition, ShippedLine
from schemas.workflows.returns import ReturnState
from tests.domain.builders import FULL
from tests.stack.standins import until
from tests.workflows.conftest import options
from tests.workflows.return_world import Return, ReturnWorld, dead, refuses, return_world
from tests.workflows.told import CommandRefused

ALL = ((1, 40), (2, 60))
OVERDUE, REFUSED = ExceptionKind.RETURN_OVERDUE, ExceptionKind.REFUSED_EFFECT


@pytest_asyncio.fixture(scope="module")
async def returns() -> AsyncIterator[ReturnWorld]:
    async with return_world(*options("frontend.WorkflowTimeSkippingEnabled=true")) as world:
        yield world


async def finish(it: Return) -> None:
    """Everything comes and goes back into stock."""
    await it.tell(it.received("r", *ALL), it.inspected("i", Disposition.RESTOCK, *ALL))


async def test_a_customer_return_from_the_authorisation_to_the_credit_note(returns: ReturnWorld) -> None:
    it = returns.asked()
    await it.order_listens()
    answer = await it.authorise()
    assert (answer.rma, answer.state, answer.packs) == ("RMA-1", ReturnState.AUTHORISED, 100)
    await it.tell(it.received("r", *ALL))
    await it.tell(it.inspected("i1", Disposition.RESTOCK, (1, 40), (2, 50)))
    await it.tell(it.inspected("i2", Disposition.SCRAP, (2, 10)))
    outcome = await it.result()
    assert outcome.state is ReturnState.CREDITED
    assert (outcome.received, outcome.scrapped) == (FULL, (ShippedLine(line=2, quantity=10),))
    assert it.done(System.WMS) == ["expect_return"]
    assert it.done(System.TMS) == ["collect_return"]
    assert it.done(System.ERP) == [
        "return_authorised",
        "returned/src#r",
        "inspected/src#i1",
        "inspected/src#i2",
        "credited",
    ]
    deltas = [(delta.kind, delta.site) for step in it.records for delta in step.deltas]
    assert deltas == [("returned", "LYS"), ("scrapped", "LYS")]
    versions = [step.version for step in it.records]
    assert versions == sorted(set(versions))
    assert it.outcomes == {"return RMA-1": None, "src#r": None, "src#i1": None, "src#i2": None}
    await it.order_ends()
    heard = [(ReturnState.RECEIVED, 100), (ReturnState.RECEIVED, 100), (ReturnState.CREDITED, 100)]
    if returns.lossy:  # what a lost task would have said, the task that repeats it says together with later news
        heard = heard[-1:]
    assert (await it.heard())[-len(heard) :] == heard
    assert it.cases(OVERDUE) == []


async def test_it_may_come_in_parts(returns: ReturnWorld) -> None:
    it = await returns.authorised()
    await it.tell(it.received("r1", (1, 40)))
    await it.tell(it.inspected("i1", Disposition.RESTOCK, (1, 40)))
    assert it.records[-1].state is ReturnState.INSPECTED
    await it.tell(it.received("r2", (2, 65), (7, 1)))
    await it.tell(it.inspected("i2", Disposition.RESTOCK, (2, 60)))
    await it.result()
    assert it.done(System.ERP)[-1] == "credited"
    assert it.records[-1].received == FULL
    assert it.records[-1].reason.startswith("wrong colour; line 2: 5 packs more than expected were received; line 7")
    assert [packs for _, packs in await it.heard()] == [40, 40, 100, 100]


async def test_a_refused_return_says_what_is_possible_instead(returns: ReturnWorld) -> None:
    it = returns.asked()
    await it.order_listens()
    returns.refused.add(it.start.order)
    with pytest.raises(CommandRefused, match="return fewer") as raised:
        await it.authorise()
    assert (await it.result()).state is ReturnState.REFUSED
    (record,) = it.records
    assert record.state is ReturnState.REFUSED
    assert record.effects == ()
    assert it.outcomes == {"return RMA-1": str(raised.value)}
    assert await it.heard() == [(ReturnState.REFUSED, 0)]


async def test_a_carrier_brings_it_back_to_the_sender(returns: ReturnWorld) -> None:
    it = returns.asked(rma="rts-DN-1", sender=True, inbox_id=0)
    await it.order_listens(it.start)
    await until(lambda: "return_authorised" in it.done(System.ERP))
    await finish(it)
    await it.order_ends()
    assert (await it.result()).settled
    assert it.done(System.TMS) == [], "nobody has to collect it"
    assert it.done(System.ERP) == ["return_authorised", "returned/src#r", "inspected/src#i"]
    assert set(it.outcomes) == {"src#r", "src#i"}, "no message asked for it"


async def test_a_dead_warehouse_does_not_hold_up_the_erp(returns: ReturnWorld) -> None:
    it = returns.asked()
    returns.trouble[it.start.order, System.WMS] = dead
    await it.order_listens()
    await it.authorise()
    await finish(it)
    await until(lambda: "credited" in it.done(System.ERP))
    await it.order_ends()
    assert it.done(System.WMS) == []
    assert "owed to wms: expect_return" in await it.page()
    del returns.trouble[it.start.order, System.WMS]
    await it.result()
    assert it.done(System.WMS) == ["expect_return"], "what is owed is carried out before the return ends"


async def test_a_refused_effect_becomes_a_case(returns: ReturnWorld) -> None:
    it = returns.asked()
    returns.trouble[it.start.order, System.ERP] = refuses
    await it.order_listens()
    await it.authorise()
    await until(lambda: bool(it.cases(REFUSED)))
    await finish(it)
    await it.result()
    await until(lambda: len(it.cases(REFUSED)[-1].findings) == 4)
    case = it.cases(REFUSED)[-1]
    assert case.id == f"{it.start.order}/refused_effect/1001"
    assert case.state is CaseState.OPEN, "people must look, although the return has ended"
    assert {finding.subject.rsplit("/", 1)[-1] for finding in case.findings} >= {"return_authorised", "credited"}
    attributes = (await it.handle.describe()).typed_search_attributes
    assert {pair.key.name: pair.value for pair in attributes}["FailureOrigin"] == "erp_rule"


async def test_an_overdue_return_opens_a_case_and_its_arrival_cures_it(returns: ReturnWorld) -> None:
    it = await returns.authorised()
    await it.tell(it.received("r1", (1, 40)))
    await it.wait(13)
    assert it.cases(OVERDUE) == []
    await it.wait(1)
    await until(lambda: bool(it.cases(OVERDUE)))
    case = it.cases(OVERDUE)[0]
    assert (case.id, case.policy_version) == (f"{it.start.order}/return_overdue/1", 3)
    assert case.findings[0].summary == "60 of 100 packs of return RMA-1 have not come"
    assert it.records[-1].overdue
    assert f"open case: {case.id}" in await it.page()
    await it.tell(it.received("r2", (2, 60)))
    await until(lambda: it.cases(OVERDUE)[-1].state is CaseState.CURED)
    assert not it.records[-1].overdue
    await it.tell(it.inspected("i", Disposition.RESTOCK, *ALL))
    assert (await it.result()).state is ReturnState.CREDITED


async def test_two_overdue_returns_of_an_order_have_a_case_each(returns: ReturnWorld) -> None:
    one = await returns.authorised(lines=(FULL[0],))
    other = Return(returns, one.start.model_copy(update={"rma": "RMA-2", "lines": (FULL[1],)}))
    await other.authorise()
    for number, it in enumerate((one, other), 1):
        await it.wait(14)
        await until(lambda number=number: len({case.id for case in one.cases(OVERDUE)}) == number)
    cases = {case.id: case.findings[0].subject for case in one.cases(OVERDUE)}
    assert cases == {
        f"{one.start.order}/return_overdue/1": "RMA-1",
        f"{one.start.order}/return_overdue/2": "RMA-2",
    }
    for it in (one, other):
        await it.handle.terminate()


async def test_the_second_deadline_closes_it_short_and_credits_what_came(returns: ReturnWorld) -> None:
    it = returns.asked(overdue_s=0.5)
    await it.order_listens()
    await it.start_with(it.received("r1", (1, 40)))
    outcome = await it.result()
    assert outcome.state is ReturnState.CREDITED
    assert outcome.received == (FULL[0],)
    credited = next(e for e in returns.done[it.start.order] if e.key.endswith("/credited"))
    assert credited.payload.lines == (FULL[0],)
    assert credited.accepted_at == it.start.accepted_at + timedelta(seconds=1)
    assert [step.overdue for step in it.records] == [False, False, True, False]
    assert "closed short: 60 packs did not come" in it.records[-1].reason
    await until(lambda: it.cases(OVERDUE)[-1].state is CaseState.CURED)
    assert (await it.heard())[-1] == (ReturnState.CREDITED, 40)


async def test_nothing_comes_and_somebody_has_resolved_the_case(returns: ReturnWorld) -> None:
    it = await returns.authorised()
    await it.wait(14)
    await until(lambda: bool(it.cases(OVERDUE)))
    await it.resolve(it.cases(OVERDUE)[0].id)
    await it.wait(14)
    outcome = await it.result()
    assert outcome.settled, "an ended case hears nothing any more, and that is no trouble"
    assert outcome.received == ()
    assert it.done(System.ERP) == ["return_authorised"]


async def test_repeated_events_are_taken_in_once(returns: ReturnWorld) -> None:
    it = await returns.authorised()
    receipt = it.received("r", (1, 40))
    await it.tell(receipt)
    await it.handle.signal("milestones", [receipt, receipt])
    await it.tell(it.received("x", (9, 1)), receipt)
    assert it.outcomes["src#x"] == "none of its lines is expected under this authorisation"
    assert [o.event_id for step in it.steps for o in step.outcomes].count("src#r") == 1
    await it.tell(it.inspected("i", Disposition.RESTOCK, *ALL))
    await it.result()
    assert it.done(System.ERP).count("returned/src#r") == 1


async def test_asking_again_answers_the_same(returns: ReturnWorld) -> None:
    it = await returns.authorised()
    again = await it.authorise()
    assert (again.state, again.packs) == (ReturnState.AUTHORISED, 100)
    await finish(it)
    await it.result()
    assert len([o for step in it.steps for o in step.outcomes if o.event_id == "return RMA-1"]) == 1


async def test_an_order_that_has_ended_is_no_trouble(returns: ReturnWorld) -> None:
    it = returns.asked()
    await it.authorise()
    await finish(it)
    assert (await it.result()).state is ReturnState.CREDITED
