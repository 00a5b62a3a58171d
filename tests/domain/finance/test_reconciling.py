"""What a difference between two books is: under way, missing, twice, another number, or an unknown item."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.finance.naming import UnderWay
from domain.finance.reconciliation import (
    KnownFigures,
    LedgerMovement,
    OurOrder,
    Patience,
    accounts,
    effects,
    expected_status,
    judged,
    orders,
    rolled_up,
    stock,
)
from schemas.base import System
from schemas.finance.reconciliation import Difference, DifferenceClass, DifferenceState
from schemas.inventory.stock import Figure
from schemas.orders.release import OrderStatus

A, WAY = ("A", "site:LYS"), ("A", "transit:DN-1")
OURS = {A: 60, ("B", "site:LYS"): 5}
KNOWN = KnownFigures({}, {}, frozenset({"A", "B"}))
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def one(theirs: int | None, known: KnownFigures = KNOWN, system: System = System.ERP) -> Difference:
    """The difference that a system makes whose books say so much of A."""
    found = {("B", "site:LYS"): 5, **({} if theirs is None else {A: theirs})}
    comparison = stock(system, OURS, found, known)
    assert comparison.compared == 2
    [difference] = comparison.differences
    return difference


def test_buckets_of_a_site_are_one_and_customers_are_nobodys() -> None:
    figures = {
        "on_hand:LYS": 50,
        "allocated:LYS": 7,
        "returns:LYS": 2,
        "blocked:LYS": 1,
        "transit:DN-1": 4,
        "customer:": 9,
    }
    rolled = rolled_up(Figure(place=place, item="A", packs=packs) for place, packs in figures.items())
    assert rolled == {A: 60, WAY: 4}


def test_equal_books_have_no_difference() -> None:
    assert stock(System.WMS, OURS, dict(OURS), KNOWN).differences == ()


@pytest.mark.parametrize(
    ("under_way", "kind"),
    [
        ((UnderWay(40, "effect x"),), DifferenceClass.TIMING),
        ((UnderWay(30, "effect x"), UnderWay(10, "effect y")), DifferenceClass.TIMING),
        ((UnderWay(55, "message 7 (quarantined)", at_most=True),), DifferenceClass.TIMING),
        ((UnderWay(30, "effect x"), UnderWay(10, "message 7", at_most=True)), DifferenceClass.TIMING),
        ((UnderWay(39, "message 7 (quarantined)", at_most=True),), DifferenceClass.QUANTITY),
        ((UnderWay(-55, "message 7 (quarantined)", at_most=True),), DifferenceClass.QUANTITY),
        ((UnderWay(39, "effect x"),), DifferenceClass.QUANTITY),
    ],
)
def test_what_is_under_way_explains_what_it_adds_up_to(under_way: tuple[UnderWay, ...], kind: DifferenceClass) -> None:
    found = one(100, KNOWN._replace(under_way={A: under_way}))
    assert (found.kind, found.ours, found.theirs) == (kind, "60", "100")
    assert found.explained_by == (", ".join(x.by for x in under_way) if kind is DifferenceClass.TIMING else "")


def test_what_has_just_moved_may_be_two_looks_at_different_times() -> None:
    found = one(61, KNOWN._replace(moved={A: (LedgerMovement("SO-1/v3", -40, True),)}))
    assert (found.kind, found.explained_by) == (DifferenceClass.TIMING, "just moved: SO-1/v3")


@pytest.mark.parametrize(
    ("theirs", "kind"),
    [(100, DifferenceClass.MISSING), (20, DifferenceClass.DUPLICATE), (59, DifferenceClass.QUANTITY)],
)
def test_a_movement_that_is_missing_or_there_twice_is_named(theirs: int, kind: DifferenceClass) -> None:
    found = one(theirs, KNOWN._replace(moved={A: (LedgerMovement("SO-1/v3", -40, False),)}))
    assert found.kind is kind
    assert ("SO-1/v3" in found.proposal) == (kind is not DifferenceClass.QUANTITY)


def test_an_item_that_one_side_does_not_know_is_master_data() -> None:
    assert one(None).kind is DifferenceClass.MASTER_DATA
    [theirs_only] = stock(System.WMS, OURS, {**OURS, ("C", "site:LYS"): 1}, KNOWN).differences
    assert (theirs_only.kind, theirs_only.ours, theirs_only.owner) == (DifferenceClass.MASTER_DATA, "", "erp")


@pytest.mark.parametrize("system", [System.WMS, System.ERP, System.PLANNING])
def test_the_warehouse_owns_what_is_at_its_site_whoever_differs(system: System) -> None:
    found = one(59, system=system)
    assert (found.owner, found.proposal) == ("wms", "count A at LYS: 60 or 59 packs; then report an adjustment")


def test_the_transport_desk_is_asked_about_goods_on_the_way() -> None:
    way = {("A", "transit:DN-2"): 1}
    [lost] = [
        x for x in stock(System.ERP, {**OURS, WAY: 3}, {**OURS, WAY: 2, **way}, KNOWN).differences if "DN-1" in x.place
    ]
    assert (lost.owner, lost.kind) == ("tms", DifferenceClass.QUANTITY)


def test_orders_differ_by_what_was_not_told_or_taken_in() -> None:
    ours = {
        "1": OurOrder("shipped", (), False),
        "2": OurOrder("shipped", ("erp/2/shipped",), False),
        "3": OurOrder("shipped", (), True),
        "4": OurOrder("shipped", (), False),
        "7": OurOrder("delivered", (), False),
    }
    theirs = {"1": "shipped", "2": "promised", "3": "promised", "5": "open", "6": "promised", "7": "closed"}
    found = {x.subject: x for x in orders(ours, theirs, {"6": "message 8 (quarantined)"}).differences}
    assert {subject: (x.kind, x.explained_by) for subject, x in found.items()} == {
        "order 2": (DifferenceClass.TIMING, "erp/2/shipped"),
        "order 3": (DifferenceClass.TIMING, "it has just changed"),
        "order 4": (DifferenceClass.MISSING, ""),
        "order 5": (DifferenceClass.MISSING, ""),
        "order 6": (DifferenceClass.TIMING, "message 8 (quarantined)"),
    }
    assert {x.owner for x in found.values()} == {"erp"}


@pytest.mark.parametrize(
    ("status", "told", "expected"),
    [
        (OrderStatus.ALLOCATED, [], OrderStatus.PROMISED),
        (OrderStatus.OUT_FOR_DELIVERY, [OrderStatus.SHIPPED, OrderStatus.PICKED], OrderStatus.SHIPPED),
        (OrderStatus.CANCELLED, [OrderStatus.PICKED], OrderStatus.CANCELLED),
    ],
)
def test_an_erp_says_what_it_was_told_last_until_an_order_has_ended(
    status: OrderStatus, told: list[OrderStatus], expected: OrderStatus
) -> None:
    assert expected_status(status, told) is expected


def test_what_is_on_the_way_is_kept_by_shipment_or_by_site() -> None:
    figures = {"in_transit:LYS": 4, "in_transit:": 3, "transit:DN-1": 2}
    rolled = rolled_up(Figure(place=place, item="A", packs=packs) for place, packs in figures.items())
    assert rolled == {("A", "in_transit:LYS"): 4, WAY: 2}


def test_effects_at_another_target_are_nobodys_here() -> None:
    assert effects(System.PLANNING, {"ok": True}, ["ok", "other region"], {"other region"}).differences == ()


def test_effects_differ_when_done_twice_never_or_by_nobody() -> None:
    ours = {"ok": True, "lost": True, "twice": True, "owed": False, "answer lost": False}
    found = {
        x.subject: x.kind
        for x in effects(System.WMS, ours, ["ok", "twice", "twice", "answer lost", "alien"]).differences
    }
    assert found == {
        "effect alien": DifferenceClass.DUPLICATE,
        "effect answer lost": DifferenceClass.TIMING,
        "effect lost": DifferenceClass.MISSING,
        "effect twice": DifferenceClass.DUPLICATE,
    }


@pytest.mark.parametrize(
    ("under_way", "age_s", "state"),
    [
        ((), 0, DifferenceState.WAITING),
        ((), 120, DifferenceState.OPEN),
        ((UnderWay(40, "x"),), 3599, DifferenceState.WAITING),
        ((UnderWay(40, "x"),), 3600, DifferenceState.OPEN),
    ],
)
def test_real_ones_are_raised_at_a_second_look_and_explained_ones_when_they_are_stuck(
    under_way: tuple[UnderWay, ...], age_s: int, state: DifferenceState
) -> None:
    found = one(100, KNOWN._replace(under_way={A: under_way}))
    assert judged(found, NOW - timedelta(seconds=age_s), NOW, Patience()) is state


@pytest.mark.parametrize(
    ("theirs", "owed", "kind", "proposal"),
    [
        ("5", (), None, ""),
        ("5.0099", (), None, ""),
        ("4.99", (), "quantity", "check order SO-1 in freight_expense: 5 or 4.99 USD"),
        (None, ("f1",), "timing", "nothing"),
        (None, (), "missing", "post 5 USD to freight_expense of order SO-1"),
        ("10", (), "duplicate", "reverse 5 USD in freight_expense of order SO-1"),
        ("6", (), "quantity", "check order SO-1 in freight_expense: 5 or 6 USD"),
    ],
)
def test_money_of_an_order_is_compared_by_account_and_currency(
    theirs: str | None, owed: tuple[str, ...], kind: str | None, proposal: str
) -> None:
    name, euros = ("SO-1", "freight_expense", "USD"), ("SO-1", "freight_expense", "EUR")
    said = {euros: Decimal(7), **({} if theirs is None else {name: Decimal(theirs)})}
    comparison = accounts({name: Decimal(5), euros: Decimal(7)}, said, {"SO-1": owed})
    assert comparison.compared == 2
    found = [(x.kind, x.owner, x.explained_by, x.proposal[: len(proposal)]) for x in comparison.differences]
    assert found == ([] if kind is None else [(kind, "erp", ", ".join(owed), proposal)])


def test_money_that_nobody_owes_is_to_be_reversed() -> None:
    [found] = accounts({}, {("SO-9", "freight_payable", "USD"): Decimal(-3)}, {}).differences
    assert (found.kind, found.ours, found.theirs) == (DifferenceClass.DUPLICATE, "0", "-3")
