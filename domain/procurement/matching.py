"""Invoices against what was ordered, received and accepted, within tolerances: release, hold or reject, and why.

An invoice that only waits for goods is held without a mismatch: it is released when the receipt posts. What was
released is never taken back, and counts first, so that no pack is paid twice, in whatever order invoices come. Credit
notes count against their invoice before it is judged.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from schemas.base import Unit
from schemas.plurals import counted
from schemas.procurement.documents import Invoice, InvoicedLine, Match
from schemas.procurement.postings import SettlementDecision
from schemas.procurement.purchase_orders import ProcurementPolicy
from schemas.procurement.rates import Rate

HELD, RELEASED, REJECTED = SettlementDecision.HELD, SettlementDecision.RELEASED, SettlementDecision.REJECTED


class MatchedLine(NamedTuple):
    """The books' figures for an invoiced line: packs wanted and their rate, packs received and accepted, and whether
    more will come. `ordered`: percentages are of it."""

    ordered: int
    wanted: int
    rate: Rate
    received: int
    accepted: int
    more: bool


class MatchTerms(NamedTuple):
    """The terms of matching an order's invoices. `excused`: invoices whose price people have accepted; `rejected`:
    those that they will not pay."""

    lines: Mapping[int, MatchedLine]
    currency: str
    match: Match
    policy: ProcurementPolicy
    excused: Collection[str] = ()
    rejected: Collection[str] = ()


class InvoiceVerdict(NamedTuple):
    """The verdict on an invoice. `mismatch`: people must look; else it is right, or waits for goods."""

    decision: SettlementDecision
    match: Match
    reasons: tuple[str, ...] = ()
    mismatch: bool = False


class _Found(NamedTuple):
    reason: str
    mismatch: bool


def verdicts(invoices: Iterable[Invoice], terms: MatchTerms, paid: Iterable[str] = ()) -> dict[str, InvoiceVerdict]:
    """The verdict on each invoice and credit note, by number. `paid`: those that were released already."""
    known = {invoice.number: invoice for invoice in invoices}
    released, billed, found = set(paid), Counter[int](), dict[str, InvoiceVerdict]()
    bills = [invoice for invoice in known.values() if not invoice.credits]
    for invoice in sorted(bills, key=lambda x: (x.number not in released, x.number)):
        net = packs_of(invoice) - credited(invoice, known.values(), terms)
        if invoice.number in released:
            wrong: tuple[_Found, ...] = ()
        elif invoice.number in terms.rejected:
            found[invoice.number] = InvoiceVerdict(REJECTED, terms.match, ("it was rejected",))
            continue
        else:
            wrong = tuple(_wrong(invoice, net, terms, billed))
        found[invoice.number] = _verdict(wrong, terms)
        if not wrong:
            billed.update(net)
    for note in known.values():
        if note.credits:
            found[note.number] = _of_credit(note, known, found, terms, released)
    return found


def packs(lines: Iterable[Any]) -> Counter[int]:
    """Packs of each line."""
    found = Counter[int]()
    for line in lines:
        found[line.line] += line.packs
    return found


def packs_of(invoice: Invoice) -> Counter[int]:
    """Packs of each line that an invoice, or a credit note, names."""
    return Counter({line.line: line.packs for line in invoice.lines})


def credited(invoice: Invoice, known: Iterable[Invoice], terms: MatchTerms) -> Counter[int]:
    """Packs of an invoice that credit notes take back; none when they would take back more than there are."""
    total = _taken_back(invoice, known, terms)
    return Counter() if total - packs_of(invoice) else total


def _taken_back(invoice: Invoice, known: Iterable[Invoice], terms: MatchTerms) -> Counter[int]:
    notes = (x for x in known if x.credits == invoice.number and x.number not in terms.rejected)
    return sum((packs_of(x) for x in notes if not _odd(x, invoice)), Counter[int]())


def _odd(note: Invoice, invoice: Invoice) -> str:
    """Why a credit note does not belong to its invoice."""
    billed = {line.line: line for line in invoice.lines}
    if note.currency != invoice.currency:
        return f"is in {note.currency}, invoice {invoice.number} in {invoice.currency}"
    for line in note.lines:
        if line.line not in billed or line.packs > billed[line.line].packs:
            return f"line {line.line}: {counted(line.packs, 'pack')} credited, invoice {invoice.number} has less"
        if line.rate.exact != billed[line.line].rate.exact:
            return f"line {line.line}: the price is not that of invoice {invoice.number}"
    return ""


def _of_credit(
    note: Invoice,
    known: Mapping[str, Invoice],
    found: Mapping[str, InvoiceVerdict],
    terms: MatchTerms,
    released: Collection[str],
) -> InvoiceVerdict:
    """A credit note is worked in with its invoice, and waits for that."""
    invoice = known.get(note.credits or "")
    if note.number in released:
        return InvoiceVerdict(RELEASED, terms.match)
    if note.number in terms.rejected:
        return InvoiceVerdict(REJECTED, terms.match, ("it was rejected",))
    if invoice is None or invoice.credits:
        waits = any(line.more for line in terms.lines.values())
        return _verdict((_Found(f"invoice {note.credits} is not known", mismatch=not waits),), terms)
    odd = _odd(note, invoice)
    if not odd and _taken_back(invoice, known.values(), terms) - packs_of(invoice):
        odd = f"more is credited than invoice {invoice.number} has"
    if odd or found[invoice.number].decision is REJECTED:
        return _verdict((_Found(odd or f"invoice {invoice.number} was rejected", mismatch=True),), terms)
    if found[invoice.number].decision is HELD:
        return _verdict((_Found(f"waits for invoice {invoice.number}", mismatch=False),), terms)
    return InvoiceVerdict(RELEASED, terms.match)


def _verdict(wrong: tuple[_Found, ...], terms: MatchTerms) -> InvoiceVerdict:
    reasons = tuple(x.reason for x in wrong)
    return InvoiceVerdict(HELD if wrong else RELEASED, terms.match, reasons, any(x.mismatch for x in wrong))


def _wrong(invoice: Invoice, net: Counter[int], terms: MatchTerms, billed: Counter[int]) -> Iterable[_Found]:
    if invoice.currency != terms.currency:
        yield _Found(f"is in {invoice.currency}, the order in {terms.currency}", mismatch=True)
    for line in invoice.lines:
        known = terms.lines.get(line.line)
        if known is None:
            yield _Found(f"line {line.line} was not ordered", mismatch=True)
            continue
        if line.unit is not Unit.PACK:
            yield _Found(f"line {line.line}: is invoiced in {line.unit}, ordered in packs", mismatch=True)
        if invoice.number not in terms.excused and not _price_fits(line, known.rate.exact, terms.policy):
            yield _Found(f"line {line.line}: the price is not the one ordered", mismatch=True)
        yield from _packs(line.line, known, terms, billed[line.line] + net[line.line])


def _price_fits(line: InvoicedLine, price: Fraction, policy: ProcurementPolicy) -> bool:
    difference = abs(line.rate.exact - price)
    percent = Fraction(str(policy.price_tolerance_percent))
    return difference * 100 <= percent * price or difference * line.packs <= Fraction(policy.amount_tolerance)


def surplus(ordered: int, policy: ProcurementPolicy) -> float:
    """Packs of a line that may be too many."""
    return max(policy.packs_tolerance_percent * ordered / 100, policy.packs_tolerance)


def _packs(line: int, known: MatchedLine, terms: MatchTerms, total: int) -> Iterable[_Found]:
    spare, what = surplus(known.ordered, terms.policy), f"line {line}: {counted(total, 'pack')} invoiced"
    if total > known.wanted + spare:
        yield _Found(f"{what}, {known.wanted:,} ordered", mismatch=True)
    elif terms.match is not Match.TWO_WAY and total > known.received + spare:
        yield _Found(f"{what}, {known.received:,} received", mismatch=not known.more)
    elif terms.match is Match.FOUR_WAY and total > known.accepted + spare:
        yield _Found(f"{what}, {known.accepted:,} accepted", mismatch=not known.more)
