"""What is wrong with a purchase order, and what is waited for until when, as functions of its documents."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from domain.procurement import PurchaseFile, grown, packs
from schemas.cases import Finding
from schemas.exceptions import ExceptionKind
from schemas.procurement import DespatchAdvice, SupplierConfirmation
from schemas.purchasing import Difference


class Deadline(NamedTuple):
    """When a document should have come, and which."""

    at: datetime
    awaited: str
    kind: ExceptionKind


def deadlines(state: PurchaseFile) -> tuple[Deadline, ...]:
    """Every deadline of what has not come."""
    return () if state.order is None or state.closed else tuple(sorted(_deadlines(state)))


def next_deadline(state: PurchaseFile) -> Deadline | None:
    """The first one that has not passed."""
    return next((x for x in deadlines(state) if state.looked_at is None or x.at > state.looked_at), None)


def _deadlines(state: PurchaseFile) -> Iterator[Deadline]:
    policy = state.start.policy
    if state.confirmation is None:
        at = state.start.accepted_at + timedelta(seconds=policy.confirm_within_s)
        yield Deadline(at, "the supplier's confirmation", ExceptionKind.MISSING_ACK)
    unadvised = [x.wanted_on for x in state.lines if max(x.advised, x.received) < coming(x.line.packs, x.confirmed)]
    if unadvised:
        at = datetime.combine(min(unadvised), time(), UTC) - timedelta(seconds=policy.advise_before_s)
        yield Deadline(at, "the advance ship notice", ExceptionKind.DELAY)
    for advice in state.advices:
        if packs(advice.lines) - state.received_of(advice.shipment) and not receipted(state, advice.shipment):
            at = state.arrives_at(advice) + timedelta(seconds=policy.receive_within_s)
            yield Deadline(at, f"the receipt of {advice.shipment}", ExceptionKind.DELAY)


def coming(ordered: int, confirmed: int | None) -> int:
    """Packs of a line that the supplier will bring."""
    return ordered if confirmed is None else confirmed


def receipted(state: PurchaseFile, shipment: str) -> bool:
    """Whether a shipment was received, in full or not."""
    return any(receipt.shipment == shipment for receipt in state.receipts)


def pass_time(state: PurchaseFile, now: datetime) -> PurchaseFile:
    """Deadlines up to now have passed."""
    return grown(state, looked_at=now)


def differences(state: PurchaseFile, confirmation: SupplierConfirmation) -> Iterator[Difference]:
    """What the supplier confirms otherwise than it was ordered."""
    confirmed = {line.line: line for line in confirmation.lines}
    for x in state.lines:
        said = confirmed.get(x.line.line)
        promised, day = (said.packs, said.day) if said else (0, None)
        if promised != x.line.packs or (day and day > x.line.due_on):
            yield Difference(
                line=x.line.line, ordered=x.line.packs, confirmed=promised, due_on=x.line.due_on, confirmed_on=day
            )


def findings(state: PurchaseFile) -> tuple[Finding, ...]:
    """What is wrong with the purchase order now."""
    if state.order is None or state.settled:
        return ()
    return (*_of_documents(state), *_of_invoices(state))


def _of_documents(state: PurchaseFile) -> Iterator[Finding]:
    if not state.closed:
        for x in differences(state, state.confirmation) if state.confirmation else ():
            if x.confirmed != x.ordered:
                kind = ExceptionKind.SHORT_SHIP if x.confirmed < x.ordered else ExceptionKind.OVER_SHIP
                yield _found(
                    kind, f"confirmed/{x.line}", f"{x.confirmed} of {x.ordered} packs of line {x.line} confirmed"
                )
            if x.confirmed_on and x.confirmed_on > x.due_on:
                late = (x.confirmed_on - x.due_on).days
                yield _found(ExceptionKind.DELAY, f"confirmed/{x.line}", f"line {x.line} confirmed {late} days late")
        for deadline in deadlines(state):
            if state.looked_at and deadline.at <= state.looked_at:
                yield _found(deadline.kind, deadline.awaited, f"{deadline.awaited} has not come")
        for advice in state.advices:
            yield from _of_advice(state, advice)
    for y in state.lines:
        most = y.line.packs * (1 + state.start.policy.packs_tolerance_percent / 100)
        if max(y.advised, y.received) > most:
            what = (
                f"{max(y.advised, y.received)} packs of line {y.line.line} came or are coming, {y.line.packs} ordered"
            )
            yield _found(ExceptionKind.OVER_SHIP, f"line/{y.line.line}", what)
        if y.damaged:
            yield _found(
                ExceptionKind.DAMAGE, f"line/{y.line.line}", f"{y.damaged} packs of line {y.line.line} damaged"
            )
        if state.closed and not state.cancelled and y.received < y.line.packs:
            what = f"closed with {y.received} of {y.line.packs} packs of line {y.line.line}"
            yield _found(ExceptionKind.SHORT_SHIP, f"line/{y.line.line}", what)


def _of_advice(state: PurchaseFile, advice: DespatchAdvice) -> Iterator[Finding]:
    name, came = advice.shipment, state.received_of(advice.shipment)
    missing = (packs(advice.lines) - came).total()
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
