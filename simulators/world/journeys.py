"""One order on its way: its shipments, what each has still to tell, and who lets it go on."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from schemas.orders.milestones import MilestoneKind, ShippedLine
from simulators.world.plans import CHOSEN_CARRIER, OrderPlan, PlannedEvent, PlannedShipment

TRANSPORT = "transport"
"""Name of the gate through which carriers' and suppliers' events go; a warehouse's is its partner id."""


class JourneyGate:
    """Whether one system lets its part of an order happen: `instructed`, not called `off`, not `held`."""

    def __init__(self) -> None:
        self.instructed = self.off = self.held = False
        self._open = asyncio.Event()

    def turn(self, *, instructed: bool | None = None, off: bool | None = None, held: bool | None = None) -> None:
        """Change what is given; what waits goes on when the gate is open."""
        self.instructed = self.instructed if instructed is None else instructed
        self.off = self.off if off is None else off
        self.held = self.held if held is None else held
        if self.instructed and not (self.off or self.held):
            self._open.set()
        else:
            self._open.clear()

    @property
    def is_open(self) -> bool:
        """Whether events may happen now."""
        return self._open.is_set()

    async def opened(self) -> None:
        """Wait until they may."""
        await self._open.wait()


class Leg:
    """One shipment. `left` are the events that have still to happen, `stopped` counts those that never will."""

    def __init__(self, shipment: PlannedShipment) -> None:
        self.shipment = shipment
        self.left = list(shipment.in_telling_order())
        self.reported: Counter[MilestoneKind] = Counter()
        self.stopped = 0
        self.returning = False
        self.task: asyncio.Task[None] | None = None

    @property
    def warehouse(self) -> str:
        """The warehouse that prepares it; empty when none does."""
        return next((event.partner for event in self.shipment.events if event.by_warehouse), "")

    def stop(self) -> None:
        """Nothing more happens to it."""
        self.halt()
        self.stopped += len(self.left)
        self.left = []

    def halt(self) -> None:
        """Stop telling."""
        if self.task:
            self.task.cancel()
        self.task = None

    def turn_back(self) -> None:
        """Its carrier brings it back, unless it was delivered: that is all that it still has to tell."""
        if self.returning or self.reported[MilestoneKind.DELIVERED]:
            return
        carriage = (event.partner for event in self.shipment.events if not self.shipment.handles_goods(event))
        self.stop()
        self.returning = True
        self.left = [PlannedEvent(kind=MilestoneKind.RETURNING, partner=next(carriage, CHOSEN_CARRIER))]

    def amend(self, more: Mapping[int, int]) -> None:
        """Carry so many packs of lines more, or less. A shipment with nothing on it never happens."""
        packs = Counter({line.line: line.quantity for line in self.shipment.lines})
        packs.update(more)
        lines = tuple(ShippedLine(line=n, quantity=quantity) for n, quantity in sorted(packs.items()) if quantity > 0)
        self.shipment = self.shipment.model_copy(update={"lines": lines})
        if not lines:
            self.stop()


class EventCounts(NamedTuple):
    """Counts of events: see `webhooks.OutboxStatus`."""

    planned: int = 0
    stopped: int = 0
    ahead: int = 0


class Journey:
    """One order. `reported` counts its events that happened, also those of shipments that were planned anew."""

    def __init__(self) -> None:
        self.plan: OrderPlan | None = None
        self.legs: list[Leg] = []
        self.registered = self.begun = False
        self.reported = 0
        self.carrier = ""
        self.gates: defaultdict[str, JourneyGate] = defaultdict(JourneyGate)
        self.grace: asyncio.Task[None] | None = None
        self.tally = EventCounts()

    @property
    def called_off(self) -> bool:
        """Whether any system called its part off."""
        return any(gate.off for gate in self.gates.values())

    def gate(self, event: PlannedEvent) -> JourneyGate:
        """The gate that this event waits for."""
        return self.gates[event.partner if event.by_warehouse else TRANSPORT]

    def count(self) -> EventCounts:
        """Its events now. What a system called off counts as stopped for as long as it stays so."""
        left = [self.gate(event).off for leg in self.legs for event in leg.left]
        off = sum(left)
        stopped = off + sum(leg.stopped for leg in self.legs)
        live = len(left) - off
        return EventCounts(self.reported + live, stopped, live if self.begun else 0)

    def call_off(self, warehouse: str) -> int:
        """The warehouse stops. What no carrier took away stays there; returns how many packs were put back."""
        self.gates[warehouse].turn(off=True)
        put_away = 0
        for leg in self.legs:
            gone = leg.returning or (leg.reported[MilestoneKind.SHIPPED] and self.gates[TRANSPORT].is_open)
            if leg.warehouse in ("", warehouse) and not gone:
                if leg.reported[MilestoneKind.PICKED]:
                    put_away += sum(line.quantity for line in leg.shipment.lines)
                leg.stop()
        return put_away

    def halt(self) -> None:
        """Stop telling, for now."""
        for leg in self.legs:
            leg.halt()
        self.begun = False
