"""A purchase order says the same whatever comes first; money is paid once; packs are conserved."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from domain import inbound, inbound_trouble, procurement
from domain.procurement import PurchaseFile
from schemas.effects import Operation
from schemas.exceptions import ExceptionKind as X
from schemas.milestones import MilestoneEvent
from schemas.milestones import MilestoneKind as M
from schemas.procurement import Match
from schemas.purchasing import PurchaseDocument, PurchaseEffect, PurchaseStatus, SettlementDecision
from tests.domain.purchases import (
    DUE,
    NOON,
    advised,
    confirmed,
    invoiced,
    order,
    received,
    reported,
    start,
)

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
            state, _ = procurement.take_milestone(state, it)
        else:
            state, _ = procurement.take(state, it)
        state, effects = inbound.owed(before, state)
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
    freed = {e.settlement.number for e in told if e.settlement and e.settlement.decision is RELEASED}
    for invoice in state.invoices:
        if invoice.number in freed:
            paid.update({line.line: line.packs for line in invoice.lines})
    assert paid[1] <= 100 and paid[2] <= 50
    held, items = inbound.holdings(state), {item for _, item in inbound.holdings(state)}
    assert all(sum(n for (_, x), n in held.items() if x == item) == 0 for item in items)


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
    assert told[1].settlement and told[1].settlement.decision is RELEASED
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
