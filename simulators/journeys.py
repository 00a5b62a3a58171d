"""The physical world: once systems are told of an order, its events happen, one after the other on each shipment."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import zip_longest
from random import Random

from schemas.envelope import TYPE_MILESTONE, Envelope
from schemas.instructions import Tender, WarehouseInstruction
from schemas.milestones import Milestone
from simulators.faults import Faults, FaultStream
from simulators.plans import (
    CHOSEN_CARRIER,
    OrderPlan,
    PlannedEvent,
    PlannedShipment,
    PlansAccepted,
    improvise_centre,
    improvise_drop,
)
from simulators.webhooks import Message, Outbox

CARRIERS = ("carrier-alpha", "carrier-bravo", "carrier-cargo")
DROP_GRACE_PACES = 20
"""A tender without a plan is taken for a direct drop when no warehouse was instructed for so many paces."""
LATE_PACES = (3.0, 8.0)


class UnderWay(Exception):
    """The order has begun to move: its plan can no longer be changed."""


class Journey:
    """One order on its way. `untold` events have still to happen."""

    def __init__(self) -> None:
        self.plan: OrderPlan | None = None
        self.registered = self.stopped = self.begun = False
        self.untold = 0
        self.carrier = ""
        self.instructed = asyncio.Event()
        self.tendered = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    def gate(self, event: PlannedEvent) -> asyncio.Event:
        """What must have happened before this event can."""
        return self.instructed if event.by_warehouse else self.tendered


class World:
    """All journeys. `planned`, `stopped` and `ahead` count events: see `webhooks.OutboxStatus`."""

    def __init__(
        self, seed: int, pace_s: float, outbox: Outbox, warehouse: FaultStream, transport: FaultStream
    ) -> None:
        self.planned = self.stopped = self.ahead = 0
        self._seed = seed
        self._pace_s = pace_s
        self._outbox = outbox
        self._warehouse = warehouse
        self._transport = transport
        self._journeys: dict[str, Journey] = {}

    def register(self, plans: Iterable[OrderPlan]) -> PlansAccepted:
        """Plan orders before their release; the same plan again changes nothing.

        Raises `UnderWay` when one of them has begun or was stopped; then none is taken.
        """
        fresh = [plan for plan in plans if self._journey(plan.order).plan != plan]
        for plan in fresh:
            if self._journey(plan.order).begun or self._journey(plan.order).stopped:
                raise UnderWay(f"order {plan.order} is under way or was stopped")
        for plan in fresh:
            journey = self._journey(plan.order)
            journey.registered = True
            self._give(journey, plan)
        return PlansAccepted(orders=len(fresh), events=sum(plan.events for plan in fresh))

    def instruct(self, instruction: WarehouseInstruction) -> None:
        """The warehouse knows of the order: its events may happen. Without a plan, one is improvised."""
        journey = self._journey(instruction.order)
        if not (journey.registered or journey.stopped or journey.instructed.is_set()):
            self._halt(journey)  # a direct drop, if it was taken for one
            self._give(journey, improvise_centre(instruction))
        journey.instructed.set()
        self._begin(journey)

    def tender(self, tender: Tender) -> str:
        """Carriage is wanted: carrier and supplier events may happen. Returns the carrier that takes it."""
        journey = self._journey(tender.order)
        planned = journey.plan.carrier if journey.plan else None
        chosen = Random(f"{self._seed}:{tender.order}").choice(CARRIERS)
        journey.carrier = tender.carrier or planned or chosen
        journey.tendered.set()
        if journey.plan is None and not journey.stopped:
            journey.tasks.append(asyncio.create_task(self._drop_later(journey, tender)))
        self._begin(journey)
        return journey.carrier

    def stop(self, number: str) -> None:
        """Nothing more happens to this order."""
        journey = self._journey(number)
        self._halt(journey)
        self.planned -= journey.untold
        self.stopped += journey.untold
        journey.untold = 0
        journey.stopped = True

    def close(self) -> None:
        """End the world."""
        for journey in self._journeys.values():
            self._halt(journey)

    def _journey(self, number: str) -> Journey:
        return self._journeys.setdefault(number, Journey())

    def _give(self, journey: Journey, plan: OrderPlan) -> None:
        self.planned += plan.events - journey.untold
        journey.plan, journey.untold = plan, plan.events

    def _begin(self, journey: Journey) -> None:
        if journey.plan is None or journey.begun or journey.stopped:
            return
        journey.begun = True
        self.ahead += journey.untold
        journey.tasks = [asyncio.create_task(self._tell(journey, journey.plan, x)) for x in journey.plan.shipments]

    def _halt(self, journey: Journey) -> None:
        for task in journey.tasks:
            task.cancel()
        if journey.begun:
            self.ahead -= journey.untold
        journey.begun = False

    async def _drop_later(self, journey: Journey, tender: Tender) -> None:
        await asyncio.sleep(DROP_GRACE_PACES * self._pace_s)
        plan = improvise_drop(tender)
        if journey.plan is None and plan is not None:
            self._give(journey, plan)
        self._begin(journey)

    async def _tell(self, journey: Journey, plan: OrderPlan, shipment: PlannedShipment) -> None:
        """Let the events of a shipment happen in order, a jittered pace apart, with the faults of who tells them."""
        chance = Random(f"{self._seed}:{plan.order}:{shipment.shipment}")
        events = shipment.in_telling_order()
        times_told: Counter[str] = Counter()
        held: Message | None = None
        for event, following in zip_longest(events, events[1:]):
            await journey.gate(event).wait()
            await asyncio.sleep(self._pace_s * chance.uniform(0.5, 1.5))
            times_told[event.kind] += 1
            partner = journey.carrier if event.partner == CHOSEN_CARRIER else event.partner
            message = _message(plan, shipment, event, partner, times_told[event.kind])
            faults = (self._warehouse if event.by_warehouse else self._transport).faults
            swap = chance.random() < faults.reorder
            if swap and held is None and following is not None and journey.gate(following).is_set():
                held = message
                continue
            await self._say(journey, message, chance, faults)
            if held is not None:
                await self._say(journey, held, chance, faults)
                held = None

    async def _say(self, journey: Journey, message: Message, chance: Random, faults: Faults) -> None:
        """Send a message, and perhaps again. Waits for the first attempt, so that only faults change the order."""
        late = chance.random() < faults.late
        delay_s = self._pace_s * chance.uniform(*LATE_PACES) if late else 0.0
        attempted = self._outbox.post(message, delay_s)
        journey.untold -= 1
        self.ahead -= 1
        if chance.random() < faults.duplicate:
            again = message.message_id if chance.random() < 0.5 else f"{message.message_id}-again"  # noqa: PLR2004
            repeat = replace(message, message_id=again, repeat=True)
            self._outbox.post(repeat, delay_s + self._pace_s * chance.uniform(0.0, 2.0))
        if not late:
            await attempted.wait()


def _message(plan: OrderPlan, shipment: PlannedShipment, event: PlannedEvent, partner: str, nth: int) -> Message:
    """The event as `partner` would say it. Who handles the goods knows the order; a carrier knows its shipment."""
    knows_order = shipment.shipment is None or shipment.handles_goods(event)
    occurred_at = event.occurred_at or datetime.now(UTC)
    event_id = f"{plan.order}.{shipment.shipment or 'whole'}.{event.kind}" + (f".{nth}" if nth > 1 else "")
    milestone = Milestone(
        kind=event.kind,
        erp=plan.erp if knows_order else None,
        order=plan.order if knows_order else None,
        shipment=shipment.shipment,
        occurred_at=occurred_at,
        lines=shipment.lines if knows_order and shipment.shipment else (),
        eta=event.eta,
        reason=event.reason,
    )
    envelope = Envelope[Milestone](
        specversion="1.0",
        id=event_id,
        source=f"/partners/{partner}",
        type=TYPE_MILESTONE,
        time=occurred_at,
        data=milestone,
    )
    message_id = "msg_" + blake2b(f"{partner}/{event_id}".encode(), digest_size=12).hexdigest()
    return Message(partner, message_id, envelope.model_dump_json(exclude_none=True).encode())
