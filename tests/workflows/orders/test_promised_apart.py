"""An order promised from two sites, and one whose lines are promised anew."""

from datetime import timedelta

from schemas.base import Role
from schemas.cases.exceptions import Action
from schemas.inventory.promising import Sending
from schemas.messaging.effects import ChangeKind, Operation
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import LinePromise
from schemas.workflows.commands import ActionRequest, Verb
from tests.workflows.world import World


async def test_what_another_site_was_promised_to_send_is_instructed_there(world: World) -> None:
    part = (ShippedLine(line=2, quantity=20),)
    order = await world.order(sendings=(Sending(site="HAM", lines=part),))
    await order.owes_nothing()
    sent = [
        (it.topic.site, [(x.line, x.quantity) for x in it.payload.targets])
        for it in order.carried(Operation.INSTRUCT_WAREHOUSE)
    ]
    assert sent == [("", []), ("HAM", [(2, 20)])]
    [less] = order.carried(Operation.AMEND_WAREHOUSE)
    assert [(it.line, it.quantity) for it in less.payload.targets] == [(2, 40)]
    assert [it.topic.site for it in order.carried(Operation.TENDER_TRANSPORT)] == ["", "HAM"]
    [told] = [it for it in order.carried(Operation.REPORT_CHANGE) if it.topic.change is ChangeKind.RE_SOURCED]
    assert (told.topic.site, told.payload.lines) == ("HAM", part)
    assert order.steps[0].sites == ("HAM",)
    await order.handle.terminate()


async def test_single_lines_are_promised_anew_and_the_erp_is_told_of_these(world: World) -> None:
    order = await world.order()
    first = order.start.promise.promised_on
    later = LinePromise(line=2, promised_on=first + timedelta(days=6))
    wish = ActionRequest(id="promising/7", reason="PO 1 is due later", action=Action.RE_DATE, promises=(later,))
    answer = await order.ask(Verb.ACT, wish, Role.ADMIN)
    assert answer.promised_on == later.promised_on
    await order.owes_nothing()
    [redate] = order.carried(Operation.REDATE_PROMISE)
    assert (redate.payload.promises, redate.payload.reason) == ((later,), "PO 1 is due later")
    assert {it.line: it.promised_on for it in order.steps[-1].lines} == {2: later.promised_on}, "what changed"
    assert order.line(1).promised_on == first
    assert not [it for record in order.steps for it in record.proposals], "the planner is asked once about the item"
    assert "delayed" in order.steps[-1].conditions, "so that a case is opened, and the customer told"
    assert "promised anew: PO 1 is due later" in (await order.handle.query("timeline"))[-1]
    await order.handle.terminate()
