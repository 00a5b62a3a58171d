"""One order on the stage: what partners tell of it, what people ask of it, and what every system has in its books."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, TypeVar

import httpx

from demo.checks import Checks
from demo.stage import SITE, SUPPLIER, Actors, SceneFailed, wait
from domain.partners.parties import warehouse_partner
from gateway.views.orders import CaseList, CaseView, OrderView, ProposalList, ProposalView
from schemas.base import Contract, System, Variant
from schemas.cases.exceptions import ExceptionKind
from schemas.ids import sender_rma
from schemas.orders.milestones import Milestone, ShippedLine, in_kept_units
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import CancelRequest, OrderRelease, OrderStatus
from schemas.workflows.commands import ActionRequest, AmendRequest, HoldRequest, ResumeRequest, ReturnRequest, Verb
from simulators.systems.answers import CallAnswers
from simulators.systems.erp import ErpOrder
from simulators.systems.planning import ItemMovements
from simulators.systems.tms import TenderBooking
from simulators.systems.wms import Instruction
from simulators.world.network import ERP
from simulators.world.plans import GOODS_KINDS, OrderPlan, PlannedEvent, PlannedShipment

Lines = Mapping[int, int]
"""Packs by line."""
RETURNS = "returns"
REQUESTS: dict[str, type[Contract]] = {
    Verb.AMEND: AmendRequest,
    Verb.CANCEL: CancelRequest,
    Verb.HOLD: HoldRequest,
    Verb.RESUME: ResumeRequest,
    Verb.ACT: ActionRequest,
    RETURNS: ReturnRequest,
}
OF_THE_ORDER = frozenset({M.TENDER_ACCEPTED, M.TENDER_REJECTED, M.CONSOLIDATED})
"""Milestones that a carrier reports with the order; otherwise it knows only its shipment."""
BY_THE_WAREHOUSE = GOODS_KINDS | {M.SHORT_PICKED, M.RETURN_RECEIVED, M.RETURN_INSPECTED}
PREPARED = (M.PICKED, M.PACKED, M.SHIPPED)
CARRIED = (M.IN_TRANSIT, M.DELIVERED)
SystemReport = TypeVar("SystemReport", bound=Contract)


class Order:
    """Made by `Scene.order`. The order of a scenario does nothing by itself: nothing happens that nobody tells."""

    def __init__(self, scene: Checks, release: OrderRelease) -> None:
        self._scene = scene
        self._stage = scene.stage
        self._release = release
        self.number = release.number
        self.key = f"{ERP}/{release.number}"
        self.carrier = str(release.carrier)

    @property
    def promised_on(self) -> date:
        """The day for which it was asked, and is promised at first."""
        return self._release.requested_on

    def item(self, line: int) -> str:
        """The item of a line: of one that an amendment adds too."""
        named = {it.line: it.item for it in self._release.lines}
        return named.get(line, f"ITEM-{self.number}-{line}")

    @property
    def _direct(self) -> bool:
        return self._release.variant is Variant.DIRECT_DROP

    def shipment(self, nth: int) -> str:
        """The number of its nth shipment."""
        return f"{self.number}-{nth}"

    async def release(self, happens: tuple[M, ...] = ()) -> None:
        """Let the ERP release it."""
        await self._stage.driver.plan([self._plan(happens)])
        refusals = await self._stage.driver.release([self._release], lambda _: None)
        if refusals:
            raise SceneFailed(f"release refused: {refusals[0].findings}")

    async def meets(self, system: System, answers: CallAnswers) -> None:
        """Let a system answer calls about it so from now on."""
        await self._stage.driver.answers(system, self.number, answers)

    async def instructed(self) -> None:
        """Wait until transport desk and warehouse have been told."""
        await self.tms("the transport is tendered", lambda it: it.attempts > 0)
        if not self._direct:
            packs = sum(line.quantity for line in self._release.lines)
            await self.wms(f"the warehouse is told to send {packs} packs", lambda it: it.packs == packs)

    def _plan(self, happens: tuple[M, ...]) -> OrderPlan:
        """A plan in which nothing else happens: without one, the simulated world would improvise."""
        shipment = PlannedShipment(
            shipment=self.shipment(1) if happens else None,
            lines=_packs({line.line: line.quantity for line in self._release.lines}) if happens else (),
            events=tuple(PlannedEvent(kind=kind, partner=self._sender()) for kind in happens),
        )
        return OrderPlan(order=self.number, erp=ERP, variant=self._release.variant, shipments=(shipment,))

    @property
    def sender(self) -> str:
        """The partner that sends it at first."""
        return self._sender()

    def sender_rma(self, nth: int) -> str:
        """The number under which its carrier brings the nth shipment back."""
        return sender_rma(self.shipment(nth))

    # What partners tell

    async def tell(
        self,
        kind: M,
        nth: int = 0,
        lines: Lines | None = None,
        *,
        by: str = "",
        along: tuple[ShippedLine, ...] = (),
        **said: Any,
    ) -> str:
        """Let a partner tell a milestone of the nth shipment, or of the order: its carrier or warehouse, or `by`.

        Returns the event's id. `along`: what the shipment carries of other orders. Whoever handles goods has them: what
        is missing comes in first.
        """
        reporter = by or (self._sender() if kind in BY_THE_WAREHOUSE else self.carrier)
        if kind in GOODS_KINDS:
            await self._stage.has(reporter, {self.item(line): packs for line, packs in (lines or {}).items()})
        knows_order = not nth or kind in BY_THE_WAREHOUSE or kind in OF_THE_ORDER
        milestone = Milestone(
            kind=kind,
            order=self.number if knows_order else None,
            shipment=self.shipment(nth) if nth else None,
            occurred_at=datetime.now(UTC),
            lines=in_kept_units((*_packs(lines or {}), *along)),
            **said,
        )
        event = self._scene.next_id()
        answer = await self._stage.driver.say(reporter, milestone, event)
        if not answer.is_success:
            raise SceneFailed(f"{reporter} may not tell {kind}: {answer.status_code} {answer.text[:300]}")
        return event

    def _sender(self, site: str = SITE) -> str:
        return SUPPLIER if self._direct else warehouse_partner(site)

    async def prepared(
        self, nth: int, lines: Lines, kinds: Iterable[M] = PREPARED, *, site: str = SITE, **said: Any
    ) -> None:
        """The sender picks, packs and ships these packs, unless told otherwise, as the nth shipment."""
        for kind in kinds:
            await self.tell(kind, nth, lines, by=self._sender(site), **said)

    async def carried(self, nth: int, kinds: Iterable[M] = CARRIED, **said: Any) -> None:
        """The carrier takes the nth shipment and delivers it."""
        for kind in kinds:
            await self.tell(kind, nth, **said)

    async def fulfilled(self, nth: int, lines: Lines, *, site: str = SITE, by: str = "") -> None:
        """The sender ships these packs, and the carrier delivers them."""
        await self.prepared(nth, lines, PREPARED[1:] if self._direct else PREPARED, site=site)
        await self.carried(nth, by=by)

    async def comes_back(self, rma: str, lines: Lines, disposition: str) -> None:
        """The warehouse receives and inspects goods that come back."""
        await self.tell(M.RETURN_RECEIVED, lines=lines, rma=rma)
        await self.tell(M.RETURN_INSPECTED, lines=lines, rma=rma, disposition=disposition)

    # What people and the ERP ask

    async def ask(self, what: str, by: Actors = Actors.SUPPORT, **said: Any) -> None:
        """Ask something of the order. Raises `SceneFailed` when it is refused."""
        answer = await self._asked(what, by, said)
        if not answer.is_success:
            raise SceneFailed(f"{what}: {answer.status_code} {answer.text[:300]}")

    async def refuses(self, what: str, because: str, by: Actors = Actors.SUPPORT, **said: Any) -> None:
        """Ask for something that should be refused, for a reason that says so."""
        answer = await self._asked(what, by, said)
        refused = answer.status_code == httpx.codes.CONFLICT
        detail = str(answer.json().get("detail", "")) if refused else answer.text[:200]
        self._scene.check(f"to {what} is refused: {detail}", refused and because in detail)

    async def _asked(self, what: str, by: Actors, said: dict[str, Any]) -> httpx.Response:
        """The answer. While it is 202 the decision is still to come: a repeat is answered with it."""
        body = REQUESTS[what].model_validate({"id": self._scene.next_id(), **said})
        answers: list[httpx.Response] = []

        async def decided() -> bool:
            answers.append(await self._stage.ask(by, f"/v1/orders/{self.number}/{what}", body))
            return answers[-1].status_code != httpx.codes.ACCEPTED

        await wait(decided)
        return answers[-1]

    # What can be seen

    async def shows(self, claim: str, says: Callable[[OrderView], bool]) -> None:
        """Wait until the order is as it should be."""

        async def seen() -> bool:
            return says(await self._stage.read(Actors.ERP, f"/v1/orders/{self.number}", OrderView))

        await self._scene.until(claim, seen)

    async def reaches(self, status: OrderStatus) -> None:
        """Wait until the order is there."""
        await self.shows(f"the order is {status}", lambda order: order.status == status)

    async def ends(self, status: OrderStatus) -> None:
        """Wait until the order has ended so, and every system has been told all that it was owed."""
        await self.reaches(status)
        await self.shows("nothing is owed to any system", lambda order: not _owed(order))

    async def _reports(
        self, claim: str, system: System, path: str, report: type[SystemReport], says: Callable[[SystemReport], bool]
    ) -> None:
        async def seen() -> bool:
            found = await self._stage.driver.read(system, path)
            return bool(found) and says(report.model_validate(found))

        await self._scene.until(f"{system.upper()}: {claim}", seen)

    async def erp(self, claim: str, says: Callable[[ErpOrder], bool]) -> None:
        """Wait until the ERP's books say so."""
        await self._reports(claim, System.ERP, f"/{ERP}/v1/orders/{self.number}", ErpOrder, says)

    async def wms(self, claim: str, says: Callable[[Instruction], bool], site: str = SITE) -> None:
        """Wait until a warehouse's books say so."""
        await self._reports(claim, System.WMS, f"/{site}/v1/instructions/{self.number}", Instruction, says)

    async def tms(self, claim: str, says: Callable[[TenderBooking], bool]) -> None:
        """Wait until the books of the transport desk say so."""
        await self._reports(claim, System.TMS, f"/v1/tenders/{self.number}", TenderBooking, says)

    async def demand(self, packs: Mapping[int, int]) -> None:
        """Wait until planning knows that so many packs of each line's item are still wanted."""
        for line, quantity in packs.items():
            path = f"/v1/items/{self.item(line)}"
            claim = f"{quantity} packs of line {line} are open"
            await self._reports(claim, System.PLANNING, path, ItemMovements, partial(_wanted, quantity))

    async def planning(self, line: int, packs: Mapping[str, int]) -> None:
        """Wait until planning knows of so many packs of a line's item, by kind of movement."""
        claim = ", ".join(f"{quantity} packs {kind}" for kind, quantity in packs.items())
        path = f"/v1/items/{self.item(line)}"
        await self._reports(claim, System.PLANNING, path, ItemMovements, lambda it: packs.items() <= it.packs.items())

    async def case(
        self, claim: str, kind: ExceptionKind, says: Callable[[CaseView], bool] = lambda case: True
    ) -> CaseView:
        """Wait until the newest case of this kind is as it should be."""
        found: list[CaseView] = []

        async def seen() -> bool:
            asked = {"order": self.number, "state": "all", "kind": str(kind)}
            listed = await self._stage.read(Actors.SUPPORT, "/v1/cases", CaseList, **asked)
            found[:] = listed.cases
            return bool(found) and says(found[0])

        await self._scene.until(f"case {kind}: {claim}", seen)
        return found[0]

    async def proposal(self, claim: str, state: str = "open") -> ProposalView:
        """Wait until the newest proposal is in a state."""
        found: list[ProposalView] = []

        async def seen() -> bool:
            listed = await self._stage.read(Actors.PLANNER, "/v1/proposals", ProposalList, state="all", limit=500)
            found[:] = [proposal for proposal in listed.proposals if proposal.order == self.key]
            return bool(found) and found[0].state == state

        await self._scene.until(f"the planner: {claim}", seen)
        return found[0]


def _packs(lines: Lines) -> tuple[ShippedLine, ...]:
    return tuple(ShippedLine(line=n, quantity=packs) for n, packs in lines.items())


def _owed(order: OrderView) -> list[str]:
    return [effect.key for effect in order.effects or () if effect.outcome == "planned"]


def _wanted(quantity: int, item: ItemMovements) -> bool:
    return bool(item.demand) and sum(item.demand.values()) == quantity
