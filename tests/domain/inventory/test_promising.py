"""Who gets which packs and when: never more than there are, first come first served, urgent ones first."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.inventory.pool import Pool
from domain.inventory.promising import MOST_WORDS, day_of, find, first, target
from domain.inventory.reallocation import Planned, changed, replan, reschedulings
from schemas.inventory.promising import REPLENISHMENT, STOCK, Need, OpenLine, Reservation, Source, Terms
from schemas.orders.release import LinePromise, Promise

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
TODAY = NOON.date()
SITES = ("LYS", "HAM")
KEYS = (STOCK, "po/1", "po/2")
TERMS = Terms(site="LYS", alternates=("HAM",), released_on=TODAY, lead_days=4, replenish_days=7)


def after(days: int) -> date:
    """So many days from today."""
    return TODAY + timedelta(days=days)


def need(packs: int, wanted: int = 4, line: int = 1) -> Need:
    """Packs of item A."""
    return Need(line=line, item="A", packs=packs, wanted_on=after(wanted))


@st.composite
def sources(draw: st.DrawFn) -> list[Source]:
    """What there is of item A."""
    found = []
    for site in SITES:
        for key in KEYS:
            packs, days = draw(st.integers(-20, 60)), draw(st.integers(-3, 20))
            due = after(days) if key else date.min
            found.append(Source(item="A", site=site, supply=key, ref=f"PO {key[-1:]}", packs=packs, due=due))
    return found


@st.composite
def open_lines(draw: st.DrawFn) -> list[OpenLine]:
    """Lines with reservations that may or may not hold."""
    found = []
    for n in range(draw(st.integers(1, 6))):
        places = draw(st.lists(st.sampled_from([(s, k) for s in SITES for k in (*KEYS, REPLENISHMENT)]), min_size=1))
        reservations = tuple(
            Reservation(
                line=1,
                item="A",
                site=site,
                supply=key,
                packs=draw(st.integers(1, 30)),
                due=after(draw(st.integers(-2, 12))),
                day=after(draw(st.integers(0, 20))),
                wanted_on=after(4),
            )
            for site, key in dict.fromkeys(places)
        )
        priority, promised = draw(st.integers(1, 5)), after(draw(st.integers(4, 12)))
        wish = need(sum(it.packs for it in reservations)).model_copy(update={"not_before": promised})
        terms = TERMS.model_copy(update={"priority": priority})
        found.append(
            OpenLine(
                order=f"erp/{n}",
                terms=terms,
                need=wish,
                reported_on=promised,
                reservations=reservations,
                picked=draw(st.booleans()),
            )
        )
    return found


def held(planned: list[Planned]) -> Counter[tuple[str, str]]:
    """Packs by site and supply."""
    found = Counter[tuple[str, str]]()
    for it in planned:
        for reservation in it.reservations:
            found[reservation.site, reservation.supply] += reservation.packs
    return found


@given(sources(), st.lists(st.tuples(st.integers(1, 50), st.integers(0, 25)), min_size=1, max_size=8))
def test_every_pack_is_promised_and_none_twice(there: list[Source], wishes: list[tuple[int, int]]) -> None:
    pool, reserved = Pool(there), Counter[tuple[str, str]]()
    for packs, wanted in wishes:
        wish = need(packs, wanted)
        reservations = find(wish, TERMS, pool, TODAY)
        pool.take(reservations)
        assert sum(it.packs for it in reservations) == packs
        assert len({(it.site, it.supply) for it in reservations}) == len(reservations)
        assert day_of(wish, TERMS, reservations) >= max(it.day for it in reservations)
        assert all(it.late for it in reservations) == any(it.day > target(wish, TERMS) for it in reservations)
        for it in reservations:
            reserved[it.site, it.supply] += it.packs
    for source in there:
        assert reserved[source.site, source.supply] <= max(0, source.packs)


@given(sources(), open_lines())
def test_planned_anew_nothing_exceeds_what_there_is_and_nothing_is_lost(
    there: list[Source], lines: list[OpenLine]
) -> None:
    planned = replan(lines, there, NOON)
    packs = {(it.site, it.supply): it.packs for it in there}
    for (site, supply), reserved in held(planned).items():
        assert supply == REPLENISHMENT or reserved <= max(0, packs[site, supply])
    assert [sum(p.packs for p in it.reservations) for it in planned] == [it.line.need.packs for it in planned]
    assert all(it.day >= it.line.need.not_before for it in planned), "never before the first promise"


def planned_again(planned: list[Planned], there: list[Source]) -> list[Planned]:
    """Plan the outcome of a plan."""
    lines = [it.line.model_copy(update={"pegs": it.reservations, "reported_on": it.day}) for it in planned]
    return replan(lines, there, NOON)


@given(sources(), open_lines())
def test_planned_again_and_again_it_settles(there: list[Source], lines: list[OpenLine]) -> None:
    planned = replan(lines, there, NOON)
    for _ in lines:
        planned = planned_again(planned, there)
    assert reschedulings(planned_again(planned, there)) == []


@given(sources(), open_lines())
def test_the_order_of_lines_makes_no_difference(there: list[Source], lines: list[OpenLine]) -> None:
    assert replan(lines, there, NOON) == replan(lines[::-1], there, NOON)


def test_who_holds_what_it_needs_is_not_touched() -> None:
    reservation = Reservation(
        line=1, item="A", site="LYS", supply=STOCK, packs=5, due=TODAY, day=after(4), wanted_on=after(4)
    )
    lines = [
        OpenLine(order=f"erp/{n}", terms=TERMS, need=need(5), reported_on=after(4), reservations=(reservation,))
        for n in range(3)
    ]
    stock = Source(item="A", site="LYS", packs=15)
    assert changed(replan(lines, [stock], NOON + timedelta(days=9))) == []


def test_a_long_promise_is_explained_in_short() -> None:
    needs = [need(1, line=n) for n in range(1, 9)]
    lines = tuple(LinePromise(line=it.line, promised_on=after(4)) for it in needs)
    lead = Promise(promised_on=after(4), lines=lines, reason="as requested")
    found, _ = first(lead, needs, TERMS, Pool([Source(item="A", site="LYS", packs=9)]), {("A", "LYS")})
    assert found.promise.reason.endswith(f"; {8 - MOST_WORDS} more lines from stock and supply")
    mixed, _ = first(
        lead,
        [needs[0], needs[1].model_copy(update={"item": "B"})],
        TERMS,
        Pool([Source(item="A", site="LYS", packs=9)]),
        {("A", "LYS")},
    )
    assert mixed.promise.reason == "line 1 promised 8 May: 1 from LYS now; 1 line by lead time"
