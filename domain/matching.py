"""Invoices against what was ordered, received and accepted, within tolerances: release, or hold and why.

An invoice that only waits for goods is held without a mismatch: it is released when the receipt posts. What was
released is never taken back, and counts first, so that no pack is paid twice, in whatever order invoices come.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from schemas.procurement import Invoice, InvoicedLine, Match, PurchaseLine
from schemas.purchasing import ProcurementPolicy, SettlementDecision


class Invoiced(NamedTuple):
    """What an invoiced line is matched with: its order, packs received and accepted, and whether more will come."""

    ordered: PurchaseLine
    received: int
    accepted: int
    more: bool


class Verdict(NamedTuple):
    """What becomes of an invoice. `mismatch`: people must look; else it is right, or waits for goods."""

    decision: SettlementDecision
    match: Match
    reasons: tuple[str, ...] = ()
    mismatch: bool = False


class _Found(NamedTuple):
    reason: str
    mismatch: bool


def verdicts(
    invoices: Iterable[Invoice],
    lines: Mapping[int, Invoiced],
    currency: str,
    match: Match,
    policy: ProcurementPolicy,
    paid: Iterable[str] = (),
) -> dict[str, Verdict]:
    """What becomes of each invoice, by number. `paid`: those that were released already."""
    released, billed, found = set(paid), Counter[int](), {}
    for invoice in sorted(invoices, key=lambda x: (x.number not in released, x.number)):
        if invoice.number in released:
            found[invoice.number] = Verdict(SettlementDecision.RELEASED, match)
        else:
            wrong = tuple(_wrong(invoice, lines, currency, match, policy, billed))
            decision = SettlementDecision.HELD if wrong else SettlementDecision.RELEASED
            reasons = tuple(x.reason for x in wrong)
            found[invoice.number] = Verdict(decision, match, reasons, any(x.mismatch for x in wrong))
        if found[invoice.number].decision is SettlementDecision.RELEASED:
            billed.update({line.line: line.packs for line in invoice.lines})
    return found


def _wrong(
    invoice: Invoice,
    lines: Mapping[int, Invoiced],
    currency: str,
    match: Match,
    policy: ProcurementPolicy,
    billed: Counter[int],
) -> Iterable[_Found]:
    if invoice.currency != currency:
        yield _Found(f"is in {invoice.currency}, the order in {currency}", mismatch=True)
    for line in invoice.lines:
        known = lines.get(line.line)
        if known is None:
            yield _Found(f"line {line.line} was not ordered", mismatch=True)
            continue
        if not _price_fits(line, known.ordered, policy):
            yield _Found(f"line {line.line}: the price is not the one ordered", mismatch=True)
        yield from _packs(line, known, match, policy, billed[line.line])


def _price_fits(line: InvoicedLine, ordered: PurchaseLine, policy: ProcurementPolicy) -> bool:
    difference = abs(line.unit_price - ordered.unit_price)
    percent = Decimal(str(policy.price_tolerance_percent))
    return difference * 100 <= percent * ordered.unit_price or difference * line.packs <= policy.amount_tolerance


def _packs(
    line: InvoicedLine, known: Invoiced, match: Match, policy: ProcurementPolicy, billed: int
) -> Iterable[_Found]:
    total = billed + line.packs
    surplus = policy.packs_tolerance_percent * known.ordered.packs / 100
    if total > known.ordered.packs + surplus:
        yield _Found(f"line {line.line}: {total} packs invoiced, {known.ordered.packs} ordered", mismatch=True)
    elif match is not Match.TWO_WAY and total > known.received + surplus:
        yield _Found(f"line {line.line}: {total} packs invoiced, {known.received} received", mismatch=not known.more)
    elif match is Match.FOUR_WAY and total > known.accepted + surplus:
        yield _Found(f"line {line.line}: {total} packs invoiced, {known.accepted} accepted", mismatch=not known.more)
