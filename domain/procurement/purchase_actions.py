"""Decisions of people about a purchase order: accept a difference, ask again, give up packs, pay or reject an
invoice, expect none. A decision holds for what it was taken on: another difference is another case."""

from collections import Counter
from collections.abc import Iterator

from domain.procurement.inbound_trouble import CONFIRMED, LINE, REMINDER, LineFinding, findings, mark
from domain.procurement.purchase_order import LineState, PurchaseFile, reported_as, with_changes
from schemas.cases.cases import Finding
from schemas.cases.exceptions import OF_PURCHASES, Action
from schemas.cases.exceptions import ExceptionKind as X
from schemas.ids import CaseKey
from schemas.plurals import counted, with_verb
from schemas.procurement.documents import ConfirmedLine, DespatchAdvice, Invoice
from schemas.procurement.postings import SettlementDecision
from schemas.procurement.purchase_orders import PurchaseDecision
from schemas.workflows.commands import ActionRequest, Command

CARRIED_OUT = OF_PURCHASES | {Action.RETRY, Action.WRITE_OFF}


def refusal(state: PurchaseFile, wish: ActionRequest, refused: int) -> str | None:
    """Why an action cannot be carried out, and what is possible instead. `refused`: effects that the ERP refused."""
    if wish.action not in CARRIED_OUT:
        return f"{wish.action} is for orders: a purchase order can do {', '.join(sorted(CARRIED_OUT))}"
    if state.order is None or state.settled:
        return "nothing is open on this purchase order"
    if wish.id == REMINDER or any(wish.id == decision.id for decision in state.decisions):
        return f"another decision has the id {wish.id}: send yours under an id of its own"
    found: str | None = None
    match wish.action:
        case Action.RETRY if not refused:
            found = "no system has refused anything: what is owed is being retried already"
        case Action.ACCEPT if not _acceptable(state, wish):
            found = "the case has no difference to accept: ask again for what is late, write off what is lost"
        case Action.ASK_AGAIN if state.closed:
            found = "everything has come that will: nothing is left to ask for"
        case Action.WRITE_OFF:
            found = _write_off_refusal(state, wish)
        case Action.RELEASE_INVOICE | Action.REJECT_INVOICE:
            found = _invoice_refusal(state, wish)
        case Action.CLOSE_UNINVOICED if not state.closed:
            found = "goods are still expected: write off what will not come first"
        case Action.CLOSE_UNINVOICED if not state.uninvoiced:
            found = "everything that was accepted is invoiced"
    return found


def decide(state: PurchaseFile, command: Command[ActionRequest]) -> tuple[PurchaseFile, str]:
    """Carry out an action that was not refused, but for a retry; the new state, and what was done in words."""
    wish = command.request
    decision = PurchaseDecision(
        id=wish.id,
        action=wish.action,
        at=command.accepted_at,
        by=command.by,
        revision=state.order.revision if state.order else 1,
        traceparent=command.traceparent,
    )
    match wish.action:
        case Action.ACCEPT:
            decision = _accept(state, wish, decision)
            done = f"{with_verb(len(decision.about), 'difference', 'is', 'are')} accepted"
        case Action.WRITE_OFF:
            decision = _write_off(state, wish, decision)
            done = f"given up: {', '.join(decision.about)}"
        case Action.RELEASE_INVOICE | Action.REJECT_INVOICE:
            invoice = _invoice(state, wish)
            decision = decision.model_copy(update={"invoice": reported_as(invoice) if invoice else ""})
            done = f"invoice {wish.invoice}: {wish.action}"
        case Action.ASK_AGAIN:
            about = tuple(
                sorted({it.subject for it in findings(state) if wish.case in (None, case_of(state, wish, it))})
            )
            decision = decision.model_copy(update={"about": about})
            done = "the supplier is asked again"
        case _:
            done = "no invoice is expected any more"
    return with_changes(state, decisions=(*state.decisions, decision)), done


def case_of(state: PurchaseFile, wish: ActionRequest, finding: Finding) -> str | None:
    """The case that is wished, when a finding is of its kind."""
    case = CaseKey.read(wish.case)
    return wish.case if case and case.kind == finding.kind else None


def _acceptable(state: PurchaseFile, wish: ActionRequest) -> list[Finding]:
    """Differences of the case's kind, of the lines that are named: not what is late, nor what an invoice says, nor what
    a transfer lost."""
    shipments = {advice.shipment for advice in state.advices}
    chosen = {line.line for line in wish.lines}
    found = [it for it in findings(state) if case_of(state, wish, it)]
    return [
        it
        for it in found
        if ((about := LineFinding.read(it.subject)) and (not chosen or about.line in chosen))
        or (it.subject in shipments and not chosen and (it.kind is X.OVER_SHIP or not state.transfer))
    ]


def _accept(state: PurchaseFile, wish: ActionRequest, decision: PurchaseDecision) -> PurchaseDecision:
    agreed, lines = _acceptable(state, wish), {x.line.line: x for x in state.lines}
    wanted, rates = dict[int, int](), {}
    said = {line.line: line for line in state.confirmation.lines} if state.confirmation else {}
    for it in agreed:
        about = LineFinding.read(it.subject)
        if about and about.part == CONFIRMED:
            line = lines[about.line]
            if it.kind is X.INVOICE_MISMATCH:
                rates[line.line.line] = said[line.line.line].rate or line.rate
            elif it.kind in (X.SHORT_SHIP, X.OVER_SHIP) and line.confirmed is not None and not _swapped(said, line):
                wanted[line.line.line] = line.confirmed
        elif about and it.kind in (X.SHORT_SHIP, X.OVER_SHIP):
            line = lines[about.line]
            all_of_it = (
                line.received if it.kind is X.SHORT_SHIP or state.cancelled else max(line.advised, line.received)
            )
            wanted[line.line.line] = max(all_of_it, wanted.get(line.line.line, 0))
        elif it.kind is X.OVER_SHIP:
            for number, count in state.stranded[it.subject].items():
                wanted[number] = max(wanted.get(number, 0), lines[number].received) + count
    return decision.model_copy(
        update={
            "wanted": wanted,
            "prices": {n: rate.price for n, rate in rates.items()},
            "pers": {n: rate.per for n, rate in rates.items() if rate.per != 1},
            "about": tuple(it.subject for it in agreed),
            "agreed": tuple(mark(it) for it in agreed),
        }
    )


def _swapped(said: dict[int, ConfirmedLine], line: LineState) -> bool:
    """Another item is confirmed: the ERP revises the order, and until then nothing less is wanted."""
    confirmed = said.get(line.line.line)
    return confirmed is not None and confirmed.item not in (None, line.line.item)


def open_packs(state: PurchaseFile) -> Counter[int]:
    """Packs of each line that are wanted and have neither come nor left: those can be given up."""
    under_way = sum((state.missing_of(advice) for advice in _on_the_road(state)), Counter[int]())
    return Counter({x.line.line: max(0, x.wanted - x.received - under_way[x.line.line]) for x in state.lines})


def _on_the_road(state: PurchaseFile) -> Iterator[DespatchAdvice]:
    arrived = {receipt.shipment for receipt in state.receipts}
    return (advice for advice in state.advices if advice.shipment not in arrived)


def _short_shipments(state: PurchaseFile) -> tuple[str, ...]:
    """Shipments of a transfer that arrived, but not with all that had left; those that nobody wants any more."""
    arrived, stranded = {receipt.shipment for receipt in state.receipts}, state.stranded
    return tuple(
        x.shipment
        for x in state.advices
        if x.shipment in stranded or (state.transfer and x.shipment in arrived and state.missing_of(x))
    )


def _write_off_refusal(state: PurchaseFile, wish: ActionRequest) -> str | None:
    left = open_packs(state)
    for line in wish.lines:
        if line.quantity > left[line.line]:
            most = counted(left[line.line], "pack")
            return f"line {line.line}: {most} can be given up, the rest has come or is under way"
    if not wish.lines and not left.total() and not _short_shipments(state):
        return "nothing is left to give up: the rest has come or is under way"
    return None


def _write_off(state: PurchaseFile, wish: ActionRequest, decision: PurchaseDecision) -> PurchaseDecision:
    left, lines = open_packs(state), {x.line.line: x for x in state.lines}
    given_up = Counter[int]()
    for said in wish.lines:
        given_up[said.line] += said.quantity
    given_up = given_up or left
    lost = () if wish.lines else _short_shipments(state)
    wanted = {n: max(lines[n].received, lines[n].wanted - count) for n, count in given_up.items() if count}
    about = (*(str(LineFinding(LINE, n)) for n in sorted(wanted)), *lost)
    return decision.model_copy(update={"wanted": wanted, "lost": lost, "about": about})


def _invoice(state: PurchaseFile, wish: ActionRequest) -> Invoice | None:
    return next((x for x in state.invoices if x.number == wish.invoice), None)


def _invoice_refusal(state: PurchaseFile, wish: ActionRequest) -> str | None:
    """People decide on prices. What was not received, or is in another currency, is not paid on anybody's word."""
    invoice = _invoice(state, wish)
    if invoice is None:
        known = ", ".join(x.number for x in state.invoices) or "none"
        return f"invoice: {wish.invoice} is not known, {known} is"
    decision = state.judged[invoice.number].decision
    if decision is not SettlementDecision.HELD:
        return f"invoice {invoice.number} is {decision} already"
    if wish.action is Action.RELEASE_INVOICE:
        verdict = state.judged_with(frozenset({reported_as(invoice)}))[invoice.number]
        if verdict.mismatch:
            why = "; ".join(verdict.reasons)
            return f"only a price can be accepted: {why}. Have it corrected or credited, or reject it"
    return None
