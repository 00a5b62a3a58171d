"""Where packs are, as a function of the state: whatever is reported in whatever order, the books follow it."""

from collections import Counter
from itertools import permutations
from typing import Any

from domain.orders import goods
from domain.orders.state import OrderState
from domain.returns import returning
from domain.returns.returning import ReturnFile
from schemas.base import Role, Variant
from schemas.cases.exceptions import Action
from schemas.inventory.stock import entries
from schemas.orders.milestones import Disposition, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import CancelRequest
from schemas.workflows.commands import ActionRequest, Verb
from schemas.workflows.returns import ReturnStart
from tests.domain.builders import FIRST, FULL, NOON, REST, after, done, event, opened

ALLOCATED, PICKED = event(M.ALLOCATED, 1, lines=FULL), event(M.PICKED, 2, lines=FULL)
SHIPPED, DELIVERED = event(M.SHIPPED, 3, lines=FULL), event(M.DELIVERED, 5)


def balance(state: OrderState) -> dict[str, dict[str, int]]:
    """What the order has moved."""
    moved = goods.moves(goods.Holdings(), goods.of_order(state))
    sums: Counter[str] = Counter()
    for side in entries(moved):
        sums[side.item] += side.packs
    assert not any(sums.values()), "what one place loses another gains"
    return moved


def test_packs_go_from_stock_to_the_customer() -> None:
    gone = {"A": -40, "B": -60}
    full = {"A": 40, "B": 60}
    places = ("allocated:LYS", "allocated:LYS", "transit:DN-1", "customer:")
    state = opened()
    assert balance(state) == {}
    for told, there in zip((ALLOCATED, PICKED, SHIPPED, DELIVERED), places, strict=True):
        state = after(state, told)
        assert balance(state) == {"on_hand:LYS": gone, there: full}


def test_the_order_of_reports_does_not_matter() -> None:
    told = (ALLOCATED, event(M.SHIPPED, 3, lines=FIRST), event(M.SHIPPED, 4, shipment="DN-2", lines=REST), DELIVERED)
    ends = [balance(after(opened(), *order)) for order in permutations(told)]
    assert all(end == ends[0] for end in ends)
    assert ends[0]["transit:DN-2"] == {"B": 50}


def test_what_has_left_is_known_by_shipment_also_when_it_has_arrived() -> None:
    full = Counter({("transit:DN-1", "A"): 40, ("transit:DN-1", "B"): 60})
    assert +goods.issued(after(opened(), PICKED)) == Counter()
    for told in ((SHIPPED,), (SHIPPED, DELIVERED)):
        assert +goods.issued(after(opened(), *told)) == full


def test_what_was_picked_is_put_away_when_the_order_is_cancelled() -> None:
    picked = after(opened(), PICKED)
    assert balance(done(picked, Verb.CANCEL, CancelRequest(id="c", reason="no need")).state) == {}


def test_what_another_site_sends_comes_from_there() -> None:
    by_madrid: dict[str, Any] = {"partner": "wms-mad", "role": Role.WMS}
    whole = ActionRequest(id="a", reason="near", action=Action.RE_SOURCE, site="MAD", lines=REST)
    second = event(M.SHIPPED, 3, shipment="DN-2", lines=REST, **by_madrid)
    state = after(done(opened(), Verb.ACT, whole).state, event(M.SHIPPED, 3, lines=FIRST), second)
    assert balance(state)["on_hand:LYS"] == {"A": -40, "B": -10}
    assert balance(state)["on_hand:MAD"] == {"B": -50}


def test_what_cannot_be_picked_is_not_there_and_what_gets_lost_is_nowhere() -> None:
    short = event(M.SHORT_PICKED, 2, shipment="", lines=(ShippedLine(line=2, quantity=15),))
    assert balance(after(opened(), short)) == {"adjustment:LYS": {"B": 15}, "on_hand:LYS": {"B": -15}}
    fewer = (ShippedLine(line=1, quantity=38), ShippedLine(line=2, quantity=60))
    unsigned = after(opened(), PICKED, SHIPPED, event(M.DELIVERED, 5, lines=fewer))
    assert balance(unsigned)["transit:DN-1"] == {"A": 2}
    lost = done(unsigned, Verb.ACT, ActionRequest(id="w", reason="nobody has them", action=Action.WRITE_OFF)).state
    assert balance(lost) == {"customer:": {"A": 38, "B": 60}, "on_hand:LYS": {"A": -40, "B": -60}, "scrap:": {"A": 2}}


def test_more_than_was_ordered_has_left_all_the_same() -> None:
    more = (ShippedLine(line=1, quantity=45), ShippedLine(line=2, quantity=60))
    assert balance(after(opened(), event(M.SHIPPED, 3, lines=more)))["on_hand:LYS"] == {"A": -45, "B": -60}


def test_a_report_on_the_whole_order_moves_what_no_shipment_has() -> None:
    state = after(opened(), event(M.SHIPPED, 3, lines=FIRST), event(M.SHIPPED, 4, shipment=""))
    assert balance(state) == {
        "on_hand:LYS": {"A": -40, "B": -60},
        "transit:DN-1": {"A": 40, "B": 10},
        "transit:SO-1": {"B": 50},
    }


def test_a_supplier_sends_what_is_not_ours_yet() -> None:
    drop = after(opened(Variant.DIRECT_DROP), event(M.PACKED, 1, lines=FULL))
    assert balance(drop) == {}
    assert balance(after(drop, SHIPPED))["supplier:LYS"] == {"A": -40, "B": -60}


def returned(rma: str = "R1", *, sender: bool = False) -> ReturnFile:
    """Goods on their way back."""
    start = ReturnStart(
        order="erp-one/SO-1",
        rma=rma,
        reason="broken",
        lines=FULL,
        items={1: "A", 2: "B"},
        site="LYS",
        region="EMEA",
        sender=sender,
        accepted_at=NOON,
    )
    return ReturnFile(start=start)


def test_goods_come_back_to_where_they_can_be_inspected() -> None:
    file = returned()
    file = returning.apply(file, event(M.RETURN_RECEIVED, 9, lines=FULL, rma="R1")).state
    assert goods.moves(goods.Holdings(), goods.of_return(file)) == {
        "customer:": {"A": -40, "B": -60},
        "returns:LYS": {"A": 40, "B": 60},
    }
    for disposition, lines in ((Disposition.RESTOCK, FIRST), (Disposition.SCRAP, REST)):
        told = event(M.RETURN_INSPECTED, 10, name=disposition, lines=lines, rma="R1", disposition=disposition)
        file = returning.apply(file, told).state
    assert goods.moves(goods.Holdings(), goods.of_return(file)) == {
        "customer:": {"A": -40, "B": -60},
        "on_hand:LYS": {"A": 40, "B": 10},
        "scrap:": {"B": 50},
    }
    home = returning.apply(returned("rts-DN-1", sender=True), event(M.RETURN_RECEIVED, 9, lines=FULL)).state
    assert goods.moves(goods.Holdings(), goods.of_return(home))["transit:DN-1"] == {"A": -40, "B": -60}
