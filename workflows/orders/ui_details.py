"""What support sees of an order in the Temporal UI: search attributes and a short markdown page."""

from dataclasses import dataclass
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from domain.days import end_of
from domain.milestones.variants import RANK
from domain.orders.state import OrderState
from domain.records.record import conditions
from schemas.messaging.effects import Effect
from schemas.orders.release import OrderStatus
from workflows.runtime.deadline_timer import Due
from workflows.runtime.entity import TIMELINE_LINES
from workflows.runtime.search_attributes import (
    CARRIER,
    DELAY_MINUTES,
    ETA,
    EXCEPTION_KINDS,
    FAILURE_ORIGIN,
    LAST_FAILURE,
    NEXT_DUE,
    NEXT_MILESTONE,
    OPEN_CASES,
    ORDER_STATUS,
    PROMISED_AT,
)


def phase(state: OrderState) -> OrderStatus:
    """The coarse status whose change re-indexes an order: each index update is a billable action and an event, so the
    steps between are on the details page and in the store."""
    if state.status in (OrderStatus.CLOSED, OrderStatus.CANCELLED, OrderStatus.RETURNED):
        return state.status
    return OrderStatus.SHIPPED if state.rank >= RANK[OrderStatus.SHIPPED] else OrderStatus.PROMISED


def next_milestone(state: OrderState) -> str:
    """The next milestone that ends a phase; what is expected before it is on the details page."""
    if state.status in (OrderStatus.CLOSED, OrderStatus.CANCELLED, OrderStatus.RETURNED):
        return "none"
    if state.rank < RANK[OrderStatus.SHIPPED]:
        return OrderStatus.SHIPPED
    return OrderStatus.DELIVERED if not state.delivered else "reports"


class UiDetails:
    """Keeps the UI's picture of one order. Writes only what changed."""

    def __init__(self, failure_origin: str = "", failure: str = "") -> None:
        self._shown: tuple[object, ...] = ()
        self.failure_origin = failure_origin
        self.failure = failure

    def failed(self, origin: str, what: str) -> None:
        """The last failure: where it came from, and which operation of which system it was."""
        self.failure_origin, self.failure = origin, what

    def show(
        self,
        state: OrderState,
        owed: tuple[Effect, ...],
        history: list[str],
        due: Due | None,
        cases: tuple[str, ...],
        waiting: tuple[Effect, ...],
    ) -> None:
        """Refresh the details page; index the order again when something that lists are made of has changed."""
        named = conditions(state, waiting)
        page = DetailsPage(
            state, named, owed, history, due, cases, f"{self.failure} ({self.failure_origin})" if self.failure else ""
        )
        workflow.set_current_details(page.text())
        indexed = (phase(state), named, state.promised_on, self.failure_origin, self.failure, cases)
        if self._shown and indexed != self._shown:
            workflow.upsert_search_attributes(self._updates(state, named, due, cases))
        self._shown = indexed

    def _updates(
        self, state: OrderState, named: tuple[str, ...], due: Due | None, cases: tuple[str, ...]
    ) -> list[SearchAttributeUpdate[Any]]:
        promised = end_of(state.promised_on, state.start.there)
        updates: list[SearchAttributeUpdate[Any]] = [
            ORDER_STATUS.value_set(state.status),
            EXCEPTION_KINDS.value_set(list(named)),
            OPEN_CASES.value_set(list(cases)),
            PROMISED_AT.value_set(promised),
            DELAY_MINUTES.value_set(state.delay_minutes),
            NEXT_MILESTONE.value_set(next_milestone(state)),
            NEXT_DUE.value_set(due.at) if due else NEXT_DUE.value_unset(),
        ]
        if state.eta:
            updates.append(ETA.value_set(state.eta))
        if state.carrier:
            updates.append(CARRIER.value_set(state.carrier))
        if self.failure:
            updates += [FAILURE_ORIGIN.value_set(self.failure_origin), LAST_FAILURE.value_set(self.failure)]
        return updates


@dataclass(frozen=True)
class DetailsPage:
    """The order on half a page of markdown: where it is, what is awaited, what is owed, what happened."""

    state: OrderState
    conditions: tuple[str, ...]
    owed: tuple[Effect, ...]
    history: list[str]
    due: Due | None
    cases: tuple[str, ...]
    failure: str

    def text(self) -> str:
        """The page."""
        state = self.state
        named = ", ".join(self.conditions) or "none"
        lines = [f"**{state.status}** · promised {state.promised_on} · conditions: {named}", ""]
        if state.carrier:
            lines.append(f"- carrier: {state.carrier}")
        if self.due:
            lines.append(f"- next: {self.due.awaited} by {self.due.at:%Y-%m-%d %H:%M} UTC")
        missing = ", ".join(f"{shipment or 'order'} {kind}" for shipment, kind in state.missing())
        if missing and state.ending.cancelled is None:
            lines.append(f"- awaited: {missing}")
        lines.extend(f"- open case: {case}" for case in self.cases)
        lines.extend(f"- owed to {x.system}: {x.operation} {x.topic.milestone or ''}".rstrip() for x in self.owed)
        if self.failure:
            lines.append(f"- last failure: {self.failure}")
        lines.append("")
        lines.extend(f"1. {entry}" for entry in self.history[-TIMELINE_LINES:])
        return "\n".join(lines)
