"""A purchase order says the same whatever comes first; money is paid once; packs are conserved."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count, permutations
from random import Random
from typing import Any

import pytest

from domain.procurement import documents, inbound, inbound_effects, inbound_trouble, purchase_actions
from domain.procurement.purchase_order import CAME, PurchaseFile
from schemas.base import Unit
from schemas.cases.exceptions import Action, Chronology, Impossible
from schemas.cases.exceptions import ExceptionKind as X
from schemas.inventory.supply import SupplyKind
from schemas.messaging.effects import Operation
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.procurement.documents import ConfirmedLine, Match, SupplierConfirmation
from schemas.procurement.postings import SettlementDecision
from schemas.procurement.purchase_effects import PurchaseEffect
from schemas.procurement.purchase_orders import PurchaseDocument, PurchaseStatus
from schemas.workflows.commands import ActionRequest, Command
from tests.domain.purchases import (
    DUE,
    NOON,
    OF,
    advised,
    confirmed,
    document,
    invoiced,
    of_own,
    order,
    received,
    reported,
    start,
)
from tests.payloads import posted, said

HELD, RELEASED = SettlementDecision.HELD, SettlementDecision.RELEASED
LATER = NOON + timedelta(days=30)


def taken(
    *news: PurchaseDocument | MilestoneEvent, begun: PurchaseFile | None = None, **policy: Any
) -> tuple[PurchaseFile, list[PurchaseEffect]]:
    """The state after these, one step each, and everything that the ERP was told."""
    state, told = begun or PurchaseFile(start=start(**policy)), list[PurchaseEffect]()
    for it in news:
        before = state
        if isinstance(it, MilestoneEvent):
            state, _ = documents.take_milestone(state, it)
        else:
            state, _ = documents.take(state, it)
        state, effects = inbound_effects.owed(before, state)
        told.extend(effects)
    return state, told


def kinds(state: PurchaseFile) -> set[X]:
    """What is wrong."""
    return {finding.kind for finding in inbound_trouble.findings(state)}


STORY: tuple[PurchaseDocument | MilestoneEvent, ...] = (
    order(),
    order(revision=2, packs=(120, 50)),
    confirmed(),
    confirmed((90, 50), DUE + timedelta(days=1), revision=2),
    advised("S1", l1=60),
    advised("S2", l1=30, l2=50),
    reported(M.DELAYED, "S1", 2, eta=LATER),
    reported(M.DELAYED, "S1", 1, eta=NOON),
    received("G1", "S1", l1=55, damaged=5),
    received("G2", l2=10),
    invoiced("I1", l1=55),
    invoiced("I2", price="11", l2=10),
    invoiced("I2", revision=2, l2=10),
)


@pytest.mark.parametrize("seed", range(300))
def test_any_order_and_any_repetition_says_the_same(seed: int) -> None:
    random, news = Random(seed), list(STORY)
    random.shuffle(news)
    news.extend(random.choices(news, k=4))
    plain, _ = taken(*STORY)
    state, told = taken(*news)
    for view in (inbound.holdings, inbound.supplies, inbound_trouble.findings, inbound_trouble.deadlines):
        assert view(state) == view(plain), view.__name__
    assert state.status is plain.status
    assert {n: v.decision for n, v in state.judged.items()} == {n: v.decision for n, v in plain.judged.items()}
    assert len({effect.key for effect in told}) == len(told), "everything is told once"


@pytest.mark.parametrize("seed", range(200))
def test_no_pack_is_paid_twice_and_none_is_lost(seed: int) -> None:
    """Invoices for more than will ever come, in any order between the receipts."""
    random = Random(seed)
    news = [
        received("G1", l1=40),
        received("G2", l1=60, l2=50),
        *(invoiced(f"I{n}", l1=random.randint(10, 70), l2=random.randint(1, 40)) for n in range(5)),
    ]
    random.shuffle(news)
    state, told = taken(order(), *news)
    paid = Counter[int]()
    freed = {it.number for it in posted(told, Operation.SETTLE_INVOICE) if it.decision is RELEASED}
    for invoice in state.invoices:
        if invoice.number in freed:
            paid.update({line.line: line.packs for line in invoice.lines})
    assert paid[1] <= 100 and paid[2] <= 50
    held, items = inbound.holdings(state), {item for _, item in inbound.holdings(state)}
    assert all(sum(n for (_, x), n in held.items() if x == item) == 0 for item in items)


NOT_ITS_FIRST: tuple[tuple[PurchaseDocument, PurchaseDocument], ...] = (
    (order(), order(packs=(1, 1))),
    (confirmed(), confirmed((1, 1))),
    (advised("S1", l1=60), advised("S1", l1=1)),
    (received("G1", l1=55), received("G1", l1=1)),
    (invoiced("I1", l1=55), invoiced("I1", l1=1)),
)


@pytest.mark.parametrize(("first", "other"), NOT_ITS_FIRST, ids=[documents.said(x)[0] for x, _ in NOT_ITS_FIRST])
@pytest.mark.parametrize("name", ["a", "z"])
def test_what_others_were_told_is_not_exchanged_under_the_same_revision(
    first: PurchaseDocument, other: PurchaseDocument, name: str
) -> None:
    state, _ = taken(order(), first)
    after, superseded = documents.take(state, other.model_copy(update={"id": name}))
    assert after == state and superseded == documents.OTHER
    repeat, superseded = documents.take(state, first.model_copy(update={"id": name}))
    assert repeat == state and superseded == documents.AGAIN


def test_an_invoice_that_was_paid_frees_no_packs_for_another() -> None:
    state, _ = taken(order(), received("G1", l1=100), invoiced("I1", l1=100))
    less = invoiced("I1", l1=1).model_copy(update={"id": "z"})
    state, told = taken(less, invoiced("I2", l1=99), begun=state)
    assert [(it.number, it.decision) for it in posted(told, Operation.SETTLE_INVOICE)] == [("I2", HELD)]


def test_supply_follows_confirmation_then_shipment_then_carrier() -> None:
    def days(state: PurchaseFile) -> dict[str, tuple[int, date]]:
        return {x.key.removeprefix("po/erp-one/4500/"): (x.packs, x.day) for x in inbound.supplies(state)}

    state, _ = taken(order())
    assert days(state) == {"1": (100, DUE), "2": (50, DUE)}
    later = DUE + timedelta(days=3)
    state, _ = taken(confirmed((90, 50), later), begun=state)
    assert days(state) == {"1": (90, later), "2": (50, later)}
    eta = datetime(2026, 5, 18, tzinfo=UTC)
    state, _ = taken(advised("S1", eta, l1=60), begun=state)
    assert days(state) == {"1/S1": (60, eta.date()), "1": (30, later), "2": (50, later)}
    state, _ = taken(reported(M.DELAYED, "S1", 1, eta=LATER), begun=state)
    assert days(state)["1/S1"] == (60, LATER.date())
    state, _ = taken(received("G1", "S1", l1=60), begun=state)
    assert days(state) == {"1/S1": (0, LATER.date()), "1": (30, later), "2": (50, later)}
    state, _ = taken(received("G2", final=True, l1=30), begun=state)
    assert {packs for packs, _ in days(state).values()} == {0}


@pytest.mark.parametrize(
    ("match", "policy", "invoice", "decision", "mismatch"),
    [
        (Match.TWO_WAY, {}, {"l1": 100}, RELEASED, False),
        (Match.TWO_WAY, {}, {"l1": 101}, HELD, True),
        (Match.TWO_WAY, {"packs_tolerance_percent": 1}, {"l1": 101}, RELEASED, False),
        (Match.THREE_WAY, {}, {"l1": 90}, RELEASED, False),
        (Match.THREE_WAY, {}, {"l1": 91}, HELD, False),
        (Match.FOUR_WAY, {}, {"l1": 80}, RELEASED, False),
        (Match.FOUR_WAY, {}, {"l1": 81}, HELD, False),
        (Match.THREE_WAY, {}, {"l1": 90, "price": "10.01"}, HELD, True),
        (Match.THREE_WAY, {"price_tolerance_percent": 0.1}, {"l1": 90, "price": "10.01"}, RELEASED, False),
        (Match.THREE_WAY, {"price_tolerance_percent": 0.1}, {"l1": 90, "price": "10.02"}, HELD, True),
        (Match.THREE_WAY, {"amount_tolerance": "0.9"}, {"l1": 90, "price": "9.99"}, RELEASED, False),
        (Match.THREE_WAY, {"amount_tolerance": "0.89"}, {"l1": 90, "price": "9.99"}, HELD, True),
        (Match.THREE_WAY, {}, {"l1": 90, "currency": "USD"}, HELD, True),
        (Match.THREE_WAY, {}, {"l9": 1}, HELD, True),
    ],
)
def test_tolerances(
    match: Match, policy: dict[str, Any], invoice: dict[str, Any], decision: SettlementDecision, mismatch: bool
) -> None:
    state, _ = taken(order(match=match), received("G1", l1=90, damaged=10), invoiced("I1", **invoice), **policy)
    verdict = state.judged["I1"]
    assert (verdict.decision, verdict.mismatch, verdict.match) == (decision, mismatch, match)


def test_an_invoice_before_the_goods_waits_and_is_released_by_the_receipt() -> None:
    state, told = taken(order(), invoiced("I1", l1=100, l2=50))
    assert X.INVOICE_MISMATCH not in kinds(state)
    state, told = taken(received("G1", l1=100, l2=50), begun=state)
    assert [e.operation for e in told] == [Operation.POST_RECEIPT, Operation.SETTLE_INVOICE]
    assert said(told[1]).message.decision is RELEASED
    assert state.settled and state.status is PurchaseStatus.SETTLED


def test_an_invoice_for_what_will_never_come_is_a_mismatch() -> None:
    state, _ = taken(order(), received("G1", final=True, l1=90, l2=50), invoiced("I1", l1=100, l2=50))
    assert kinds(state) == {X.INVOICE_MISMATCH, X.SHORT_SHIP}
    state, _ = taken(invoiced("I1", revision=2, l1=90, l2=50), begun=state)
    assert state.settled and kinds(state) == set()


@pytest.mark.parametrize(
    ("news", "found"),
    [
        ((), set()),
        ((confirmed(),), set()),
        ((confirmed((90, 50)),), {X.SHORT_SHIP}),
        ((confirmed((110, 50)),), {X.OVER_SHIP}),
        ((confirmed(day=DUE + timedelta(days=1)),), {X.DELAY}),
        ((confirmed(), advised("S1", l1=101)), {X.OVER_SHIP}),
        ((confirmed(), advised("S1", LATER, l1=100)), {X.DELAY}),
        ((confirmed(), advised("S1", l1=100), received("G1", "S1", l1=99)), {X.SHORT_SHIP}),
        ((confirmed(), received("G1", l1=100, damaged=1)), {X.DAMAGE}),
        ((order(2, cancelled=True),), set()),
    ],
)
def test_what_is_wrong_with_it(news: tuple[PurchaseDocument, ...], found: set[X]) -> None:
    state, _ = taken(order(), *news)
    assert kinds(state) == found


def test_deadlines_pass_one_after_the_other_and_end_with_what_was_awaited() -> None:
    state, _ = taken(order())
    due = inbound_trouble.next_deadline(state)
    assert due and due.awaited == "the supplier's confirmation"
    state = inbound_trouble.pass_time(state, due.at)
    assert kinds(state) == {X.MISSING_ACK}
    state, _ = taken(confirmed(), begun=state)
    assert kinds(state) == set()
    due = inbound_trouble.next_deadline(state)
    assert due and due.awaited == "the advance ship notice" and due.at.date() == DUE - timedelta(days=1)
    state = inbound_trouble.pass_time(state, due.at)
    assert kinds(state) == {X.DELAY}
    state, _ = taken(advised("S1", datetime(2026, 5, 19, 12, tzinfo=UTC), l1=100, l2=50), begun=state)
    due = inbound_trouble.next_deadline(state)
    assert kinds(state) == set() and due and due.awaited == "the receipt of S1"


def test_a_receipt_that_does_not_come_is_a_delay() -> None:
    state, _ = taken(order(), confirmed(), advised("S1", l1=100, l2=50))
    due = inbound_trouble.next_deadline(state)
    assert due and due.awaited == "the receipt of S1" and due.at == NOON + timedelta(days=7)
    state = inbound_trouble.pass_time(state, due.at)
    assert kinds(state) == {X.DELAY}
    state, _ = taken(received("G1", "S1", l1=100, l2=50), begun=state)
    assert kinds(state) == set() and state.closed and not state.settled


def test_goods_move_from_the_supplier_over_the_road_to_the_site() -> None:
    def places(state: PurchaseFile) -> dict[str, int]:
        return {place: packs for (place, item), packs in inbound.holdings(state).items() if item == "A" and packs}

    state, _ = taken(order(), advised("S1", l1=60))
    assert places(state) == {"supplier:acme": -60, "transit:S1": 60}
    state, _ = taken(received("G1", "S1", l1=50, damaged=5), begun=state)
    assert places(state) == {"supplier:acme": -60, "transit:S1": 10, "on_hand:LYS": 45, "blocked:LYS": 5}
    state, _ = taken(order(2, cancelled=True), begun=state)
    assert places(state) == {"supplier:acme": -50, "on_hand:LYS": 45, "blocked:LYS": 5}


def wish(action: Action, kind: str = "", **fields: Any) -> Command[ActionRequest]:
    """Somebody of support acts, for the case of a kind."""
    case = f"erp-one/po:4500/{kind}/1" if kind else None
    number = next(_wishes)
    request = ActionRequest(id=f"w-{number}", reason="because", action=action, case=case, **fields)
    return Command[ActionRequest](request=request, by="ann", inbox_id=number, accepted_at=NOON)


def acted(state: PurchaseFile, asked: Command[ActionRequest]) -> tuple[PurchaseFile, list[PurchaseEffect]]:
    """The state after an action that must be possible, and what others were told."""
    assert purchase_actions.refusal(state, asked.request, 0) is None
    after, _ = purchase_actions.decide(state, asked)
    after, effects = inbound_effects.owed(state, after)
    return after, list(effects)


_wishes = count(1)


def test_what_was_confirmed_short_can_be_accepted_and_is_then_all_that_is_wanted() -> None:
    state, _ = taken(order(), confirmed((90, 50)))
    state, told = acted(state, wish(Action.ACCEPT, "short_ship"))
    assert kinds(state) == set()
    [report] = posted(told, Operation.REPORT_DECISION)
    assert [(line.line, line.packs) for line in report.lines] == [(1, 90)]
    assert sum(x.packs for x in inbound.supplies(state)) == 140
    state, _ = taken(received("G1", l1=90, l2=50), begun=state)
    assert state.closed and kinds(state) == set()
    state, _ = taken(confirmed((80, 50), revision=2), begun=taken(order(), confirmed((90, 50)))[0])
    assert kinds(state) == {X.SHORT_SHIP}, "another difference is another case"


def test_a_revision_of_the_erp_ends_what_was_agreed_before() -> None:
    state, _ = taken(order(), confirmed((90, 50)))
    state, _ = acted(state, wish(Action.ACCEPT, "short_ship"))
    state, _ = taken(order(revision=2, packs=(120, 50)), begun=state)
    assert [x.wanted for x in state.lines] == [120, 50]
    assert kinds(state) == {X.SHORT_SHIP}


def test_a_delay_can_be_accepted_and_what_is_late_cannot() -> None:
    state, _ = taken(order(), confirmed(day=DUE + timedelta(days=2)))
    state, told = acted(state, wish(Action.ACCEPT, "delay", lines=(ShippedLine(line=2, quantity=50),)))
    assert [finding.subject for finding in inbound_trouble.findings(state)] == ["confirmed/1"]
    assert said(told[0]).message.about == ("confirmed/2",)
    state, _ = taken(order())
    state = inbound_trouble.pass_time(state, LATER)
    assert purchase_actions.refusal(state, wish(Action.ACCEPT, "missing_ack").request, 0)


def test_another_item_or_price_is_a_difference_and_counts_nothing_until_it_is_agreed() -> None:
    def answer(**said: Any) -> PurchaseDocument:
        lines = (ConfirmedLine(line=1, packs=100, day=DUE, **said), ConfirmedLine(line=2, packs=50, day=DUE))
        return document("answer", confirmation=SupplierConfirmation(**OF, lines=lines))

    state, told = taken(order(), answer(item="C"))
    assert kinds(state) == {X.SHORT_SHIP} and sum(x.packs for x in inbound.supplies(state)) == 50
    assert said(told[0]).message.differences[0].item == "C"
    state, _ = acted(state, wish(Action.ACCEPT, "short_ship"))
    assert kinds(state) == set() and [x.wanted for x in state.lines] == [100, 50], "the ERP revises the order"

    state, _ = taken(order(), answer(unit_price=Decimal("10.5")), received("G1", l1=100, l2=50))
    state, _ = taken(order(), answer(unit_price=Decimal("10.5")))
    assert kinds(state) == {X.INVOICE_MISMATCH}
    state, told = acted(state, wish(Action.ACCEPT, "invoice_mismatch"))
    assert said(told[0]).message.lines[0].unit_price == Decimal("10.5")
    state, _ = taken(received("G1", l1=100, l2=50), invoiced("I1", "10.5", l1=100), begun=state)
    assert state.judged["I1"].decision is RELEASED


def test_a_silent_supplier_is_reminded_once_and_asked_again_by_people() -> None:
    state, _ = taken(order())
    first = inbound_trouble.next_deadline(state)
    assert first
    late = inbound_trouble.pass_time(state, first.at)
    _, told = inbound_effects.owed(state, late)
    assert [it.action for it in posted(told, Operation.REPORT_DECISION)] == [Action.ASK_AGAIN]
    later = inbound_trouble.pass_time(late, first.at + timedelta(hours=1))
    assert inbound_effects.owed(late, later)[1] == () and kinds(later) == {X.MISSING_ACK}
    asked = wish(Action.ASK_AGAIN, "missing_ack").model_copy(update={"accepted_at": first.at + timedelta(hours=2)})
    again, told_again = acted(later, asked)
    assert said(told_again[0]).message.about == ("the supplier's confirmation",)
    due = inbound_trouble.next_deadline(again)
    assert kinds(again) == set() and due and due.at == first.at + timedelta(days=2, hours=2)
    assert kinds(inbound_trouble.pass_time(again, due.at)) == {X.MISSING_ACK}


def test_the_rest_of_a_line_can_be_given_up_but_not_what_is_under_way() -> None:
    state, _ = taken(order(), confirmed(), advised("S1", l1=60), received("G0", l2=50))
    too_many = wish(Action.WRITE_OFF, lines=(ShippedLine(line=1, quantity=41),))
    assert "40 packs can be given up" in (purchase_actions.refusal(state, too_many.request, 0) or "")
    state, told = acted(state, wish(Action.WRITE_OFF))
    assert [(x.line, x.packs) for x in said(told[0]).message.lines] == [(1, 60)]
    assert sum(x.packs for x in inbound.supplies(state)) == 60 and not state.closed
    state, _ = taken(received("G1", "S1", l1=60), begun=state)
    assert state.closed and kinds(state) == set()


def test_goods_that_nobody_invoices_are_a_case_after_a_while_until_no_invoice_is_expected() -> None:
    state, _ = taken(order(), received("G1", l1=100, l2=50), invoiced("I1", l1=100), invoice_within_s=3600)
    due = inbound_trouble.next_deadline(state)
    assert due and due.at == NOON + timedelta(hours=1) and not state.settled
    state = inbound_trouble.pass_time(state, due.at)
    assert kinds(state) == {X.INVOICE_MISMATCH}
    state, told = acted(state, wish(Action.CLOSE_UNINVOICED, "invoice_mismatch"))
    assert state.settled and [it.action for it in posted(told, Operation.REPORT_DECISION)] == [Action.CLOSE_UNINVOICED]
    waiting, _ = taken(order())
    assert "still expected" in (purchase_actions.refusal(waiting, wish(Action.CLOSE_UNINVOICED).request, 0) or "")


def test_people_accept_a_price_and_nothing_else_of_an_invoice() -> None:
    state, _ = taken(order(), received("G1", l1=100, l2=50), invoiced("I1", "11", l1=100, l2=50))
    state, told = acted(state, wish(Action.RELEASE_INVOICE, "invoice_mismatch", invoice="I1"))
    assert [it.decision for it in posted(told, Operation.SETTLE_INVOICE)] == [RELEASED] and state.settled
    for wrong in (invoiced("I1", "11", l1=101), invoiced("I1", currency="USD", l1=1), invoiced("I1", l9=1)):
        state, _ = taken(order(), received("G1", final=True, l1=100, l2=50), wrong)
        asked = wish(Action.RELEASE_INVOICE, invoice="I1").request
        assert "only a price can be accepted" in (purchase_actions.refusal(state, asked, 0) or "")
    assert "is not known" in (
        purchase_actions.refusal(state, wish(Action.RELEASE_INVOICE, invoice="I9").request, 0) or ""
    )


def test_a_rejected_invoice_is_never_paid_and_a_new_one_is() -> None:
    state, _ = taken(order(), received("G1", l1=100, l2=50), invoiced("I1", "11", l1=100, l2=50))
    state, told = acted(state, wish(Action.REJECT_INVOICE, invoice="I1"))
    assert [it.decision for it in posted(told, Operation.SETTLE_INVOICE)] == [SettlementDecision.REJECTED]
    assert kinds(state) == set() and not state.settled
    state, told = taken(invoiced("I2", l1=100, l2=50), begun=state)
    assert said(told[0]).message.decision is RELEASED and state.settled


def credit(number: str, of: str, price: str = "10", revision: int = 1, **lines: int) -> PurchaseDocument:
    """A credit note on packs of an invoice."""
    note = invoiced(number, price, revision, "EUR", **lines)
    assert note.invoice
    return note.model_copy(update={"invoice": note.invoice.model_copy(update={"credits": of})})


def test_a_credit_note_counts_against_its_invoice_and_waits_for_it() -> None:
    state, _ = taken(order(), received("G1", final=True, l1=90, l2=50), credit("C1", "I1", l1=10))
    assert state.judged["C1"].decision is HELD
    state, told = taken(invoiced("I1", l1=100, l2=50), begun=state)
    paid = {it.number: it.amount for it in posted(told, Operation.SETTLE_INVOICE)}
    assert paid == {"I1": Decimal(1500), "C1": Decimal(-100)} and state.settled
    for wrong in (credit("C1", "I1", l1=101), credit("C1", "I1", "9", l1=10), credit("C1", "C1", l1=1)):
        state, _ = taken(order(), received("G1", final=True, l1=90, l2=50), invoiced("I1", l1=100, l2=50), wrong)
        assert {x.decision for x in state.judged.values()} == {HELD}
        assert kinds(state) == {X.SHORT_SHIP, X.INVOICE_MISMATCH}


def test_too_many_credit_notes_free_no_invoice() -> None:
    notes = (credit("C1", "I1", l1=60), credit("C2", "I1", l1=60))
    state, _ = taken(order(), received("G1", final=True, l1=40), *notes, invoiced("I1", l1=100))
    assert {x.decision for x in state.judged.values()} == {HELD}


def test_another_unit_of_measure_is_a_mismatch() -> None:
    bill = invoiced("I1", l1=100)
    assert bill.invoice
    line = bill.invoice.lines[0].model_copy(update={"unit": Unit.EACH})
    bill = bill.model_copy(update={"invoice": bill.invoice.model_copy(update={"lines": (line,)})})
    state, _ = taken(order(), received("G1", l1=100), bill)
    assert state.judged["I1"].mismatch


def test_packs_pass_within_a_number_or_a_percentage() -> None:
    for packs, decision in ((102, RELEASED), (103, HELD)):
        state, _ = taken(order(), received("G1", l1=100), invoiced("I1", l1=packs), packs_tolerance=2)
        assert state.judged["I1"].decision is decision
    assert kinds(taken(order(), received("G1", l1=102), packs_tolerance=2)[0]) == set()
    assert X.OVER_SHIP in kinds(taken(order(), received("G1", l1=103), packs_tolerance=2)[0])


@pytest.mark.parametrize("match", Match)
@pytest.mark.parametrize("seed", range(60))
def test_never_more_is_paid_than_was_accepted(match: Match, seed: int) -> None:
    """Invoices, corrections, credit notes, receipts and people's words, in any order."""
    random = Random(seed)
    news = [
        received("G1", l1=random.randint(1, 60), damaged=random.randint(0, 1)),
        received("G2", final=random.random() < 0.5, l1=random.randint(1, 60), l2=random.randint(1, 60)),
    ]
    for n in range(4):
        news.append(invoiced(f"I{n}", random.choice(("10", "11")), l1=random.randint(1, 70), l2=random.randint(1, 40)))
    news.extend(credit(f"C{n}", f"I{n}", random.choice(("10", "11")), l1=random.randint(1, 40)) for n in range(3))
    random.shuffle(news)
    state, told = taken(order(match=match))
    for it in news:
        state, effects = taken(it, begun=state)
        told.extend(effects)
        for action in (Action.RELEASE_INVOICE, Action.REJECT_INVOICE):
            asked = wish(action, invoice=f"I{random.randrange(4)}")
            if random.random() < 0.3 and purchase_actions.refusal(state, asked.request, 0) is None:
                state, effects = acted(state, asked)
                told.extend(effects)
    freed = [it.number for it in posted(told, Operation.SETTLE_INVOICE) if it.decision is RELEASED]
    assert len(freed) == len(set(freed)), "each is paid once"
    paid = Counter[int]()
    for x in state.invoices:
        if x.number in freed:
            for line in x.lines:
                paid[line.line] += -line.packs if x.credits else line.packs
    for y in state.lines:
        limit = {Match.TWO_WAY: y.wanted, Match.THREE_WAY: y.received, Match.FOUR_WAY: y.received - y.damaged}[match]
        assert paid[y.line.line] <= min(limit, y.line.packs)


def transfer(revision: int = 1, **more: Any) -> PurchaseDocument:
    """The same order, from our own site HAM."""
    return of_own(order(revision, **more))


def where(state: PurchaseFile) -> dict[str, int]:
    """Where the packs of item A are."""
    return {place: packs for (place, item), packs in inbound.holdings(state).items() if item == "A" and packs}


def test_a_transfer_moves_from_one_site_over_the_road_to_the_other() -> None:
    state, told = taken(transfer())
    assert [e.operation for e in told] == [Operation.INSTRUCT_TRANSFER]
    assert where(state) == {"on_hand:HAM": -100, "allocated:HAM": 100}
    assert {x.kind for x in inbound.supplies(state)} == {SupplyKind.TRANSFER}
    state, told = taken(advised("S1", l1=60, l2=50), begun=state)
    assert [e.operation for e in told] == [Operation.POST_ISSUE]
    assert where(state) == {"on_hand:HAM": -100, "allocated:HAM": 40, "transit:S1": 60}
    state, _ = taken(received("G1", l1=60, l2=50), begun=state)
    assert where(state) == {"on_hand:HAM": -100, "allocated:HAM": 40, "on_hand:LYS": 60}
    state, told = acted(state, wish(Action.WRITE_OFF))
    assert where(state) == {"on_hand:HAM": -60, "on_hand:LYS": 60}
    [instruction] = posted(told, Operation.INSTRUCT_TRANSFER)
    assert [line.packs for line in instruction.lines] == [60, 50]
    assert state.settled and state.status is PurchaseStatus.SETTLED, "nobody invoices it"


def test_what_a_transfer_lost_stays_on_the_road_until_it_is_given_up() -> None:
    state, _ = taken(transfer(), advised("S1", l1=100, l2=50), received("G1", "S1", final=True, l1=95, l2=50))
    assert where(state) == {"on_hand:HAM": -100, "transit:S1": 5, "on_hand:LYS": 95}
    assert not state.settled and kinds(state) == {X.SHORT_SHIP}
    assert all(x.packs == 0 for x in inbound.supplies(state))
    state, _ = acted(state, wish(Action.WRITE_OFF, "short_ship"))
    assert where(state) == {"on_hand:HAM": -100, "scrap:": 5, "on_hand:LYS": 95} and state.settled


def test_a_cancelled_transfer_is_put_back() -> None:
    state, _ = taken(transfer())
    state, told = taken(transfer(2, cancelled=True), begun=state)
    assert where(state) == {} and state.settled
    [instruction] = posted(told, Operation.INSTRUCT_TRANSFER)
    assert [line.packs for line in instruction.lines] == [0, 0]


LATER_ON = NOON + timedelta(days=1)


def cancelled(plain: PurchaseDocument) -> PurchaseDocument:
    """The order is cancelled after everything that happened at noon."""
    return plain.model_copy(update={"received_at": NOON + timedelta(hours=1)})


def afterwards(receipt: PurchaseDocument) -> PurchaseDocument:
    """A receipt of the next day."""
    body = receipt.receipt and receipt.receipt.model_copy(update={"received_at": LATER_ON})
    return receipt.model_copy(update={"receipt": body})


@pytest.mark.parametrize(("begun", "origin"), [(order(), "supplier:acme"), (transfer(), "on_hand:HAM")])
def test_goods_under_way_of_a_cancelled_order_are_in_transit_until_they_come_or_are_given_up(
    begun: PurchaseDocument, origin: str
) -> None:
    own = begun.order and begun.order.from_site
    end = cancelled(transfer(2, cancelled=True) if own else order(2, cancelled=True))
    state, _ = taken(begun, advised("S1", l1=60, l2=50), end)
    assert where(state) == {origin: -60, "transit:S1": 60}
    assert (state.settled, state.status, kinds(state)) == (False, PurchaseStatus.SHIPPED, {X.OVER_SHIP})
    assert all(x.packs == 0 for x in inbound.supplies(state)), "nobody is promised what nobody wants"
    assert any("S1" in x.awaited for x in inbound_trouble.deadlines(state)), "somebody looks where it stays"
    came, _ = taken(afterwards(received("G1", "S1", l1=60, l2=50)), begun=state)
    assert where(came) == {origin: -60, "on_hand:LYS": 60}
    assert (came.settled, came.status, kinds(came)) == (False, PurchaseStatus.RECEIVED, {X.OVER_SHIP})
    agreed, _ = acted(came, wish(Action.ACCEPT, "over_ship"))
    assert kinds(agreed) == set() and agreed.settled == bool(own), "a supplier is paid for it"
    given_up, _ = acted(state, wish(Action.WRITE_OFF, "over_ship"))
    assert where(given_up) == ({"on_hand:HAM": -60, "scrap:": 60} if own else {})
    assert given_up.settled and given_up.status is PurchaseStatus.CANCELLED


def test_goods_under_way_of_a_cancelled_order_can_be_taken_all_the_same() -> None:
    state, _ = taken(order(), advised("S1", l1=60, l2=50), cancelled(order(2, cancelled=True)))
    state, _ = acted(state, wish(Action.ACCEPT, "over_ship"))
    assert kinds(state) == set() and state.status is PurchaseStatus.SHIPPED
    assert {x.shipment: x.packs for x in inbound.supplies(state) if x.packs and x.item == "A"} == {"S1": 60}
    state, _ = taken(afterwards(received("G1", "S1", l1=60, l2=50)), begun=state)
    assert kinds(state) == set() and state.status is PurchaseStatus.RECEIVED and state.uninvoiced == 110


def test_what_comes_for_a_cancelled_order_without_a_notice_is_a_case_too() -> None:
    state, _ = taken(order(), cancelled(order(2, cancelled=True)))
    assert state.settled
    state, _ = taken(afterwards(received("G1", l1=7)), begun=state)
    assert kinds(state) == {X.OVER_SHIP} and not state.settled
    assert where(state) == {"supplier:acme": -7, "on_hand:LYS": 7}


def test_a_shipment_beyond_what_was_wanted_stays_on_the_road() -> None:
    state, _ = taken(order(), advised("S1", l1=100, l2=50), advised("S2", l1=20), received("G1", "S1", l1=100, l2=50))
    assert where(state) == {"supplier:acme": -120, "transit:S2": 20, "on_hand:LYS": 100}
    other, _ = taken(order(), advised("S1", l1=100, l2=50), received("G1", "S-1", l1=100, l2=50))
    assert where(other) == {"supplier:acme": -100, "on_hand:LYS": 100}, "the receipt has another number for it"


@pytest.mark.parametrize("action", [Action.ASK_AGAIN, Action.WRITE_OFF])
def test_two_decisions_do_not_share_an_id(action: Action) -> None:
    """The ERP is told each under its id: the second would be taken for the first."""
    state, _ = taken(order())
    state, _ = acted(state, wish(Action.ASK_AGAIN))
    for taken_already in (state.decisions[0].id, inbound_trouble.REMINDER):
        again = wish(action).request.model_copy(update={"id": taken_already})
        assert "under an id of its own" in (purchase_actions.refusal(state, again, 0) or "")


def test_an_order_refuses_what_only_a_purchase_can_do() -> None:
    state, _ = taken(order())
    refused = purchase_actions.refusal(state, wish(Action.RE_DATE, promised_on=DUE).request, 0)
    assert refused and refused.startswith("re_date is for orders")
    assert purchase_actions.refusal(state, wish(Action.RETRY).request, 0)
    assert purchase_actions.refusal(state, wish(Action.RETRY).request, 1) is None


def test_documents_of_an_impossible_time_are_flagged_where_policy_takes_them_in() -> None:
    bill = invoiced("I1", l1=10)
    assert bill.invoice is not None
    old = bill.model_copy(update={"invoice": bill.invoice.model_copy(update={"due_on": date(1999, 1, 1)})})
    state, _ = taken(order(), old, chronology=Chronology(before_release=Impossible.FLAG))
    found = [it for it in inbound_trouble.findings(state) if it.kind is X.CHRONOLOGY]
    assert [it.subject for it in found] == ["invoice/I1"]
    assert found[0].summary.startswith("an invoice due on 1999-01-01 is of before the order of")
    assert not any(it.kind is X.CHRONOLOGY for it in inbound_trouble.findings(taken(order(), old)[0]))


def test_a_carrier_that_says_which_report_it_corrects_replaces_it() -> None:
    wrong = reported(M.DELIVERED, "S1", 9)
    right = reported(M.DELIVERED, "S1", 3).model_copy(update={"corrects": wrong.id})
    for told in ((wrong, right), (right, wrong)):
        state = taken(order(), advised("S1", l1=60), *told)[0]
        assert state.milestones[f"{CAME}/S1"] == right


def test_corrections_of_a_carrier_come_to_the_same_end_in_any_order_and_in_a_circle() -> None:
    first, other = reported(M.DELIVERED, "S1", 9), reported(M.DELIVERED, "S1", 5)
    right = reported(M.DELIVERED, "S1", 3).model_copy(update={"corrects": first.id})
    circle = first.model_copy(update={"corrects": right.id})
    for reports, counts in (((first, other, right), right), ((circle, other, right), circle)):
        for told in permutations(reports):
            state = taken(order(), advised("S1", l1=60), *told)[0]
            assert state.milestones[f"{CAME}/S1"] == counts, [it.id for it in told]
            assert documents.take_milestone(state, told[0])[1] == "delivered was reported before" or told[0] == other
