"""Findings and deadlines of a purchase order, as functions of its documents."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

from domain.days import begin_of, earlier, later
from domain.milestones.chronology import impossible_document
from domain.procurement.matching import surplus
from domain.procurement.purchase_order import LineState, PurchaseFile, with_changes
from schemas.cases.cases import Finding
from schemas.cases.exceptions import Action, ExceptionKind, Impossible
from schemas.plurals import counted, verb
from schemas.procurement.documents import DespatchAdvice, SupplierConfirmation
from schemas.procurement.postings import ConfirmationDifference
from schemas.procurement.purchase_orders import PurchaseDecision

CONFIRMATION = "the supplier's confirmation"
INVOICE = "the invoice of all that was received"
_GRAMMAR = re.compile(r"(?<=\d),(?=\d{3})|\b(?:pack|day|is|was)\b")
_PLURAL = {"pack": "packs", "day": "days", "is": "are", "was": "were"}
REMINDER = "reminder"
"""Names the reminder that a supplier gets by itself."""


CONFIRMED, LINE = "confirmed", "line"


class LineFinding(NamedTuple):
    """The subject of a finding about a line: `confirmed/<line>`, what the supplier says of it, or `line/<line>`."""

    part: str
    line: int

    @classmethod
    def read(cls, subject: str) -> Self | None:
        """None when a finding is about something else, such as a shipment: their ids have no slash."""
        part, _, line = subject.partition("/")
        return cls(part, int(line)) if part in (CONFIRMED, LINE) and line else None

    def __str__(self) -> str:
        return f"{self.part}/{self.line}"


class Deadline(NamedTuple):
    """When a document should have come, and which."""

    at: datetime
    awaited: str
    kind: ExceptionKind


def deadlines(state: PurchaseFile) -> tuple[Deadline, ...]:
    """Every deadline of what has not come."""
    if state.order is None:
        return ()
    if state.closed:
        return tuple(sorted([*_invoice_deadline(state), *_receipt_deadlines(state)]))
    return tuple(sorted([*_deadlines(state), *_receipt_deadlines(state)]))


def next_deadline(state: PurchaseFile) -> Deadline | None:
    """The first one that has not passed."""
    return next((x for x in deadlines(state) if state.looked_at is None or x.at > state.looked_at), None)


def _deadlines(state: PurchaseFile) -> Iterator[Deadline]:
    policy = state.start.policy
    if state.confirmation is None and not state.transfer:
        yield Deadline(_answer_by(state), CONFIRMATION, ExceptionKind.MISSING_ACK)
    unadvised = [x.wanted_on for x in state.lines if max(x.advised, x.received) < coming(x)]
    if unadvised:
        at = begin_of(min(unadvised), state.start.here) - timedelta(seconds=policy.advise_before_s)
        at = earlier(at, 0, state.start.theirs)
        yield Deadline(max(at, _least(state)), "the advance ship notice", ExceptionKind.DELAY)


def _receipt_deadlines(state: PurchaseFile) -> Iterator[Deadline]:
    """Shipments must come some day, also those that are not wanted any more."""
    stranded, policy = state.stranded, state.start.policy
    for advice in state.advices:
        name = advice.shipment
        if name in stranded if state.closed else state.missing_of(advice) and not receipted(state, name):
            at = later(state.arrives_at(advice), policy.receive_within_s, state.start.here)
            yield Deadline(max(at, _least(state)), f"the receipt of {name}", ExceptionKind.DELAY)


def _least(state: PurchaseFile) -> datetime:
    """A supplier that people have asked again has time to answer."""
    asked = any(x.action is Action.ASK_AGAIN and x.id != REMINDER for x in state.decisions)
    return _answer_by(state) if asked else datetime.min.replace(tzinfo=UTC)


def _answer_by(state: PurchaseFile) -> datetime:
    return later(_asked_at(state), state.start.policy.confirm_within_s, state.start.theirs)


def _invoice_deadline(state: PurchaseFile) -> Iterator[Deadline]:
    """Goods that were received must be invoiced some day, or the order is open for ever."""
    if state.uninvoiced and state.receipts:
        last = max(state.start.accepted_at, *(receipt.received_at for receipt in state.receipts))
        at = later(last, state.start.policy.invoice_within_s, state.start.theirs)
        yield Deadline(at, INVOICE, ExceptionKind.INVOICE_MISMATCH)


def _asked_at(state: PurchaseFile) -> datetime:
    """When the supplier was asked last: by the order, or by people again."""
    again = [x.at for x in state.decisions if x.action is Action.ASK_AGAIN and x.id != REMINDER]
    return max([state.start.accepted_at, *again])


def coming(line: LineState) -> int:
    """Packs of a line that the supplier will bring."""
    return line.wanted if line.confirmed is None else min(line.confirmed, line.wanted)


def receipted(state: PurchaseFile, shipment: str) -> bool:
    """Whether a shipment was received, in full or not."""
    return any(receipt.shipment == shipment for receipt in state.receipts)


def pass_time(state: PurchaseFile, now: datetime) -> PurchaseFile:
    """Deadlines up to now have passed. A supplier that has not confirmed is reminded once, without anybody's doing."""
    passed = with_changes(state, looked_at=now)
    late = any(x.awaited == CONFIRMATION and x.at <= now for x in deadlines(passed))
    if not late or any(x.id == REMINDER for x in state.decisions):
        return passed
    revision = state.order.revision if state.order else 1
    reminder = PurchaseDecision(id=REMINDER, action=Action.ASK_AGAIN, at=now, revision=revision, about=(CONFIRMATION,))
    return passed.model_copy(update={"decisions": (*state.decisions, reminder)})


def differences(state: PurchaseFile, confirmation: SupplierConfirmation) -> Iterator[ConfirmationDifference]:
    """Lines that the supplier confirms otherwise than ordered."""
    confirmed = {line.line: line for line in confirmation.lines}
    for x in state.lines:
        said = confirmed.get(x.line.line)
        other = said.item if said and said.item != x.line.item else None
        rate = said.rate if said else None
        other_rate = rate if rate and rate.exact != x.line.rate.exact else None
        promised, day = (0 if other else said.packs, said.day) if said else (0, None)
        if promised != x.line.packs or (day and day > x.line.due_on) or other or other_rate:
            yield ConfirmationDifference(
                line=x.line.line,
                ordered=x.line.packs,
                confirmed=promised,
                due_on=x.line.due_on,
                confirmed_on=day,
                **other_rate.said if other_rate else {},
                item=other,
            )


def mark(finding: Finding) -> str:
    """Names a finding as it stands: when it says something else, it is another one."""
    return _without_grammar(f"{finding.kind}/{finding.subject}: {finding.summary}")


def _without_grammar(text: str) -> str:
    """Earlier builds said `1 packs are` and `1000 packs`: what people agreed to then is the same difference."""
    return _GRAMMAR.sub(lambda found: _PLURAL.get(found[0], ""), text)


def findings(state: PurchaseFile) -> tuple[Finding, ...]:
    """Findings of the purchase order now, without those that people have agreed to."""
    if state.order is None or state.settled:
        return ()
    agreed = {_without_grammar(name) for decision in state.decisions for name in decision.agreed}
    found = (*_of_documents(state), *_of_deadlines(state), *_of_invoices(state))
    return tuple(finding for finding in found if mark(finding) not in agreed)


def _of_deadlines(state: PurchaseFile) -> Iterator[Finding]:
    for deadline in deadlines(state):
        if state.looked_at and deadline.at <= state.looked_at:
            yield _found(deadline.kind, deadline.awaited, f"{deadline.awaited} has not come")


def _of_confirmation(state: PurchaseFile, confirmation: SupplierConfirmation) -> Iterator[Finding]:
    wanted = {x.line.line: x for x in state.lines}
    for x in differences(state, confirmation):
        subject, line = str(LineFinding(CONFIRMED, x.line)), wanted[x.line]
        if x.item:
            what = f"item {x.item} confirmed instead of {line.line.item} of line {x.line}"
            yield _found(ExceptionKind.SHORT_SHIP, subject, what)
        elif x.confirmed != line.wanted and line.received < line.wanted:
            kind = ExceptionKind.SHORT_SHIP if x.confirmed < line.wanted else ExceptionKind.OVER_SHIP
            what = f"{x.confirmed:,} of {counted(x.ordered, 'pack')} of line {x.line} confirmed"
            yield _found(kind, subject, what, abs(x.confirmed - line.wanted))
        if x.confirmed_on and x.confirmed_on > x.due_on:
            late = (x.confirmed_on - x.due_on).days
            yield _found(ExceptionKind.DELAY, subject, f"line {x.line} confirmed {counted(late, 'day')} late", late)
        if x.rate and x.rate.exact != line.rate.exact:
            what = f"line {x.line} confirmed at another price than ordered"
            yield _found(ExceptionKind.INVOICE_MISMATCH, subject, what)


def _of_documents(state: PurchaseFile) -> Iterator[Finding]:
    if not (state.closed or state.cancelled):
        yield from _of_confirmation(state, state.confirmation) if state.confirmation else ()
    over = state.cancelled or any(receipt.final for receipt in state.receipts)
    for name, packs in state.stranded.items() if over else ():
        left = packs.total()
        there = f"{counted(left, 'pack')} of shipment {name} {verb(left, 'is', 'are')}"
        what = f"{there} under way although nothing more is wanted"
        yield _found(ExceptionKind.OVER_SHIP, name, what, left)
    if not state.closed or state.transfer:
        for advice in state.advices:
            yield from _of_advice(state, advice)
    yield from _of_times(state)
    for y in state.lines:
        name, came = str(LineFinding(LINE, y.line.line)), max(y.advised, y.received)
        if state.cancelled:
            if y.received > y.wanted:
                surplus_packs = counted(y.received - y.wanted, "pack")
                what = f"{surplus_packs} of line {y.line.line} came although the order was cancelled"
                yield _found(ExceptionKind.OVER_SHIP, name, what, y.received - y.wanted)
        elif came > y.wanted + surplus(y.line.packs, state.start.policy):
            both = f"came or {verb(came, 'is', 'are')} coming"
            what = f"{counted(came, 'pack')} of line {y.line.line} {both}, {y.wanted:,} ordered"
            yield _found(ExceptionKind.OVER_SHIP, name, what, came - y.wanted)
        if y.damaged:
            what = f"{counted(y.damaged, 'pack')} of line {y.line.line} damaged"
            yield _found(ExceptionKind.DAMAGE, name, what, y.damaged)
        if state.closed and not state.cancelled and y.received < y.wanted:
            what = f"closed with {y.received:,} of {counted(y.wanted, 'pack')} of line {y.line.line}"
            yield _found(ExceptionKind.SHORT_SHIP, name, what, y.wanted - y.received)


def _of_times(state: PurchaseFile) -> Iterator[Finding]:
    """Documents that cannot be true in time, where policy has them taken in all the same."""
    rules = state.start.policy.chronology
    if state.order is None or rules.before_release is not Impossible.FLAG:
        return
    for name, document in state.documents.items():
        dated = document.advice or document.receipt or document.invoice
        if dated and (why := impossible_document(dated, state.order.ordered_at, document.received_at, rules)):
            yield _found(ExceptionKind.CHRONOLOGY, name, why)


def _of_advice(state: PurchaseFile, advice: DespatchAdvice) -> Iterator[Finding]:
    name, missing = advice.shipment, state.missing_of(advice).total()
    if receipted(state, name):
        if missing:
            what = f"{counted(missing, 'pack')} of shipment {name} {verb(missing, 'was', 'were')} not in it"
            yield _found(ExceptionKind.SHORT_SHIP, name, what, missing)
        return
    due = {x.line.line: x.wanted_on for x in state.lines}
    wanted = [due[line.line] for line in advice.lines if line.line in due]
    day = state.arrives_on(advice)
    if wanted and day > min(wanted):
        late = (day - min(wanted)).days
        yield _found(ExceptionKind.DELAY, name, f"shipment {name} comes {counted(late, 'day')} late", late)


def _of_invoices(state: PurchaseFile) -> Iterator[Finding]:
    for number, verdict in state.judged.items():
        if verdict.mismatch:
            yield _found(
                ExceptionKind.INVOICE_MISMATCH, f"invoice/{number}", f"invoice {number}: {'; '.join(verdict.reasons)}"
            )


def _found(kind: ExceptionKind, subject: str, summary: str, measure: int = 0) -> Finding:
    return Finding(kind=kind, subject=subject, summary=summary, measure=measure)
