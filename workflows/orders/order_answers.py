"""Answers of an order's workflow: to queries, to commands, and at its end."""

from domain.orders.state import OrderState
from domain.records.record import conditions
from schemas.messaging.effects import Effect
from schemas.workflows.commands import CommandAnswer
from schemas.workflows.lifecycle import OrderOutcome, StatusAnswer
from workflows.runtime.deadline_timer import Due


def status(
    state: OrderState,
    awaited: tuple[Effect, ...],
    due: Due | None,
    owed: tuple[Effect, ...],
    cases: tuple[str, ...],
    failure: str,
) -> StatusAnswer:
    """Where the order is, what is awaited and by when, what is owed, and what is wrong. `awaited`: effects whose
    systems have not acknowledged them."""
    return StatusAnswer(
        order=state.start.key,
        status=state.status,
        conditions=conditions(state, awaited),
        promised_on=state.promised_on,
        missing=tuple(f"{shipment or 'order'} {kind}" for shipment, kind in state.missing()),
        owed=tuple(effect.key for effect in owed),
        awaited=due.awaited if due else "",
        due_at=due.at if due else None,
        cases=cases,
        failure=failure,
    )


def command(state: OrderState, awaited: tuple[Effect, ...], done: str) -> CommandAnswer:
    """The result of a command for the order."""
    return CommandAnswer(
        order=state.start.key,
        status=state.status,
        conditions=conditions(state, awaited),
        promised_on=state.promised_on,
        done=done,
    )


def outcome(state: OrderState) -> OrderOutcome:
    """How the order ended."""
    return OrderOutcome(
        order=state.start.key, status=state.status, promised_on=state.promised_on, shipments=len(state.goods)
    )
