"""Order promising: from stock, then from supplies as they come, then by replenishment; and it says why."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.promise import lead_days
from domain.promising import cover, offer, project
from schemas.base import Variant
from schemas.orders import OrderLine, OrderRelease, Party
from schemas.promising import Free, FreeSupply

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
TODAY = NOON.date()
LEAD = timedelta(days=lead_days(Variant.DISTRIBUTION_CENTRE, None))
PO = FreeSupply(key="po/erp-one/7781/1", ref="PO 7781", packs=60, day=date(2026, 12, 10))


def release(*lines: tuple[str, int], wanted: date = TODAY) -> OrderRelease:
    """An order of these items and packs."""
    return OrderRelease(
        number="SO-1",
        released_at=NOON,
        requested_on=wanted,
        variant=Variant.DISTRIBUTION_CENTRE,
        lines=tuple(OrderLine(line=n, item=item, quantity=packs) for n, (item, packs) in enumerate(lines, 1)),
        ship_from=Party(id="LYS", country="FR"),
        ship_to=Party(id="C", country="DE"),
        site="LYS",
        region="EMEA",
    )


def test_what_is_there_is_promised_by_lead_time_or_for_the_day_wanted() -> None:
    free = {"A": Free(item="A", stock=40)}
    made = offer(release(("A", 40)), free, 7)
    assert (made.promise.promised_on, made.uncovered) == (TODAY + LEAD, 0)
    assert made.promise.reason == f"promised {(TODAY + LEAD).day} Dec: 40 A from LYS now"
    later = date(2026, 12, 20)
    assert offer(release(("A", 40), wanted=later), free, 7).promise.promised_on == later


def test_a_promise_says_what_it_is_made_of() -> None:
    made = offer(release(("A", 100)), {"A": Free(item="A", stock=40, supplies=(PO,))}, 7)
    assert made.promise.promised_on == PO.day + LEAD
    assert made.promise.reason == "promised 14 Dec: 40 A from LYS now, 60 from PO 7781 due 10 Dec"
    assert [(x.supply, x.packs, x.day) for x in made.pegs] == [("", 40, TODAY), (PO.key, 60, PO.day)]


def test_what_nothing_covers_takes_the_time_of_replenishment_and_is_not_reserved() -> None:
    made = offer(release(("A", 50)), {"A": Free(item="A", stock=45)}, 7)
    assert made.promise.promised_on == TODAY + timedelta(days=7) + LEAD
    assert (made.uncovered, sum(x.packs for x in made.pegs)) == (5, 45)
    assert "5 A must be replenished by 8 Dec" in made.promise.reason


def test_lines_of_one_item_do_not_take_the_same_packs() -> None:
    made = offer(release(("A", 30), ("A", 30)), {"A": Free(item="A", stock=40, supplies=(PO,))}, 7)
    assert [(x.line, x.supply, x.packs) for x in made.pegs] == [(1, "", 30), (2, "", 10), (2, PO.key, 20)]


def test_an_overdue_supply_is_there_today_at_the_earliest_and_an_oversold_stock_gives_nothing() -> None:
    late = PO.model_copy(update={"day": date(2026, 11, 1)})
    made = cover(1, 10, "LYS", Free(item="A", stock=-5, supplies=(late,)), TODAY, 7)
    assert [(x.supply, x.packs, x.day) for x in made.pegs] == [(late.key, 10, TODAY)]


def test_items_of_which_no_stock_is_known_go_by_lead_time() -> None:
    made = offer(release(("A", 10), ("X", 5)), {"A": Free(item="A", stock=40)}, 7)
    assert {x.line for x in made.pegs} == {1}
    assert made.promise.promised_on == TODAY + LEAD


supplies = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), max_size=5)


@given(stock=st.integers(-20, 80), coming=supplies, wanted=st.lists(st.integers(1, 60), min_size=1, max_size=4))
def test_nothing_is_reserved_twice_and_everything_is_accounted_for(
    stock: int, coming: list[tuple[int, int]], wanted: list[int]
) -> None:
    found = tuple(
        FreeSupply(key=f"po/{n}", ref=f"PO {n}", packs=packs, day=TODAY + timedelta(days=days))
        for n, (days, packs) in enumerate(coming)
    )
    made = offer(release(*(("A", packs) for packs in wanted)), {"A": Free(item="A", stock=stock, supplies=found)}, 7)
    there = {"": max(0, stock), **{x.key: x.packs for x in found}}
    for key, packs in there.items():
        assert sum(x.packs for x in made.pegs if x.supply == key) <= packs
    assert sum(x.packs for x in made.pegs) + made.uncovered == sum(wanted)
    for line in made.promise.lines:
        assert all(x.day + LEAD <= line.promised_on for x in made.pegs if x.line == line.line)


def test_a_delay_moves_supply_to_its_new_day() -> None:
    day = {n: TODAY + timedelta(days=n) for n in range(4)}
    before = project(10, [(day[1], 60)], [(day[2], 50)], TODAY, 4)
    assert [x.projected for x in before] == [10, 70, 20, 20]
    after = project(10, [(day[3], 60)], [(day[2], 50)], TODAY, 4)
    assert [x.projected for x in after] == [10, 10, -40, 20]
    assert project(0, [(date(2026, 1, 1), 5)], [], TODAY, 1)[0].supply == 5, "what is overdue counts today"
