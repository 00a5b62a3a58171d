"""An order's state from what it was told: for orders of builds that kept no snapshot of it.

What was applied is decided once more, in the order of its settling, one version each. What the ledger has of an effect
says whether it is still owed. Pure, and the same at every attempt.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from domain.orders import commands, lifecycle, tendering
from domain.orders.deadlines import due_by
from domain.orders.decision import Decision
from domain.orders.order_run import OrderRun
from domain.orders.state import OrderState
from schemas.cases.cases import KnownCase
from schemas.messaging.effects import EffectReceipt
from schemas.messaging.order_effects import OrderEffect, TenderTransport
from schemas.orders.milestones import MilestoneEvent
from schemas.standard_identifiers import short_id
from schemas.workflows.commands import Command, Verb
from schemas.workflows.lifecycle import OrderStart

SETTLED = frozenset({"done", "failed", "superseded"})
"""Outcomes of effects in the ledger that are owed no more."""
MOST_ALARMS = 100
"""Deadlines that may pass between two inputs; a chain of tenders has ten at most."""


class ReplayedInput(NamedTuple):
    """An input of an order: an event, or a command with its verb. `at`: when its verdict was written.

    `applied`: it changed the order. What did not is only known by its name.
    """

    at: datetime
    message: MilestoneEvent | Command[Any]
    verb: Verb | None = None
    applied: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """By which a repeat of it is known."""
        if isinstance(self.message, MilestoneEvent):
            return (self.message.id,)
        request = self.message.request
        return f"{self.verb} {request.id}", f"{self.verb} {self.message.by}/{request.id}"


class EffectEntry(NamedTuple):
    """The ledger's entry of an effect. `origin`: who refused it, when it failed. `at`: when it was done."""

    outcome: str
    origin: str
    at: datetime


class RefoldingFacts(NamedTuple):
    """Other knowledge of an order: the ledger by key, its carrier, its cases, the version that its books are at."""

    ledger: Mapping[str, EffectEntry]
    carrier: str = ""
    cases: tuple[KnownCase, ...] = ()
    version: int = 0


def refold(start: OrderStart, past: Iterable[ReplayedInput], known: RefoldingFacts) -> OrderRun:
    """The start of a new run of the order. Its version is beyond all that was booked."""
    inputs = sorted(past, key=lambda it: (it.at, it.message.inbox_id))
    opened = lifecycle.open_order(start)
    state, effects = opened.state, {it.key: it for it in opened.effects}
    seen = dict.fromkeys(short_id(name) for it in inputs for name in it.names)
    for it in (one for one in inputs if one.applied):
        late = _late(state, it.at)
        decision = late.plus(_decided(late.state, it))
        effects.update((x.key, x) for x in decision.effects)
        state = _answered(decision.state, effects, known, it.at)
    state = _answered(state, effects, known, None)
    state = _refused(state, effects.values(), known.ledger)
    return OrderRun(
        start=start,
        state=state.model_copy(update={"version": max(state.version, known.version)}),
        seen=tuple(seen),
        owed=tuple(it for it in effects.values() if _outcome(it, known) not in SETTLED),
        history=(f"begun again from the messages of the database: {len(inputs)} were known",),
        cases=known.cases,
    )


def _late(state: OrderState, until: datetime) -> Decision:
    """The decisions on deadlines that had passed before a moment."""
    decision = Decision(state=state)
    for _ in range(MOST_ALARMS):
        passed = due_by(decision.state, (), until)
        if not passed:
            break
        at = max(alarm.due for alarm in passed)
        decision = decision.plus(lifecycle.pass_deadlines(decision.state.next_version(), passed, at))
    return decision


def _decided(state: OrderState, heard: ReplayedInput) -> Decision:
    state = state.next_version()
    if isinstance(heard.message, MilestoneEvent):
        return lifecycle.apply(state, heard.message)
    if heard.verb is None or commands.refusal(state, heard.verb, heard.message):
        return Decision(state=state)
    return commands.decide(state, heard.verb, heard.message)


def _answered(
    state: OrderState, effects: Mapping[str, OrderEffect], known: RefoldingFacts, until: datetime | None
) -> OrderState:
    """Join what the transport desk had answered by then. Who carries the order is known of the last tender alone."""
    current = state.transport.tender.key or tendering.first_key(state)
    tender, entry = effects.get(current), known.ledger.get(current)
    if tender is None or entry is None or entry.outcome != "done" or not isinstance(tender.payload, TenderTransport):
        return state
    if until is not None and entry.at > until:
        return state
    named = tender.payload.carrier or known.carrier or None
    return tendering.taken(state, tender, EffectReceipt(carrier=named), entry.at)


def _refused(state: OrderState, effects: Iterable[OrderEffect], ledger: Mapping[str, EffectEntry]) -> OrderState:
    """Join what systems have refused for good, and nobody has had tried again since."""
    for it in effects:
        entry = ledger.get(it.key)
        if entry is not None and entry.outcome == "failed":
            state = lifecycle.refused(state, it, entry.origin, entry.at)
    return state


def _outcome(effect: OrderEffect, known: RefoldingFacts) -> str:
    entry = known.ledger.get(effect.key)
    return entry.outcome if entry else ""
