"""Stand-in planning: the movements of every item, taken in bulk, each counted once by its own key."""

from collections import Counter
from collections.abc import Mapping
from functools import partial

from starlette.routing import Route

from schemas.base import Contract
from schemas.instructions import Accepted, PlanningBatch, PlanningRow
from simulators.desk import Desk
from simulators.ledger import DELTA, Call, Deed, KeyReused, Replies, deed


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
            self.desk.takes("/v1/rows", PlanningBatch, self._take),
            self.desk.shows("/v1/items/{item:path}", self._find),
            *self.desk.control(),
        ]

    def _find(self, path: Mapping[str, str]) -> ItemMovements | None:
        packs = self._packs.get(path["item"])
        return None if packs is None else ItemMovements(item=path["item"], packs=dict(packs))

    def _take(self, batch_call: Call, _: str, batch: PlanningBatch) -> Accepted:
        """All or nothing: a reused key anywhere refuses the batch before any of it counts."""
        replayed = self._batches.known(batch_call)
        calls = [Call(row.key, hash(row), batch_call.traceparent) for row in batch.rows]
        meanings = {call.key: call.meaning for call in calls}
        for call in calls:
            if meanings[call.key] != call.meaning:
                raise KeyReused(f"the batch has the key {call.key} for two movements")
            self.desk.ledger.known(call)
        for call, row in zip(calls, batch.rows, strict=True):
            self.desk.ledger.once(call, _deed(row), partial(self._count, row))
        if replayed is not None:
            return replayed
        reply = self.desk.accepted()
        self._batches.keep(batch_call, reply)
        return reply

    def _count(self, row: PlanningRow) -> Accepted:
        self._packs.setdefault(row.item, Counter())[row.kind] += row.packs
        return self.desk.accepted()


def _deed(row: PlanningRow) -> Deed:
    return deed("", DELTA, "", row.item, row.kind, row.key)
