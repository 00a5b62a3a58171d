"""What a run of a return's workflow starts with."""

from collections.abc import Iterable

from domain.returns import returning
from domain.returns.returning import ReturnFile
from schemas.cases.cases import CaseStart, Finding
from schemas.messaging.order_effects import OrderEffect
from schemas.orders.milestones import MilestoneEvent
from schemas.workflows.returns import ReturnStart


class ReturnRun(ReturnStart):
    """A start, and what an earlier run hands over: the state; effects owed; what was refused; cases; names of what was
    heard. `run` counts the runs, over restarts."""

    run: int = 1
    state: ReturnFile | None = None
    seen: tuple[str, ...] = ()
    owed: tuple[OrderEffect, ...] = ()
    refused: tuple[Finding, ...] = ()
    cases: tuple[CaseStart, ...] = ()
    history: tuple[str, ...] = ()

    @property
    def start(self) -> ReturnStart:
        """The start alone."""
        return ReturnStart(**{name: getattr(self, name) for name in ReturnStart.model_fields})


def refolded(start: ReturnStart, told: Iterable[MilestoneEvent]) -> tuple[ReturnFile, dict[str, OrderEffect]]:
    """A return decided once more from what it was told, and what others were owed because of it, by key."""
    decision = returning.authorised(start)
    owed = {it.key: it for it in decision.effects}
    for event in told:
        before = decision.state.model_copy(update={"version": decision.state.version + 1})
        decision = returning.apply(before, event)
        owed.update((it.key, it) for it in decision.effects)
    return decision.state, owed


def as_asked(written: ReturnStart, told: Iterable[MilestoneEvent]) -> ReturnStart:
    """As a return was started, given what is written of it: its reason is followed by remarks on how it went."""
    state, _ = refolded(written, told)
    remarks = returning.standing(state).reason.removeprefix(written.reason)
    return written.model_copy(update={"reason": written.reason.removesuffix(remarks)})
