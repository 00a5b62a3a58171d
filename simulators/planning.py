"""Stand-in planning: the movements of every item, taken in bulk, each counted once by its own key."""

from collections import Counter
from collections.abc import Mapping
from functools import partial

from starlette.routing import Route

from schemas.base import Contract
from schemas.effects import PlanningDelta
from schemas.instructions import Accepted, PlanningBatch
from simulators.desk import Desk
from simulators.ledger import DELTA, RECURRING, Call, Deed, KeyReused, Replies, deed


class ItemMovements(Contract):
    """What planning knows of an item: packs moved, by kind of movement."""

    item: str
    packs: dict[str, int]


class Planning:
    """The books of planning."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._batches = Replies()
        self._packs: dict[str, Counter[str]] = {}

    def routes(self) -> list[Route]:
        """The dialect under `/planning`."""
        return [
            self.desk.takes("/v1/deltas", PlanningBatch, self._take),
            self.desk.shows("/v1/items/{item:path}", self._find),
            *self.desk.control(),
        ]

    def _find(self, path: Mapping[str, str]) -> ItemMovements | None:
        packs = self._packs.get(path["item"])
        return None if packs is None else ItemMovements(item=path["item"], packs=dict(packs))

    def _take(self, batch_call: Call, _: str, batch: PlanningBatch) -> Accepted:
        """All or nothing: a reused key anywhere refuses the batch before any of it counts."""
        replayed = self._batches.known(batch_call)
        calls = [Call(delta.key, hash(delta), batch_call.traceparent) for delta in batch.deltas]
        meanings = {call.key: call.meaning for call in calls}
        for call in calls:
            if meanings[call.key] != call.meaning:
                raise KeyReused(f"the batch has the key {call.key} for two movements")
            self.desk.ledger.known(call)
        for call, delta in zip(calls, batch.deltas, strict=True):
            self.desk.ledger.once(call, _deed(delta), partial(self._count, delta))
        if replayed is not None:
            return replayed
        reply = self.desk.accepted()
        self._batches.keep(batch_call, reply)
        return reply

    def _count(self, delta: PlanningDelta) -> Accepted:
        for movement in delta.movements:
            self._packs.setdefault(movement.item, Counter())[delta.kind] += movement.quantity
        return self.desk.accepted()


def _deed(delta: PlanningDelta) -> Deed:
    occurrence = delta.occurred_at.isoformat() if delta.kind in RECURRING else ""
    return deed("", DELTA, delta.order, delta.shipment, delta.kind, occurrence)
