"""What support sees of an order in the Temporal UI: search attributes and a short markdown page."""

from datetime import UTC, datetime, time
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from domain.state import OrderState
from domain.variants import RANK
from schemas.effects import Effect
from schemas.orders import OrderStatus

ORDER_STATUS = SearchAttributeKey.for_keyword("OrderStatus")
CARRIER = SearchAttributeKey.for_keyword("Carrier")
FAILURE_ORIGIN = SearchAttributeKey.for_keyword("FailureOrigin")
EXCEPTION_KINDS = SearchAttributeKey.for_keyword_list("ExceptionKinds")
PROMISED_AT = SearchAttributeKey.for_datetime("PromisedAt")
ETA = SearchAttributeKey.for_datetime("Eta")
DELAY_MINUTES = SearchAttributeKey.for_int("DelayMinutes")

TIMELINE_LINES = 24


def phase(state: OrderState) -> OrderStatus:
    """The coarse status whose change re-indexes an order: each index update is a billable action and an event, so the
    steps between are on the details page and in the store."""
    if state.status in (OrderStatus.CLOSED, OrderStatus.CANCELLED):
        return state.status
    return OrderStatus.SHIPPED if state.rank >= RANK[OrderStatus.SHIPPED] else OrderStatus.PROMISED


class Display:
    """Keeps the UI's picture of one order. Writes only what changed."""

    def __init__(self, failure_origin: str = "") -> None:
        self._shown: tuple[object, ...] = ()
        self.failure_origin = failure_origin

    def show(self, state: OrderState, owed: tuple[Effect, ...], history: list[str]) -> None:
        """Refresh the details page; index the order again when something that lists are made of has changed."""
        workflow.set_current_details(details(state, owed, history, self.failure_origin))
        indexed = (phase(state), state.conditions, state.promised_on, self.failure_origin)
        if self._shown and indexed != self._shown:
            workflow.upsert_search_attributes(self._updates(state))
        self._shown = indexed

    def _updates(self, state: OrderState) -> list[SearchAttributeUpdate[Any]]:
        promised = datetime.combine(state.promised_on, time.max, UTC)
        updates: list[SearchAttributeUpdate[Any]] = [
            ORDER_STATUS.value_set(state.status),
            EXCEPTION_KINDS.value_set(list(state.conditions)),
            PROMISED_AT.value_set(promised),
            DELAY_MINUTES.value_set(state.delay_minutes),
        ]
        if state.eta:
            updates.append(ETA.value_set(state.eta))
        if state.carrier:
            updates.append(CARRIER.value_set(state.carrier))
        if self.failure_origin:
            updates.append(FAILURE_ORIGIN.value_set(self.failure_origin))
        return updates


def details(state: OrderState, owed: tuple[Effect, ...], history: list[str], failure_origin: str) -> str:
    """The order on half a page of markdown: where it is, what is awaited, what is owed, what happened."""
    conditions = ", ".join(state.conditions) or "none"
    lines = [
        f"**{state.status}** · promised {state.promised_on} · conditions: {conditions}",
        "",
    ]
    if state.carrier:
        lines.append(f"- carrier: {state.carrier}")
    missing = ", ".join(f"{shipment or 'order'} {kind}" for shipment, kind in state.missing())
    if missing and state.cancelled is None:
        lines.append(f"- awaited: {missing}")
    lines.extend(f"- owed to {effect.system}: {effect.operation} {effect.milestone or ''}".rstrip() for effect in owed)
    if failure_origin:
        lines.append(f"- last failure: {failure_origin}")
    lines.append("")
    lines.extend(f"1. {entry}" for entry in history[-TIMELINE_LINES:])
    return "\n".join(lines)
