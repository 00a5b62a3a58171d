"""People: what a system refuses, what cannot be placed, how a case climbs, how people are told."""

from demo.scene import Scene
from demo.stage import MISTAKEN, SERVICE_ADDRESS, Actors
from schemas.base import Role, System
from schemas.cases.exceptions import Action, CasePolicy, Channel, ExceptionKind, Tier
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus as S
from schemas.partners.master_data import MasterChange, MasterKind
from schemas.workflows.commands import Verb
from simulators.systems.answers import CallAnswers
from simulators.world.network import ERP


async def refused_and_retried(scene: Scene) -> None:
    """The ERP refuses a posting in a closed period: the order goes on, and a retry posts it later."""
    order = await scene.order({1: 45}, answers={System.ERP: CallAnswers(milestone="refuse")})
    await order.tell(M.PICKED, 1, {1: 45})
    case = await order.case("is with integration", ExceptionKind.REFUSED_EFFECT, lambda it: it.queue == "integration")
    await order.meets(System.ERP, CallAnswers(milestone="accept"))
    await order.prepared(1, {1: 45}, (M.PACKED, M.SHIPPED))
    await order.carried(1)
    await order.reaches(S.DELIVERED)
    await order.ask(Verb.ACT, action=Action.RETRY, case=case.id, reason="the period is open again")
    await order.ends(S.CLOSED)
    await order.case("is cured", ExceptionKind.REFUSED_EFFECT, lambda it: it.state == "cured")
    await order.shows("nothing failed for good", lambda view: all(x.outcome == "done" for x in view.effects or ()))


async def quarantine_replay(scene: Scene) -> None:
    """A carrier has the role of a supplier, so its scans are quarantined; corrected, they are replayed."""
    order = await scene.order({1: 9}, carrier=MISTAKEN)
    await order.prepared(1, {1: 9})
    await order.reaches(S.SHIPPED)
    await order.tell(M.DELIVERED, 1)
    quarantined = await scene.quarantined("a scan is quarantined for a rule of ownership", MISTAKEN)
    scene.check("the reason names the rule", "owned by" in (quarantined.reason or ""))
    await scene.stage.change_role(MISTAKEN, Role.CARRIER)
    await order.ask(Verb.ACT, action=Action.REPLAY, messages=(quarantined.id,), reason="its role is corrected")
    await order.ends(S.CLOSED)
    await order.erp("delivered", lambda it: it.status is S.DELIVERED)


async def unknown_item(scene: Scene) -> None:
    """An order names an item that its ERP does not know yet: it is quarantined; the item is created, and it goes on."""
    order = await scene.order({1: 10}, item="NEW", instructed=False)
    item = f"NEW-{order.number}-1"
    quarantined = await scene.quarantined("the release is quarantined", ERP)
    scene.check(f"the reason names {item}", item in (quarantined.reason or ""))
    await order.reaches(S.RELEASED)
    await scene.stage.driver.create(ERP, MasterKind.ITEM, item)
    change = MasterChange(id=scene.next_id(), kind=MasterKind.ITEM, ids=(item,))
    answer = await scene.stage.ask(Actors.ERP, "/v1/master-data", change)
    scene.check("the ERP announces it: its stock and the release are tried again", answer.json() == {"replayed": 2})
    await order.instructed()
    await order.fulfilled(1, {1: 10})
    await order.ends(S.CLOSED)


async def case_escalation(scene: Scene) -> None:
    """A case that nobody takes escalates from queue to queue, until somebody is given it and resolves it."""
    tiers = tuple(
        Tier(after_s=n, queue=queue) for n, queue in ((0, "claims"), (1.5, "claims-manager"), (2, "executive"))
    )
    await scene.case_policy(ExceptionKind.DAMAGE, CasePolicy(tiers=tiers, unassigned_after_s=1))
    order = await scene.order({1: 6})
    await order.prepared(1, {1: 6})
    await order.tell(M.EXCEPTION, 1, cause=ExceptionKind.DAMAGE, reason="one carton is crushed")
    case = await order.case("is with the executive", ExceptionKind.DAMAGE, lambda it: it.queue == "executive")
    history = " · ".join(entry.what for entry in case.history or ())
    scene.check("it was alerted, handed on and escalated", _in_order(history, "alerted", "handed to", "escalated to"))
    await scene.work_on(case, "assign", "please look at it", to="anna")
    await order.case("is with anna", ExceptionKind.DAMAGE, lambda it: it.assignee == "anna")
    await scene.work_on(case, "resolve", "the goods are whole")
    await order.case("is resolved", ExceptionKind.DAMAGE, lambda it: it.state == "resolved")
    await order.tell(M.CLEARED, 1, cause=ExceptionKind.DAMAGE)
    await order.carried(1)
    await order.ends(S.CLOSED)


async def alerts(scene: Scene) -> None:
    """A case alerts its desk by mail, chat and webhook, each once for each tier, whatever is reported again."""
    channels = (Channel.EMAIL, Channel.CHAT, Channel.WEBHOOK)
    tiers = (Tier(after_s=0, queue="alert-desk", channels=channels), Tier(after_s=1, queue="alert-manager"))
    await scene.case_policy(ExceptionKind.DAMAGE, CasePolicy(tiers=tiers, unassigned_after_s=60))
    await scene.reach("alert-desk", Channel.CHAT, "room")
    await scene.reach("alert-desk", Channel.WEBHOOK, "events")
    order = await scene.order({1: 6})
    await order.prepared(1, {1: 6})
    for _ in range(2):
        await order.tell(M.EXCEPTION, 1, cause=ExceptionKind.DAMAGE, reason="a wet carton")
    case = await order.case("has climbed", ExceptionKind.DAMAGE, lambda it: it.queue == "alert-manager")
    await order.tell(M.CLEARED, 1, cause=ExceptionKind.DAMAGE)
    await order.case("is cured", ExceptionKind.DAMAGE, lambda it: it.state == "cured")
    await order.carried(1)
    await order.ends(S.CLOSED)
    await scene.sent(
        "two mails to the desk, one for each tier",
        lambda s: [m.to for m in s.mails if case.id in m.text] == [(SERVICE_ADDRESS,)] * 2,
    )
    await scene.sent("one message in the chat", lambda s: sum(case.id in f"{c.message}" for c in s.chats) == 1)
    await scene.sent("one signed event", lambda s: sum(case.id in f"{e.event}" for e in s.events) == 1)


def _in_order(text: str, *words: str) -> bool:
    places = [text.find(word) for word in words]
    return -1 not in places and places == sorted(places)
