"""One signal after the other to each workflow: in order of arrival, no larger than it may be, none lost, few twice."""

import asyncio
from collections.abc import Iterator
from weakref import WeakValueDictionary

import structlog

from dispatch import answers_after_end
from dispatch.ports import SignalOutcome, SignalRefused, WorkflowSignals
from schemas.base import Origin
from schemas.orders.milestones import MilestoneEvent
from schemas.workflow_ids import WorkflowId, WorkflowKind
from store.engine import Database
from store.messaging import events, signals, stuck

MOST_BYTES = 256 * 1024
"""JSON of one signal: Temporal warns from here on, and a workflow reads it in a few milliseconds."""
MOST_EVENTS = 100
"""A workflow decides as many in one or two steps."""
AT_ONCE = 32
"""Signals under way at once: enough to hide the round trip, few for the server."""

_log = structlog.get_logger("relay")


def bundles(found: list[MilestoneEvent]) -> Iterator[list[MilestoneEvent]]:
    """The events in as many signals as they need. One that is larger than a signal may be goes alone."""
    bundle: list[MilestoneEvent] = []
    size = 0
    for event in found:
        more = len(event.model_dump_json(exclude_unset=True)) + 1
        if bundle and (size + more > MOST_BYTES or len(bundle) == MOST_EVENTS):
            yield bundle
            bundle, size = [], 0
        bundle.append(event)
        size += more
    if bundle:
        yield bundle


class Signaller:
    """Signals events to workflows, one signal of each workflow at a time, and notes what Temporal has taken."""

    def __init__(self, database: Database, handoff: WorkflowSignals) -> None:
        self._database, self._handoff = database, handoff
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._taken: list[tuple[str, str]] = []
        self._noted: list[tuple[str, str]] = []

    async def tell(self, key: str, workflow: str, found: list[MilestoneEvent]) -> None:
        """Signal events to a workflow, which are placed on this order. Messages that did not reach it are left
        behind."""
        found = sorted(found, key=lambda event: event.inbox_id)
        async with self._turn(workflow), self._at_once:
            left = list(found)
            for bundle in bundles(found):
                taken = await self._send(key, workflow, bundle)
                if taken is not SignalOutcome.YES:
                    await self._not_taken(key, workflow, left, taken)
                    return
                del left[: len(bundle)]

    def _turn(self, workflow: str) -> asyncio.Lock:
        """Held while a signal is on its way to a workflow, so that the next does not overtake it."""
        turn = self._turns.get(workflow)
        if turn is None:
            turn = self._turns[workflow] = asyncio.Lock()
        return turn

    async def _send(self, key: str, workflow: str, bundle: list[MilestoneEvent]) -> SignalOutcome:
        """One signal; what Temporal refuses is halved until the event is found that it does not take."""
        try:
            taken = await self._handoff.milestones(workflow, bundle)
        except SignalRefused as refused:
            if len(bundle) == 1:
                await self._quarantine(key, workflow, bundle[0], str(refused))
                return SignalOutcome.YES
            half = len(bundle) // 2
            taken = await self._send(key, workflow, bundle[:half])
            return await self._send(key, workflow, bundle[half:]) if taken is SignalOutcome.YES else taken
        if taken is SignalOutcome.YES:
            self._taken.extend((key, event.id) for event in bundle)
        return taken

    async def _quarantine(self, key: str, workflow: str, event: MilestoneEvent, reason: str) -> None:
        async with self._database.transaction() as connection:
            why = f"Temporal refuses it for {workflow}: {reason}"
            await stuck.put_aside(connection, key, event.id, why, Origin.PLATFORM)

    async def _not_taken(self, key: str, workflow: str, left: list[MilestoneEvent], taken: SignalOutcome) -> None:
        """A closed workflow takes nothing in: the event is settled. Otherwise it waits for Temporal, or for the
        workflow."""
        ids, about = [event.id for event in left], WorkflowId.parse(workflow)
        async with self._database.transaction() as connection:
            standing = await signals.standing(connection, workflow) if taken is SignalOutcome.GONE else None
            if standing and standing.closed:
                await events.supersede(connection, key, ids, answers_after_end.too_late(workflow, standing))
            elif taken is SignalOutcome.GONE and standing is None and about.kind is WorkflowKind.RETURN:
                await events.supersede_unknown(connection, key, ids, f"no return {about.rma} is known")
                await signals.not_taken(connection, [(key, event) for event in ids])
            else:
                _log.warning("relay.not_taken", workflow=workflow, events=len(ids), because=taken.value)
                await signals.not_taken(connection, [(key, event) for event in ids])

    async def note(self) -> None:
        """Note what Temporal has taken up to the call before: most of it is settled by now, and needs no note."""
        noted, self._noted, self._taken = self._noted, self._taken, []
        if noted:
            async with self._database.connection() as connection:
                await signals.taken(connection, noted)
