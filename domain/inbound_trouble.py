"""What is wrong with a purchase order, and what is waited for until when, as functions of its documents."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from domain.matching import surplus
from domain.procurement import LineState, PurchaseFile, grown
from schemas.cases import Finding
from schemas.exceptions import Action, ExceptionKind
from schemas.postings import Difference
from schemas.procurement import DespatchAdvice, SupplierConfirmation
from schemas.purchasing import PurchaseDecision

CONFIRMATION = "the supplier's confirmation"
INVOICE = "the invoice of all that was received"
REMINDER = "reminder"
"""Names the reminder that a supplier gets by itself."""


class Deadline(NamedTuple):
    """When a document should have come, and which."""

    at: datetime
    awaited: str
    kind: ExceptionKind


def deadlines(state: PurchaseFile) -> tuple[Deadline, ...]:
    """Every deadline of what has not come."""
    if state.order is None:
        return ()
    return tuple(sorted(_invoice_deadline(state) if state.closed else _deadlines(state)))


def next_deadline(state: PurchaseFile) -> Deadline | None:
    """The first one that has not passed."""
    return next((x for x in deadlines(state) if state.looked_at is None or x.at > state.looked_at), None)


def _deadlines(state: PurchaseFile) -> Iterator[Deadline]:
    policy = state.start.policy
    answer_by = _asked_at(state) + timedelta(seconds=policy.confirm_within_s)
    if state.confirmation is None and not state.transfer:
        yield Deadline(answer_by, CONFIRMATION, ExceptionKind.MISSING_ACK)
    asked = any(x.action is Action.ASK_AGAIN and x.id != REMINDER for x in state.decisions)
    least = answer_by if asked else datetime.min.replace(tzinfo=UTC)
    unadvised = [x.wanted_on for x in state.lines if max(x.advised, x.received) < coming(x)]
    if unadvised:
        at = datetime.combine(min(unadvised), time(), UTC) - timedelta(seconds=policy.advise_before_s)
        yield Deadline(max(at, least), "the advance ship notice", ExceptionKind.DELAY)
    for advice in state.advices:
        if state.missing_of(advice) and not receipted(state, advice.shipment):
            at = state.arrives_at(advice) + timedelta(seconds=policy.receive_within_s)
            yield Deadline(max(at, least), f"the receipt of {advice.shipment}", ExceptionKind.DELAY)


def _invoice_deadline(state: PurchaseFile) -> Iterator[Deadline]:
    """Goods that were received must be invoiced some day, or the order is open for ever."""
    if state.uninvoiced and state.receipts:
        last = max(state.start.accepted_at, *(receipt.received_at for receipt in state.receipts))
        at = last + timedelta(seconds=state.start.policy.invoice_within_s)
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
    passed = grown(state, looked_at=now)
    late = any(x.awaited == CONFIRMATION and x.at <= now for x in deadlines(passed))
    if not late or any(x.id == REMINDER for x in state.decisions):
        return passed
    revision = state.order.revision if state.order else 1
    reminder = PurchaseDecision(id=REMINDER, action=Action.ASK_AGAIN, at=now, revision=revision, about=(CONFIRMATION,))
    return passed.model_copy(update={"decisions": (*state.decisions, reminder)})


def differences(state: PurchaseFile, confirmation: SupplierConfirmation) -> Iterator[Difference]:
    """What the supplier confirms otherwise than it was ordered."""
    confirmed = {line.line: line for line in confirmation.lines}
    for x in state.lines:
        said = confirmed.get(x.line.line)
        other = said.item if said and said.item != x.line.item else None
        price = said.unit_price if said and said.unit_price != x.line.unit_price else None
        promised, day = (0 if other else said.packs, said.day) if said else (0, None)
        if promised != x.line.packs or (day and day > x.line.due_on) or other or price is not None:
            yield Difference(
                line=x.line.line,
                ordered=x.line.packs,
                confirmed=promised,
                due_on=x.line.due_on,
                confirmed_on=day,
                unit_price=price,
                item=other,
            )


def mark(finding: Finding) -> str:
    """Names a finding as it stands: when it says something else, it is another one."""
    return f"{finding.kind}/{finding.subject}: {finding.summary}"


def findings(state: PurchaseFile) -> tuple[Finding, ...]:
    """What is wrong with the purchase order now, but for what people have agreed to."""
    if state.order is None or state.settled:
        return ()
    agreed = {name for decision in state.decisions for name in decision.agreed}
    found = (*_of_documents(state), *_of_deadlines(state), *_of_invoices(state))
    return tuple(finding for finding in found if mark(finding) not in agreed)


def _of_deadlines(state: PurchaseFile) -> Iterator[Finding]:
    for deadline in deadlines(state):
        if state.looked_at and deadline.at <= state.looked_at:
            yield _found(deadline.kind, deadline.awaited, f"{deadline.awaited} has not come")


def _of_confirmation(state: PurchaseFile, confirmation: SupplierConfirmation) -> Iterator[Finding]:
    wanted = {x.line.line: x for x in state.lines}
    for x in differences(state, confirmation):
        subject, line = f"confirmed/{x.line}", wanted[x.line]
        if x.item:
            what = f"item {x.item} confirmed instead of {line.line.item} of line {x.line}"
            yield _found(ExceptionKind.SHORT_SHIP, subject, what)
        elif x.confirmed != line.wanted and line.received < line.wanted:
            kind = ExceptionKind.SHORT_SHIP if x.confirmed < line.wanted else ExceptionKind.OVER_SHIP
            yield _found(kind, subject, f"{x.confirmed} of {x.ordered} packs of line {x.line} confirmed")
        if x.confirmed_on and x.confirmed_on > x.due_on:
            late = (x.confirmed_on - x.due_on).days
            yield _found(ExceptionKind.DELAY, subject, f"line {x.line} confirmed {late} days late")
        if x.unit_price is not None and x.unit_price != line.price:
            what = f"line {x.line} confirmed at another price than ordered"
            yield _found(ExceptionKind.INVOICE_MISMATCH, subject, what)


def _of_documents(state: PurchaseFile) -> Iterator[Finding]:
    if not state.closed:
        yield from _of_confirmation(state, state.confirmation) if state.confirmation else ()
    if not state.closed or state.transfer:
        for advice in state.advices:
            yield from _of_advice(state, advice)
    for y in state.lines:
        name, came = f"line/{y.line.line}", max(y.advised, y.received)
        if came > y.wanted + surplus(y.line.packs, state.start.policy):
            what = f"{came} packs of line {y.line.line} came or are coming, {y.wanted} ordered"
            yield _found(ExceptionKind.OVER_SHIP, name, what)
        if y.damaged:
            yield _found(ExceptionKind.DAMAGE, name, f"{y.damaged} packs of line {y.line.line} damaged")
        if state.closed and not state.cancelled and y.received < y.wanted:
            what = f"closed with {y.received} of {y.wanted} packs of line {y.line.line}"
            yield _found(ExceptionKind.SHORT_SHIP, name, what)


def _of_advice(state: PurchaseFile, advice: DespatchAdvice) -> Iterator[Finding]:
    name, missing = advice.shipment, state.missing_of(advice).total()
    if receipted(state, name):
        if missing:
            yield _found(ExceptionKind.SHORT_SHIP, name, f"{missing} packs of shipment {name} were not in it")
        return
    due = {x.line.line: x.wanted_on for x in state.lines}
    wanted = [due[line.line] for line in advice.lines if line.line in due]
    day = state.arrives_at(advice).date()
    if wanted and day > min(wanted):
        yield _found(ExceptionKind.DELAY, name, f"shipment {name} comes {(day - min(wanted)).days} days late")


def _of_invoices(state: PurchaseFile) -> Iterator[Finding]:
    for number, verdict in state.judged.items():
        if verdict.mismatch:
            yield _found(
                ExceptionKind.INVOICE_MISMATCH, f"invoice/{number}", f"invoice {number}: {'; '.join(verdict.reasons)}"
            )


def _found(kind: ExceptionKind, subject: str, summary: str) -> Finding:
    return Finding(kind=kind, subject=subject, summary=summary)
