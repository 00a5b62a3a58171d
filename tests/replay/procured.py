"""The lives of purchase orders and proposals whose histories are kept, against the stand-ins of tests/workflows."""

from collections.abc import Awaitable, Callable

from temporalio.client import WorkflowHistory

from schemas.cases.exceptions import Action
from schemas.messaging.effects import Operation
from schemas.orders.milestones import MilestoneKind
from tests.domain.procurement.test_replenishing import proposal
from tests.domain.purchases import NOON, advised, confirmed, invoiced, of_own, received, reported
from tests.stack.standins import until
from tests.workflows.purchase_world import Purchase, PurchaseWorld
from tests.workflows.return_world import dead, refuses

Lived = dict[str, WorkflowHistory]
"""Histories by what follows the scenario's name; nothing for the scenario's own workflow."""


async def _told(order: Purchase) -> None:
    """The whole story, document by document."""
    for document in (
        confirmed((90, 50)),
        advised("S1", NOON.replace(year=2027), l1=90, l2=50),
        received("G1", "S1", final=True, l1=90, l2=50),
        invoiced("I1", "11", l1=90, l2=50),
        invoiced("I1", revision=2, l1=90, l2=50),
    ):
        await order.tell(document)
        await order.knows(document.id)
        if document.advice:
            event = reported(MilestoneKind.DELAYED, "S1", 1, eta=NOON.replace(year=2028))
            await order.report(event)
            await order.knows(event.id)
        if document.confirmation:
            await order.case("short_ship", "open")


async def _lived(order: Purchase) -> Lived:
    """Its history, and those of its cases when these have ended."""
    await order.handle.result()
    found = {"": await order.handle.fetch_history()}
    for case in sorted({record.id for record in order.world.cases[order.start.key]}):
        handle = order.world.client.get_workflow_handle(f"case/{case}")
        await handle.result()
        found[f".{case.split('/', 2)[2].replace('/', '-')}"] = await handle.fetch_history()
    return found


async def purchased(world: PurchaseWorld) -> Lived:
    """Confirmed short, delayed, closed short, invoiced too dear, corrected, and paid."""
    order = world.purchase(receive_within_s=80 * 86_400)
    await order.tell(order.order(days=700))
    await _told(order)
    return await _lived(order)


async def purchased_at_once(world: PurchaseWorld) -> Lived:
    """Everything comes at once, while the ERP is away."""
    order = world.purchase()
    world.trouble[order.start.key, Operation.POST_RECEIPT] = dead
    await order.tell(order.order(), received("G1", l1=100, l2=50), invoiced("I1", l1=100, l2=50))
    del world.trouble[order.start.key, Operation.POST_RECEIPT]
    return await _lived(order)


async def unconfirmed(world: PurchaseWorld) -> Lived:
    """The supplier is silent past its deadline; the order is cancelled."""
    order = world.purchase(confirm_within_s=0.3)
    await order.tell(order.order())
    await order.case("missing_ack", "open")
    await order.tell(order.order(revision=2, cancelled=True))
    return await _lived(order)


async def decided(world: PurchaseWorld) -> Lived:
    """Confirmed short and accepted; the rest is given up, a dear invoice rejected; no other one is expected."""
    order = world.purchase(confirm_within_s=0.3)
    await order.tell(order.order(days=700))
    await order.case("missing_ack", "open")
    await order.tell(confirmed((90, 50)))
    await order.case("short_ship", "open")
    await order.act(Action.ACCEPT, case=f"{order.start.key}/short_ship/1")
    await order.case("short_ship", "cured")
    await order.tell(received("G1", l1=90), invoiced("I1", "11", l1=90))
    await order.case("invoice_mismatch", "open")
    await order.act(Action.WRITE_OFF)
    await order.act(Action.REJECT_INVOICE, invoice="I1")
    await order.act(Action.CLOSE_UNINVOICED)
    return await _lived(order)


async def transferred(world: PurchaseWorld) -> Lived:
    """Packs go from one of our sites to another; some are lost on the way, and given up."""
    order = world.purchase()
    await order.tell(of_own(order.order(days=700)))
    for document in (
        advised("S1", NOON.replace(year=2027), l1=100, l2=50),
        received("G1", "S1", final=True, l1=95, l2=50),
    ):
        await order.tell(document)
        await order.knows(document.id)
    await order.case("short_ship", "open")
    await order.act(Action.WRITE_OFF, case=f"{order.start.key}/short_ship/1")
    return await _lived(order)


async def replenished(world: PurchaseWorld) -> Lived:
    """A proposal is ordered, while planning is away for a while."""
    key = "erp-one/replenishment:R-ordered"
    world.trouble[key, Operation.ANSWER_REPLENISHMENT] = dead
    handle = await world.propose(proposal(id="R-ordered"))
    await until(lambda: any(x.origin == "planning_api" for x in world.proposals["R-ordered"]))
    del world.trouble[key, Operation.ANSWER_REPLENISHMENT]
    await handle.result()
    return {"": await handle.fetch_history()}


async def replenishment_refused(world: PurchaseWorld) -> Lived:
    """The ERP refuses a proposal."""
    world.trouble["erp-one/replenishment:R-refused", Operation.PLACE_REPLENISHMENT] = refuses
    handle = await world.propose(proposal(id="R-refused"))
    await handle.result()
    return {"": await handle.fetch_history()}


PROCURED: dict[str, Callable[[PurchaseWorld], Awaitable[Lived]]] = {
    scenario.__name__: scenario
    for scenario in (
        purchased,
        purchased_at_once,
        unconfirmed,
        decided,
        transferred,
        replenished,
        replenishment_refused,
    )
}
