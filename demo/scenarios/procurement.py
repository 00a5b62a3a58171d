"""Procurement: purchase orders from release to payment, and replenishments that planning proposes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from demo.scene import Scene
from demo.stage import CARRIER, OTHER_SITE, SITE, SUPPLIER, Actors
from gateway.views.purchases import PurchaseView, ReplenishmentView
from schemas.base import System
from schemas.cases.exceptions import Action, ExceptionKind
from schemas.procurement.documents import Invoice, InvoicedLine, PurchaseLine, PurchaseOrder
from schemas.procurement.postings import SettlementDecision
from schemas.procurement.purchase_orders import PurchaseStatus
from schemas.procurement.replenishment import ReplenishmentProposal, ReplenishmentState, SourcedBy
from schemas.workflows.commands import ActionRequest
from simulators.systems.purchasing import ItemRules, PurchaseReport
from simulators.systems.supplying import SupplyPlan
from simulators.world.network import ERP

PACKS, PRICE = 100, Decimal("12.50")
DAYS = 10
"""Days from order to delivery: longer than the lead time."""


async def purchase_order(scene: Scene) -> None:
    """A purchase order goes straight through: confirmed, shipped, received, invoiced, matched, and paid."""
    order = await _released(scene)
    await scene.stage.driver.supply(SupplyPlan(erp=ERP, order=order))
    await _reaches(scene, order.number, PurchaseStatus.SETTLED)
    await _erp_reports(scene, order.number, "the receipt is posted", lambda it: it.received == PACKS)
    await _erp_reports(scene, order.number, "the invoice is paid", lambda it: it.payable == PACKS * PRICE)


async def short_confirmation(scene: Scene) -> None:
    """The supplier confirms fewer packs, and later: a case for each, until what was confirmed is received and paid."""
    order = await _released(scene)
    plan = SupplyPlan(erp=ERP, order=order, short={1: 20}, late_days=2)
    (partner, confirmation), *_ = plan.documents(datetime.now(UTC))
    await scene.stage.driver.document(partner, confirmation, scene.next_id())
    for kind in (ExceptionKind.SHORT_SHIP, ExceptionKind.DELAY):
        await _case(scene, order.number, kind, "open")
    await scene.stage.driver.supply(plan)
    await _reaches(scene, order.number, PurchaseStatus.SETTLED)
    for kind in (ExceptionKind.SHORT_SHIP, ExceptionKind.DELAY):
        await _case(scene, order.number, kind, "cured")
    await _erp_reports(scene, order.number, "80 packs are received", lambda it: it.received == PACKS - 20)


async def invoice_mismatch(scene: Scene) -> None:
    """An invoice is dearer than the order: it is held, accounts payable sees why, and a corrected one is released."""
    order = await _released(scene)
    await scene.stage.driver.supply(SupplyPlan(erp=ERP, order=order, dearer=Decimal(1)))
    await _case(scene, order.number, ExceptionKind.INVOICE_MISMATCH, "open")
    held = SettlementDecision.HELD
    await _erp_reports(scene, order.number, "it is held", lambda it: [x.decision for x in it.invoices] == [held])
    corrected = Invoice(
        erp=ERP,
        po=order.number,
        revision=2,
        number=f"INV-{order.number}",
        currency=order.currency,
        due_on=order.lines[0].due_on,
        lines=(InvoicedLine(line=1, packs=PACKS, unit_price=PRICE),),
    )
    await scene.stage.driver.document(SUPPLIER, corrected, scene.next_id())
    await _reaches(scene, order.number, PurchaseStatus.SETTLED)
    await _case(scene, order.number, ExceptionKind.INVOICE_MISMATCH, "cured")
    await _erp_reports(scene, order.number, "the right sum is paid", lambda it: it.payable == PACKS * PRICE)


async def replenishment_accepted(scene: Scene) -> None:
    """Planning proposes pieces, the ERP orders packs of them, and the purchase order is tracked to its payment."""
    proposal = await _proposed(scene, quantity=PACKS * 12, unit="EA", units_per_pack=12)
    seen = await _replenishment(scene, proposal.id, ReplenishmentState.ORDERED)
    await _supplied(scene, seen.number)
    await _reaches(scene, seen.number, PurchaseStatus.SETTLED)


async def replenishment_transfer(scene: Scene) -> None:
    """Planning proposes packs of another site: they leave its stock, travel, and arrive; nobody sends an invoice."""
    proposal = await _proposed(scene, kind=SourcedBy.TRANSFER, supplier=None, from_site=OTHER_SITE)
    await scene.stage.put_away(OTHER_SITE, {proposal.item: PACKS})
    seen = await _replenishment(scene, proposal.id, ReplenishmentState.ORDERED)
    await _supplied(scene, seen.number, from_site=OTHER_SITE)
    await _reaches(scene, seen.number, PurchaseStatus.SETTLED)
    await _erp_reports(scene, seen.number, "the goods issue is posted", lambda it: len(it.issues) == 1)
    await _erp_reports(scene, seen.number, "the receipt is posted", lambda it: it.received == PACKS)
    for site, packs in ((OTHER_SITE, 0), (SITE, PACKS)):
        books = await scene.stage.driver.stock(System.WMS, site)
        scene.check(f"{site} has {packs} packs", books.get((proposal.item, f"on_hand:{site}"), 0) == packs)


async def difference_accepted(scene: Scene) -> None:
    """The supplier confirms fewer packs, and the buyer accepts: the ERP is told, and nothing more is waited for."""
    order = await _released(scene)
    plan = SupplyPlan(erp=ERP, order=order, short={1: 20})
    (partner, confirmation), *_ = plan.documents(datetime.now(UTC))
    await scene.stage.driver.document(partner, confirmation, scene.next_id())
    await _case(scene, order.number, ExceptionKind.SHORT_SHIP, "open")
    case = f"{ERP}/po:{order.number}/{ExceptionKind.SHORT_SHIP}/1"
    wish = ActionRequest(id=scene.next_id(), reason="agreed by telephone", action=Action.ACCEPT, case=case)
    answer = await scene.stage.ask(Actors.SUPPORT, f"/v1/purchase-orders/{order.number}/act", wish)
    scene.check("it is accepted", answer.is_success)
    await _case(scene, order.number, ExceptionKind.SHORT_SHIP, "cured")
    await _erp_reports(scene, order.number, "the decision is told", lambda it: len(it.decisions) == 1)
    await scene.stage.driver.supply(plan)
    await _reaches(scene, order.number, PurchaseStatus.SETTLED)


async def replenishment_refused(scene: Scene) -> None:
    """The ERP refuses a proposal by its budget: planning and everybody else see which hop failed, and why."""
    item = f"ITEM-{scene.name.upper()}"
    await scene.stage.driver.item_rules(item, ItemRules(budget_packs=PACKS - 1))
    proposal = await _proposed(scene, item=item)
    seen = await _replenishment(scene, proposal.id, ReplenishmentState.REFUSED)
    scene.check("the ERP's rule is named", seen.origin == "erp_rule" and "budget_exceeded" in seen.reason)
    told = await scene.stage.driver.read(System.PLANNING, f"/v1/replenishments/{proposal.id}")
    scene.check("planning knows why", told["origin"] == "erp_rule" and told["state"] == "refused")


async def _supplied(scene: Scene, number: str, **changes: object) -> None:
    """The supplier and the receiving warehouse do their part of a purchase order of the ERP's."""
    scene.documents.append(number)
    await _reaches(scene, number, PurchaseStatus.ORDERED)
    view = await scene.stage.read(Actors.SUPPORT, f"/v1/purchase-orders/{number}", PurchaseView)
    scene.check("the order is of packs", [line.ordered for line in view.lines] == [PACKS])
    fields = view.model_dump(include={"number", "supplier", "site", "region", "currency", "ordered_at"})
    lines = tuple(
        PurchaseLine(line=x.line, item=x.item, packs=x.ordered, unit_price=x.unit_price or 0, due_on=x.due_on)
        for x in view.lines
    )
    order = PurchaseOrder.model_validate({**fields, "lines": lines, **changes})
    await scene.stage.driver.supply(SupplyPlan(erp=ERP, order=order))


async def _released(scene: Scene) -> PurchaseOrder:
    """The ERP releases a purchase order of one line."""
    now = datetime.now(UTC)
    number = f"PO-{scene.name.upper()}"
    due_on = (now + timedelta(days=DAYS)).date()
    order = PurchaseOrder(
        number=number,
        supplier=SUPPLIER,
        site=SITE,
        region="EMEA",
        currency="EUR",
        ordered_at=now,
        carrier=CARRIER,
        lines=(PurchaseLine(line=1, item=f"ITEM-{number}", packs=PACKS, unit_price=PRICE, due_on=due_on),),
    )
    scene.documents.append(number)
    answer = await scene.stage.ask(Actors.ERP, "/v1/purchase-orders", order)
    scene.check("the purchase order is taken", answer.is_success)
    return order


async def _proposed(scene: Scene, **changes: object) -> ReplenishmentProposal:
    now = datetime.now(UTC)
    body = {
        "id": f"REPLENISH-{scene.name.upper()}",
        "erp": ERP,
        "kind": SourcedBy.PURCHASE,
        "item": f"ITEM-{scene.name.upper()}",
        "site": SITE,
        "region": "EMEA",
        "supplier": SUPPLIER,
        "quantity": PACKS,
        "wanted_on": (now + timedelta(days=DAYS)).date(),
        "proposed_at": now,
    }
    proposal = ReplenishmentProposal.model_validate({**body, **changes})
    scene.documents.append(proposal.id)
    answer = await scene.stage.ask(Actors.PLANNER, "/v1/replenishments", proposal)
    scene.check("the proposal is taken", answer.is_success)
    return proposal


async def _view(scene: Scene, number: str) -> PurchaseView | None:
    """The purchase order, once it is known."""
    answer = await scene.stage.look(Actors.SUPPORT, f"/v1/purchase-orders/{number}")
    return PurchaseView.model_validate_json(answer.content) if answer.is_success else None


async def _reaches(scene: Scene, number: str, status: PurchaseStatus) -> None:
    async def reached() -> bool:
        view = await _view(scene, number)
        return view is not None and bool(view.lines) and view.status == status

    await scene.until(f"purchase order {number} is {status}", reached)


async def _case(scene: Scene, number: str, kind: ExceptionKind, state: str) -> None:
    async def is_so() -> bool:
        view = await _view(scene, number)
        return view is not None and (kind, state) in {(case.kind, case.state) for case in view.cases}

    await scene.until(f"the {kind} case is {state}", is_so)


async def _erp_reports(scene: Scene, number: str, claim: str, so: Callable[[PurchaseReport], bool]) -> None:
    async def is_so() -> bool:
        report = await scene.stage.driver.read(System.ERP, f"/{ERP}/v1/purchase-orders/{number}")
        return bool(report) and so(PurchaseReport.model_validate(report))

    await scene.until(f"in the ERP: {claim}", is_so)


async def _replenishment(scene: Scene, name: str, state: ReplenishmentState) -> ReplenishmentView:
    """Wait until it is decided and planning knows."""

    async def decided() -> bool:
        answer = await scene.stage.look(Actors.PLANNER, f"/v1/replenishments/{name}")
        if not answer.is_success:
            return False
        view = ReplenishmentView.model_validate_json(answer.content)
        return view.answered and view.state == state

    await scene.until(f"the proposal is {state}, and planning knows", decided)
    return await scene.stage.read(Actors.PLANNER, f"/v1/replenishments/{name}", ReplenishmentView)
