"""A step of a return as it is written down."""

from collections.abc import Iterable

from domain.returns import returning
from domain.returns.returning import ReturnDecision, ReturnFile
from schemas.changes import Change
from schemas.inventory.stock import Moves, StockMoved
from schemas.messaging.owed import EffectsPlanned
from schemas.planning.movements import PlanningMoved
from schemas.workflows.records import StepRecord


def record(state: ReturnFile, decisions: Iterable[ReturnDecision], moves: Moves | None = None) -> StepRecord:
    """One step: where the return stands, what was decided, how stock moved."""
    decided = tuple(decisions)
    changes: list[Change] = [returning.standing(state)]
    if effects := tuple(effect for decision in decided for effect in decision.effects):
        changes.append(EffectsPlanned(effects=effects))
    if deltas := tuple(delta for decision in decided for delta in decision.deltas):
        changes.append(PlanningMoved(deltas=deltas))
    if moves:
        changes.append(StockMoved(moves=moves))
    return StepRecord(order=state.start.order, version=state.version, changes=tuple(changes))
