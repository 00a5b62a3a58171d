"""The physical world: once systems are told of an order, its events happen, one after the other on each shipment."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

from schemas.base import System
from schemas.messaging.instructions import Tender, WarehouseInstruction
from schemas.orders.milestones import Milestone, MilestoneKind, in_kept_units
from simulators.faults import Faults, FaultStream
from simulators.webhooks import Outbox, WebhookMessage, message_of
from simulators.world.journeys import TRANSPORT, EventCounts, Journey, Leg
from simulators.world.plans import (
    CHOSEN_CARRIER,
    OrderPlan,
    PlannedEvent,
    PlannedShipment,
    PlansAccepted,
    improvise_centre,
    improvise_drop,
    warehouse_of,
)

CARRIERS = ("carrier-alpha", "carrier-bravo", "carrier-cargo")
DROP_GRACE_PACES = 20
"""A tender without a plan is taken for a direct drop when no warehouse was instructed for so many paces."""
LATE_PACES = (3.0, 8.0)


class AlreadyMoving(Exception):
    """The order has begun to move: its plan can no longer be changed."""


class World:
    """All journeys, and the sum of their tallies."""

    def __init__(
        self, seed: int, pace_s: float, outbox: Outbox, warehouse: FaultStream, transport: FaultStream
    ) -> None:
        self.tally = EventCounts()
        self._seed = seed
        self._pace_s = pace_s
        self._outbox = outbox
        self._streams = {System.WMS: warehouse, System.TMS: transport}
        self._journeys: dict[str, Journey] = {}

    def register(self, plans: Iterable[OrderPlan]) -> PlansAccepted:
        """Plan orders before their release; the same plan again changes nothing.

        Raises `AlreadyMoving` when one of them has begun or was called off; then none is taken.
        """
        fresh = [plan for plan in plans if self._journey(plan.order).plan != plan]
        for plan in fresh:
            if self._journey(plan.order).begun or self._journey(plan.order).called_off:
                raise AlreadyMoving(f"order {plan.order} is under way or was called off")
        for plan in fresh:
            journey = self._journey(plan.order)
            journey.registered = True
            self._give(journey, plan)
        return PlansAccepted(orders=len(fresh), events=sum(plan.events for plan in fresh))

    def instruct(self, instruction: WarehouseInstruction) -> None:
        """A warehouse knows of the order: its events may happen. Without a plan, a shipment from it is improvised."""
        journey = self._journey(instruction.order)
        warehouse = warehouse_of(instruction.site)
        gate = journey.gates[warehouse]
        if not (journey.registered or gate.instructed or gate.off):
            if not any(leg.warehouse for leg in journey.legs):
                journey.halt()
                journey.legs = []  # a direct drop, if it was taken for one
            plan = improvise_centre(instruction, len(journey.legs) + 1)
            journey.plan = plan
            journey.legs += [Leg(shipment) for shipment in plan.shipments if shipment.lines]
        gate.turn(instructed=True)
        self._begin(journey)

    def amend(self, number: str, site: str, more: Mapping[int, int]) -> None:
        """A warehouse sends so many packs of lines more, or less. What was planned by a driver stays as planned."""
        journey = self._journey(number)
        here = (leg for leg in journey.legs if leg.warehouse == warehouse_of(site))
        leg = next((leg for leg in here if leg.left and not leg.reported[MilestoneKind.SHIPPED]), None)
        if leg and not journey.registered:
            leg.amend(more)
            self._settle(journey)

    def call_off(self, number: str, site: str) -> int:
        """A warehouse stops. Returns how many packs it has to put away."""
        journey = self._journey(number)
        put_away = journey.call_off(warehouse_of(site))
        self._settle(journey)
        return put_away

    def choose(self, tender: Tender) -> str:
        """The carrier that takes this tender, unless it turns it down."""
        plan = self._journey(tender.order).plan
        chosen = Random(f"{self._seed}:{tender.order}").choice(CARRIERS)
        return tender.carrier or (plan and plan.carrier) or chosen

    def tender(self, tender: Tender) -> None:
        """A carrier has taken the tender: carrier and supplier events may happen."""
        journey = self._journey(tender.order)
        journey.carrier = self.choose(tender)
        journey.gates[TRANSPORT].turn(instructed=True, off=False)
        if journey.plan is None and journey.grace is None and not journey.called_off:
            journey.grace = asyncio.create_task(self._drop_later(journey, tender))
        self._begin(journey)

    def void(self, number: str) -> None:
        """No carrier comes, unless the transport is tendered again."""
        journey = self._journey(number)
        journey.gates[TRANSPORT].turn(off=True)
        self._settle(journey)

    def hold(self, number: str, site: str | None, *, on: bool) -> None:
        """A warehouse, or the transport without a site, stops for a while, or goes on."""
        self._journey(number).gates[warehouse_of(site) if site else TRANSPORT].turn(held=on)

    def intercept(self, number: str, shipment: str) -> None:
        """The carrier stops a shipment under way, says that it is returning, and nothing else of it any more."""
        journey = self._journey(number)
        for leg in journey.legs:
            if leg.shipment.shipment == shipment:
                leg.turn_back()
        self._begin(journey)

    def close(self) -> None:
        """End the world."""
        for journey in self._journeys.values():
            journey.halt()
            if journey.grace:
                journey.grace.cancel()

    def _journey(self, number: str) -> Journey:
        return self._journeys.setdefault(number, Journey())

    def _give(self, journey: Journey, plan: OrderPlan) -> None:
        journey.plan = plan
        journey.legs = [Leg(shipment) for shipment in plan.shipments]
        self._settle(journey)

    def _begin(self, journey: Journey) -> None:
        if journey.plan is not None:
            journey.begun = True
            for leg in journey.legs:
                if leg.left and leg.task is None:
                    leg.task = asyncio.create_task(self._tell(journey, journey.plan, leg))
        self._settle(journey)

    def _settle(self, journey: Journey) -> None:
        before, journey.tally = journey.tally, journey.count()
        changed = zip(self.tally, before, journey.tally, strict=True)
        self.tally = EventCounts(*(total - old + new for total, old, new in changed))

    async def _drop_later(self, journey: Journey, tender: Tender) -> None:
        await asyncio.sleep(DROP_GRACE_PACES * self._pace_s)
        plan = improvise_drop(tender)
        if journey.plan is None and plan is not None and not journey.called_off:
            self._give(journey, plan)
            self._begin(journey)

    async def _tell(self, journey: Journey, plan: OrderPlan, leg: Leg) -> None:
        """Let the events of a shipment happen in order, a jittered pace apart, with the faults of who tells them."""
        chance = Random(f"{self._seed}:{plan.order}:{leg.shipment.shipment}")
        overtaken: PlannedEvent | None = None
        while leg.left:
            await self._may_happen(journey, leg.left[0], chance)
            event, *later = leg.left
            faults = self._streams[System.WMS if event.by_warehouse else System.TMS].faults
            swap = chance.random() < faults.reorder
            if swap and overtaken is None and later and journey.gate(later[0]).is_open:
                leg.left[:2] = [later[0], event]
                overtaken = event
                continue
            overtaken = None if event is overtaken else overtaken
            leg.left.pop(0)
            leg.reported[event.kind] += 1
            journey.reported += 1
            partner = journey.carrier if event.partner == CHOSEN_CARRIER else event.partner
            await self._say(
                journey, _message(plan, leg.shipment, event, partner, leg.reported[event.kind]), chance, faults
            )

    async def _may_happen(self, journey: Journey, event: PlannedEvent, chance: Random) -> None:
        gate = journey.gate(event)
        while True:
            await gate.opened()
            await asyncio.sleep(self._pace_s * chance.uniform(0.5, 1.5))
            if gate.is_open:
                return

    async def _say(self, journey: Journey, message: WebhookMessage, chance: Random, faults: Faults) -> None:
        """Send a message, and perhaps again. Waits for the first attempt, so that only faults change the order."""
        late = chance.random() < faults.late
        delay_s = self._pace_s * chance.uniform(*LATE_PACES) if late else 0.0
        attempted = self._outbox.post(message, delay_s)
        self._settle(journey)
        if chance.random() < faults.duplicate:
            again = message.message_id if chance.random() < 0.5 else f"{message.message_id}-again"  # noqa: PLR2004
            repeat = replace(message, message_id=again, repeat=True)
            self._outbox.post(repeat, delay_s + self._pace_s * chance.uniform(0.0, 2.0))
        if not late:
            await attempted.wait()


def _message(plan: OrderPlan, shipment: PlannedShipment, event: PlannedEvent, partner: str, nth: int) -> WebhookMessage:
    """The event as `partner` would say it. Who handles the goods knows the order; a carrier knows its shipment."""
    knows_order = shipment.shipment is None or shipment.handles_goods(event)
    event_id = f"{plan.order}.{shipment.shipment or 'whole'}.{event.kind}" + (f".{nth}" if nth > 1 else "")
    milestone = Milestone(
        kind=event.kind,
        erp=plan.erp if knows_order else None,
        order=plan.order if knows_order else None,
        shipment=shipment.shipment,
        occurred_at=event.occurred_at or datetime.now(UTC),
        lines=in_kept_units(shipment.lines) if knows_order and shipment.shipment else (),
        eta=event.eta,
        reason=event.reason,
    )
    return message_of(partner, milestone, event_id)
