"""A return as pure functions: authorise, take in receipts and inspections, pass a deadline. Activities carry it out.

What warehouses report only grows the state: reports are a set by event id, and quantities are sums over it. So any
order and any repetition of the same events ends in the same state and the same effects, or in a recorded refusal.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from schemas.base import Contract
from schemas.cases.cases import Finding
from schemas.cases.exceptions import ExceptionKind
from schemas.ids import EffectKey, Subject
from schemas.messaging.effects import ChangeKind, Movement, PlanningDelta
from schemas.messaging.order_effects import CollectReturn, ExpectReturn, OrderEffect, OrderPayload, ReportChange
from schemas.orders.milestones import RETURN_KINDS, Disposition, MilestoneEvent, MilestoneKind, ShippedLine
from schemas.plurals import counted, verb, with_verb
from schemas.workflows.commands import ReturnAnswer
from schemas.workflows.returns import ReturnChanged, ReturnOutcome, ReturnStart, ReturnState

NOT_AUTHORISED = (
    "more packs than were delivered and are not coming back already: return fewer, or ask again after the delivery"
)
DELTA_KINDS = {Disposition.RESTOCK: "returned", Disposition.SCRAP: "scrapped"}
"""Planning's words for the end of inspected goods: back in stock at the site, or gone."""


class ReturnReport(Contract):
    """The content of one event: the packs that count, and the `surplus` beyond what is expected, which does not.

    Without `disposition` it is a receipt, with one an inspection.
    """

    lines: tuple[ShippedLine, ...] = ()
    surplus: tuple[ShippedLine, ...] = ()
    disposition: Disposition | None = None


class ReturnFile(Contract):
    """Everything the workflow knows of its return. Frozen: each event makes a new one.

    `overdue`: the first deadline has passed. `closed`: the second one has, and nothing more is expected.
    """

    start: ReturnStart
    reports: dict[str, ReturnReport] = {}  # noqa: RUF012 - pydantic copies field defaults
    refused: bool = False
    overdue: bool = False
    closed: bool = False
    version: int = 1

    @property
    def expected(self) -> Counter[int]:
        """Packs of each line that are authorised to come back."""
        return _packs(self.start.lines)

    @property
    def inspected(self) -> Counter[int]:
        """Packs of each line that have a disposition."""
        return self.counted(*Disposition)

    @property
    def received(self) -> Counter[int]:
        """Packs of each line that came back. What was inspected has been received, whether that was reported or not."""
        return self.counted(None) | self.inspected

    @property
    def missing(self) -> Counter[int]:
        """Packs of each line that are still to come."""
        return Counter() if self.closed or self.refused else self.expected - self.received

    @property
    def settled(self) -> bool:
        """Nothing more is expected of it."""
        return self.refused or self.closed or self.inspected == self.expected

    @property
    def status(self) -> ReturnState:
        """Where the return is. `inspected`: all that has come so far was."""
        if self.refused:
            return ReturnState.REFUSED
        if self.settled:
            return ReturnState.CREDITED
        if not self.received:
            return ReturnState.AUTHORISED
        return ReturnState.INSPECTED if self.inspected == self.received else ReturnState.RECEIVED

    @property
    def due_at(self) -> datetime:
        """When the next deadline passes: the goods are overdue, then the return is closed without the rest."""
        return self.start.accepted_at + timedelta(seconds=self.start.overdue_s) * (2 if self.overdue else 1)

    def counted(self, *dispositions: Disposition | None) -> Counter[int]:
        """Packs of each line in reports with one of these dispositions; None: receipts."""
        return _packs(line for x in self.reports.values() if x.disposition in dispositions for line in x.lines)

    def surplus(self, *dispositions: Disposition | None) -> Counter[int]:
        """Packs of each line that such reports name beyond what is expected."""
        return _packs(line for x in self.reports.values() if x.disposition in dispositions for line in x.surplus)


class ReturnDecision(Contract):
    """A new state, and what must be done because of it. `superseded` says why a message changed nothing."""

    state: ReturnFile
    superseded: str | None = None
    effects: tuple[OrderEffect, ...] = ()
    deltas: tuple[PlanningDelta, ...] = ()


class _Cause(NamedTuple):
    """Why effects are made: when that was accepted, and its trace."""

    accepted_at: datetime
    traceparent: str


def authorised(start: ReturnStart) -> ReturnDecision:
    """Let the warehouse expect the goods, have them collected unless somebody brings them, and tell the ERP."""
    cause = _Cause(start.accepted_at, start.traceparent)
    about: dict[str, Any] = {"lines": lines_of(_packs(start.lines)), "site": start.site}
    effects = [_effect(start, ExpectReturn(rma=start.rma, reason=start.reason, **about), cause)]
    if start.collect and not start.sender:
        effects.append(_effect(start, CollectReturn(rma=start.rma, **about), cause))
    effects.append(_change(start, ChangeKind.RETURN_AUTHORISED, cause, reason=start.reason, **about))
    return ReturnDecision(state=ReturnFile(start=start), effects=tuple(effects))


def refused(start: ReturnStart) -> ReturnDecision:
    """The return is not authorised: nothing is done."""
    return ReturnDecision(state=ReturnFile(start=start, refused=True), superseded=NOT_AUTHORISED)


def apply(state: ReturnFile, event: MilestoneEvent) -> ReturnDecision:
    """Take in one receipt or inspection. Packs beyond what is expected are noted and told to nobody."""
    refusal = _refusal(state, event)
    if refusal:
        return ReturnDecision(state=_with_changes(state), superseded=refusal)
    disposition = event.disposition if event.kind is MilestoneKind.RETURN_INSPECTED else None
    known = state.counted(None) if disposition is None else state.inspected
    said = _packs(event.lines)
    counted = said & (state.expected - known)
    report = ReturnReport(lines=lines_of(counted), surplus=lines_of(said - counted), disposition=disposition)
    after = _with_changes(state, reports={**state.reports, event.id: report})
    if not counted:
        return ReturnDecision(state=after, superseded="these packs are more than are expected under this authorisation")
    cause = _Cause(event.received_at, event.traceparent)
    what = "returned" if disposition is None else "inspected"
    told = _change(
        state.start,
        ChangeKind.RETURNED,
        cause,
        key=f"{what}/{event.id}",
        lines=report.lines,
        disposition=disposition,
        reason=event.reason or "",
    )
    deltas = () if disposition is None else (_delta(state.start, event, DELTA_KINDS[disposition], report.lines),)
    return ReturnDecision(state=after, effects=(told, *_credit(state, after, cause)), deltas=deltas)


def pass_deadline(state: ReturnFile) -> ReturnDecision:
    """The first deadline makes a return overdue; the second closes it, and what came is credited."""
    if state.settled:
        return ReturnDecision(state=state)
    after = _with_changes(state, closed=True) if state.overdue else _with_changes(state, overdue=True)
    return ReturnDecision(state=after, effects=_credit(state, after, _Cause(state.due_at, state.start.traceparent)))


def overdue(state: ReturnFile) -> tuple[Finding, ...]:
    """Findings of the return now: packs that should have come."""
    if not (state.overdue and state.missing):
        return ()
    missing = state.missing.total()
    expected = counted(state.expected.total(), "pack")
    summary = f"{missing:,} of {expected} of return {state.start.rma} {verb(missing, 'has', 'have')} not come"
    return (Finding(kind=ExceptionKind.RETURN_OVERDUE, subject=state.start.rma, summary=summary),)


def outcome(state: ReturnFile) -> ReturnOutcome:
    """The return as its order hears it."""
    return ReturnOutcome(order=state.start.order, rma=state.start.rma, state=state.status, **_quantities(state))


def answer(state: ReturnFile) -> ReturnAnswer:
    """The return as who asked for it hears it."""
    start = state.start
    return ReturnAnswer(order=start.order, rma=start.rma, state=state.status, packs=state.expected.total())


def standing(state: ReturnFile) -> ReturnChanged:
    """Where the return stands; its reason is followed by remarks on how it went."""
    return ReturnChanged(
        rma=state.start.rma,
        state=state.status,
        reason="; ".join((state.start.reason, *_remarks(state))),
        sender=state.start.sender,
        by=state.start.by,
        expected=lines_of(state.expected),
        overdue=bool(overdue(state)),
        **_quantities(state),
    )


def lines_of(packs: Counter[int]) -> tuple[ShippedLine, ...]:
    """Packs of each line, in the order of the lines; nothing for a line without packs."""
    return tuple(ShippedLine(line=line, quantity=quantity) for line, quantity in sorted(packs.items()) if quantity)


def _quantities(state: ReturnFile) -> dict[str, tuple[ShippedLine, ...]]:
    return {
        "received": lines_of(state.received),
        "restocked": lines_of(state.counted(Disposition.RESTOCK)),
        "scrapped": lines_of(state.counted(Disposition.SCRAP)),
    }


def _remarks(state: ReturnFile) -> Iterable[str]:
    for done, surplus in (("received", state.surplus(None)), ("inspected", state.surplus(*Disposition))):
        for line in lines_of(surplus):
            packs = counted(line.quantity, "pack")
            yield f"line {line.line}: {packs} more than expected {verb(line.quantity, 'was', 'were')} {done}"
    if state.closed and (absent := (state.expected - state.received).total()):
        yield f"closed short: {counted(absent, 'pack')} did not come"
    if state.closed and (unseen := (state.received - state.inspected).total()):
        yield f"closed: {with_verb(unseen, 'pack', 'was', 'were')} not inspected"


def _refusal(state: ReturnFile, event: MilestoneEvent) -> str | None:
    if event.kind not in RETURN_KINDS:
        return f"{event.kind} is not a milestone of a return"
    if state.refused:
        return "the return was not authorised"
    if state.closed:
        return "the return was closed short: authorise another one for what still comes"
    if event.id in state.reports:
        return f"{event.kind} was reported before"
    if not any(line.line in state.expected for line in event.lines):
        return "none of its lines is expected under this authorisation"
    return None


def _credit(before: ReturnFile, after: ReturnFile, cause: _Cause) -> tuple[OrderEffect, ...]:
    """Ask for a credit note once, when a customer's return is settled and something came. A sender gets none."""
    if before.settled or not after.settled or after.start.sender or not after.received:
        return ()
    return (
        _change(
            after.start, ChangeKind.CREDITED, cause, lines=lines_of(after.received), reason="; ".join(_remarks(after))
        ),
    )


def _change(start: ReturnStart, kind: ChangeKind, cause: _Cause, *, key: str = "", **fields: Any) -> OrderEffect:
    return _effect(start, ReportChange(change=kind, rma=start.rma, **fields), cause, key=key or kind)


def _effect(start: ReturnStart, payload: OrderPayload, cause: _Cause, *, key: str = "") -> OrderEffect:
    return OrderEffect(key=_key(start, key or payload.operation), order=start.order, payload=payload, **cause._asdict())


def _delta(start: ReturnStart, event: MilestoneEvent, kind: str, lines: tuple[ShippedLine, ...]) -> PlanningDelta:
    return PlanningDelta(
        key=_key(start, f"{kind}/{event.id}"),
        order=start.order,
        kind=kind,
        region=start.region,
        site=start.site,
        occurred_at=event.occurred_at,
        accepted_at=event.received_at,
        movements=tuple(Movement(item=start.items[x.line], quantity=x.quantity) for x in lines),
    )


def _key(start: ReturnStart, what: str) -> str:
    return str(EffectKey(Subject.parse(start.order), f"return/{start.rma}/{what}"))


def _with_changes(state: ReturnFile, **update: object) -> ReturnFile:
    return state.model_copy(update=update)


def _packs(lines: Iterable[ShippedLine]) -> Counter[int]:
    packs: Counter[int] = Counter()
    for line in lines:
        packs[line.line] += line.quantity
    return packs
