"""What is wrong with an order: each kind shows, is named by its subject, and goes by itself when it is cured."""

from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from domain.orders import lifecycle
from domain.orders.deadlines import due_by
from domain.orders.findings import findings
from domain.orders.state import OrderState
from domain.records.record import conditions
from schemas.base import Variant
from schemas.cases.exceptions import Chronology, OrderPolicy
from schemas.cases.exceptions import ExceptionKind as X
from schemas.messaging.effects import ChangeKind, Effect, Operation
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from tests.domain.builders import DUE, FIRST, FULL, NOON, REST, TEN, after, event, kinds, opened, start
from tests.payloads import said

SHIPPED = event(M.SHIPPED, 3, lines=FULL)
DELIVERED = event(M.DELIVERED, 7)
PICKED = event(M.PICKED, 1, lines=FULL)
OVER = (ShippedLine(line=1, quantity=45), FULL[1])


class Trouble(NamedTuple):
    """What shows a kind of trouble about a subject, and what cures it."""

    kind: X
    subject: str
    shown: tuple[MilestoneEvent, ...]
    cured: tuple[MilestoneEvent, ...]


def reported(kind: X | None, cured: M = M.CLEARED) -> Trouble:
    shown = (SHIPPED, event(M.EXCEPTION, 4, cause=kind, reason="says the carrier"))
    return Trouble(kind or X.UNKNOWN_CODE, "DN-1", shown, (event(cured, 5, cause=kind),))


TROUBLES = [
    Trouble(
        X.DELAY,
        "major",
        (SHIPPED, event(M.DELAYED, 4, eta=NOON + timedelta(days=20))),
        (event(M.DELAYED, 5, eta=NOON + timedelta(days=9), name="better"),),
    ),
    Trouble(
        X.SHORT_SHIP,
        "line 2",
        (PICKED, event(M.SHIPPED, 3, lines=FIRST)),
        (event(M.SHIPPED, 5, shipment="DN-2", lines=REST),),
    ),
    Trouble(
        X.OVER_SHIP,
        "line 1",
        (event(M.SHIPPED, 3, lines=OVER),),
        (event(M.DELIVERED, 5, lines=FULL), event(M.SHIPPED, 4, lines=FULL, name="corrected")),
    ),
    Trouble(
        X.PICK_STOCKOUT,
        "src#.short_picked",
        (event(M.SHORT_PICKED, 1, shipment="", lines=TEN),),
        (PICKED,),
    ),
    Trouble(
        X.POD_MISMATCH,
        "DN-1 line 1",
        (SHIPPED, event(M.DELIVERED, 7, lines=(TEN[0], FULL[1]))),
        (event(M.DELIVERED, 8, lines=FULL, name="corrected"),),
    ),
    Trouble(
        X.TENDER_REJECT,
        "tender",
        (event(M.TENDER_REJECTED, 1, shipment="", carrier="c-1"),),
        (event(M.TENDER_ACCEPTED, 2, shipment="", carrier="c-2"),),
    ),
    *(reported(kind) for kind in (X.DAMAGE, X.ADDRESS, X.CUSTOMS, X.TEMPERATURE, X.OVER_SHIP)),
    *(reported(kind, M.DELIVERED) for kind in (X.ADDRESS, X.CUSTOMS)),
]
ALONE = OrderPolicy(on_shortage=(), tender_limit=1)


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda it: f"{it.kind}-{it.cured[-1].kind}")
def test_each_kind_shows_and_is_cured_by_itself(trouble: Trouble) -> None:
    before = opened(policy=ALONE)
    assert kinds(before) == {}
    wrong = after(before, *trouble.shown)
    assert kinds(wrong) == {trouble.kind: [trouble.subject]}
    assert kinds(after(wrong, *trouble.cured)) == {}


def test_an_untyped_exception_is_for_the_owner_of_the_interface() -> None:
    state = after(opened(), SHIPPED, event(M.EXCEPTION, 4, reason="?"))
    assert kinds(state) == {X.UNKNOWN_CODE: ["DN-1"]}
    assert conditions(state) == ("exception",)


def test_damage_is_not_cured_by_a_delivery() -> None:
    state = after(opened(), *reported(X.DAMAGE).shown, DELIVERED)
    assert kinds(state) == {X.DAMAGE: ["DN-1"]}


def test_trouble_with_a_consolidated_shipment_or_the_whole_order_ends_with_its_delivery_too() -> None:
    merged = after(
        opened(),
        event(M.SHIPPED, 3, lines=FIRST),
        event(M.SHIPPED, 3, shipment="DN-2", lines=REST),
        event(M.CONSOLIDATED, 4, shipment="DN-M", lines=FULL, merges=("DN-1", "DN-2")),
        event(M.EXCEPTION, 5, shipment="DN-M", cause=X.CUSTOMS),
        event(M.EXCEPTION, 5, shipment="", cause=X.ADDRESS),
    )
    assert kinds(merged) == {X.ADDRESS: ["order"], X.CUSTOMS: ["DN-M"]}
    assert kinds(after(merged, event(M.DELIVERED, 8, shipment="DN-M"))) == {}


def test_of_two_words_on_a_trouble_the_one_said_later_counts() -> None:
    shown = event(M.EXCEPTION, 4, cause=X.DAMAGE)
    over = event(M.CLEARED, 5, cause=X.DAMAGE)
    again = event(M.EXCEPTION, 6, cause=X.DAMAGE, name="again")
    assert kinds(after(opened(), over, shown)) == {}, "the older word arrives later"
    assert kinds(after(opened(), shown, over, again)) == {X.DAMAGE: ["DN-1"]}
    assert kinds(after(opened(), shown, event(M.CLEARED, 5, cause=X.ADDRESS))) == {X.DAMAGE: ["DN-1"]}


def test_nothing_by_the_due_time_is_a_no_scan_until_it_comes() -> None:
    state = opened()
    late = NOON + timedelta(days=30)
    silent = lifecycle.pass_deadlines(state, due_by(state, (), late), late).state
    assert kinds(silent) == {X.NO_SCAN: ["delivery", "pick", "pick-up"]}
    summary = next(f.summary for f in findings(silent) if f.subject == "delivery")
    assert summary == f"no delivery by {DUE + timedelta(days=1):%d %b} 00:59 UTC"
    assert kinds(after(silent, PICKED)) == {X.NO_SCAN: ["delivery", "pick-up"]}
    assert kinds(after(silent, SHIPPED)) == {X.NO_SCAN: ["delivery"]}
    assert kinds(after(silent, SHIPPED, DELIVERED)) == {}


def waiting_effect(state: OrderState) -> Effect[Any]:
    return lifecycle.open_order(state.start).effects[0]


def test_an_effect_that_nobody_acknowledges_is_a_case_until_somebody_does() -> None:
    state = opened()
    waits = (waiting_effect(state),)
    late = NOON + timedelta(minutes=30)
    assert findings(state, waits) == ()
    silent = lifecycle.pass_deadlines(state, due_by(state, waits, late), late).state
    [found] = findings(silent, waits)
    assert (found.kind, found.subject) == (X.MISSING_ACK, "acknowledgement/erp-one/SO-1/instruct_warehouse")
    assert findings(silent) == (), "it has answered"


def test_what_a_system_refuses_is_a_case_until_it_is_tried_again() -> None:
    state = opened()
    refused = lifecycle.refused(state, waiting_effect(state), "wms_api", NOON)
    [found] = findings(refused)
    assert (found.kind, found.subject) == (X.REFUSED_EFFECT, "erp-one/SO-1/instruct_warehouse")
    assert found.summary == "wms refused instruct_warehouse (wms_api)"


def test_of_an_outcome_that_nobody_knows_both_sides_are_shown() -> None:
    state = opened()
    said = "we asked: instruct_warehouse as k; we saw: wms: ReadTimeout"
    [found] = findings(lifecycle.refused(state, waiting_effect(state), "unknown_outcome", NOON, said))
    assert (found.kind, found.subject) == (X.REFUSED_EFFECT, "erp-one/SO-1/instruct_warehouse")
    assert found.summary == f"wms may have done instruct_warehouse: look there before it is tried again; {said}"


def test_an_order_that_replays_the_past_has_no_cases() -> None:
    state = lifecycle.open_order(start(clock="events", policy=ALONE)).state
    for trouble in TROUBLES:
        assert findings(after(state, *trouble.shown)) == ()


def test_findings_are_sorted_and_their_kinds_are_conditions() -> None:
    state = after(
        opened(Variant.DIRECT_DROP),
        SHIPPED,
        event(M.DELAYED, 4, eta=NOON + timedelta(days=20)),
        event(M.EXCEPTION, 4, cause=X.DAMAGE),
        event(M.EXCEPTION, 4, cause=X.CUSTOMS, name="papers"),
    )
    assert list(kinds(state)) == [X.CUSTOMS, X.DAMAGE, X.DELAY]
    assert conditions(state) == ("delayed", "customs", "damage")


# The invoice


Told = tuple[ChangeKind, str, tuple[ShippedLine, ...]]


def held(state: OrderState, *events: MilestoneEvent) -> list[Told]:
    found: list[Told] = []
    for one in events:
        decision = lifecycle.apply(state, one)
        found += [
            (e.topic.change, e.topic.shipment, said(e).lines)
            for e in decision.effects
            if e.topic.change in (ChangeKind.INVOICE_HELD, ChangeKind.INVOICE_RELEASED)
        ]
        state = decision.state
    return found


def test_the_invoice_is_held_for_what_was_not_signed_for_and_released_when_that_is_put_right() -> None:
    thirty = (ShippedLine(line=1, quantity=30),)
    wrong = event(M.DELIVERED, 7, lines=(TEN[0], FULL[1]))
    right = event(M.DELIVERED, 8, lines=FULL, name="corrected")
    hold, free = (ChangeKind.INVOICE_HELD, "DN-1", thirty), (ChangeKind.INVOICE_RELEASED, "DN-1", thirty)
    assert held(opened(), SHIPPED, wrong) == [hold]
    assert held(opened(), wrong, SHIPPED) == [hold], "when both are known"
    assert held(opened(), SHIPPED, wrong, event(M.PROOF_OF_DELIVERY, 8, lines=(TEN[0], FULL[1]))) == [hold], "once"
    assert held(opened(), SHIPPED, wrong, right) == [hold, free]
    assert held(opened(), SHIPPED, event(M.DELIVERED, 7, lines=FULL)) == []
    assert held(opened(), SHIPPED, DELIVERED) == [], "who states nothing disputes nothing"


def test_a_consolidated_delivery_is_compared_with_what_was_merged() -> None:
    parts = (
        event(M.SHIPPED, 3, lines=FIRST),
        event(M.SHIPPED, 3, shipment="DN-2", lines=REST),
        event(M.CONSOLIDATED, 4, shipment="DN-M", lines=FULL, merges=("DN-1", "DN-2")),
    )
    five_less = (FULL[0], ShippedLine(line=2, quantity=55))
    five = (ShippedLine(line=2, quantity=5),)
    assert held(opened(), *parts, event(M.DELIVERED, 7, shipment="DN-M", lines=FULL)) == []
    wrong = event(M.DELIVERED, 7, shipment="DN-M", lines=five_less)
    assert held(opened(), *parts, wrong) == [(ChangeKind.INVOICE_HELD, "DN-M", five)]
    assert kinds(after(opened(), *parts, wrong)) == {X.POD_MISMATCH: ["DN-M line 2"]}


BROKEN = (ShippedLine(line=2, quantity=1),)


def test_damage_of_one_pack_is_told_and_named_as_one_pack() -> None:
    hurt = event(M.EXCEPTION, 4, cause=X.DAMAGE, lines=BROKEN, reason="crushed")
    decision = lifecycle.apply(after(opened(), SHIPPED), hurt)
    assert [said(it).lines for it in decision.effects if it.operation is Operation.REPORT_MILESTONE] == [BROKEN]
    [finding] = findings(decision.state)
    assert finding.summary == "damage of 1 pack of line 2 reported on shipment DN-1: crushed"
    cured = lifecycle.apply(decision.state, event(M.CLEARED, 5, cause=X.DAMAGE))
    assert [said(it).lines for it in cured.effects if it.operation is Operation.REPORT_MILESTONE] == [BROKEN]
    whole = lifecycle.apply(after(opened(), SHIPPED), event(M.EXCEPTION, 4, cause=X.TEMPERATURE))
    assert [said(it).lines for it in whole.effects] == [FULL], "of the shipment, when no line is named"


def test_a_shortage_names_its_lines() -> None:
    short = event(M.SHORT_PICKED, 1, shipment="", lines=(*TEN, *BROKEN), reason="bin is empty")
    [finding] = findings(after(opened(policy=ALONE), short))
    assert finding.summary == "10 packs of line 1 and 1 pack of line 2 short at LYS: bin is empty"


@pytest.mark.parametrize(
    ("reports", "found"),
    [
        ((SHIPPED, event(M.DELIVERED, 2 + 1 / 3)), ["DN-1 delivered"]),
        ((SHIPPED, event(M.DELIVERED, 2.8)), []),
        ((event(M.DELIVERED, 2 + 1 / 3), SHIPPED), ["DN-1 delivered"]),
        ((event(M.SHIPPED, -24 * 365, lines=FULL),), ["DN-1 shipped"]),
        ((event(M.DELIVERED, -30, shipment=""),), ["order delivered"]),
    ],
)
def test_what_cannot_both_be_true_in_time_is_flagged(reports: tuple[MilestoneEvent, ...], found: list[str]) -> None:
    assert kinds(after(opened(), *reports)).get(X.CHRONOLOGY, []) == found
    lenient = OrderPolicy(chronology=Chronology(backwards_s=3600, before_release_s=90 * 86_400))
    allowed = ["DN-1 shipped"] if reports[0].occurred_at < NOON - timedelta(days=90) else []
    assert kinds(after(opened(policy=lenient), *reports)).get(X.CHRONOLOGY, []) == allowed


def test_a_corrected_time_closes_the_finding() -> None:
    odd = event(M.DELIVERED, 1, name="odd")
    right = event(M.DELIVERED, 0.5, name="right", corrects=odd.id)
    later = event(M.DELIVERED, 9, name="later", corrects=odd.id)
    assert X.CHRONOLOGY in kinds(after(opened(), SHIPPED, odd, right))
    assert X.CHRONOLOGY not in kinds(after(opened(), SHIPPED, odd, later))
