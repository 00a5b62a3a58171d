"""Which entries of a list a comparison is about."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.finance.reconciliation import accounts, effects, orders
from domain.finance.windows import LAST, advanced, just_before
from schemas.base import System
from schemas.finance.entries import listed_as
from schemas.finance.reconciliation import About, Difference, DifferenceClass
from schemas.finance.windows import Mark, WindowScope

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=15)


@pytest.mark.parametrize("name", ["SO-1234", "t-1/e2", "SO-1 inventory EUR", "x!", "é", "\ue000", "a"])
def test_a_page_begins_just_before_a_name(name: str) -> None:
    before = just_before(name)
    assert before < name < LAST
    assert before.encode().decode() == before, "it can be written"


def test_a_slice_and_some_names_are_covered() -> None:
    scope = WindowScope("b", "d", frozenset({"z"}))
    assert [x for x in "abcdez" if scope.covers(x)] == ["c", "d", "z"]
    assert WindowScope("b").covers(LAST)
    assert [WindowScope("b", "d").until(x).upto for x in ("c", "e", "")] == ["c", "d", "d"]
    assert WindowScope("b").until("c") == WindowScope("b", "c")
    assert WindowScope("abc").begins == ["a", "ab", "abc"]


def test_what_differs_names_the_entry_that_it_is_about() -> None:
    found = [
        *orders({}, {"SO 1": "open"}, {}).differences,
        *effects(System.TMS, {"t-1/e2": True}, ()).differences,
        *accounts({}, {("SO of order 1", "freight", "EUR"): 5}, {}).differences,  # type: ignore[dict-item]
    ]
    assert [listed_as(x) for x in found] == ["SO 1", "t-1/e2", "SO of order 1 freight EUR"]
    stock = Difference(
        about=About.STOCK,
        subject="A @ site:LYS",
        kind=DifferenceClass.QUANTITY,
        ours="",
        theirs="",
        owner="",
        proposal="",
    )
    assert listed_as(stock) == ""


def test_a_round_ends_where_the_list_ends_and_says_when_it_began() -> None:
    first = advanced(None, WindowScope("", "m"), NOW, None)
    assert first == Mark(NOW, None, "m", NOW, None)
    second = advanced(first, WindowScope("m", ""), LATER, LATER + timedelta(days=1))
    assert second == Mark(LATER, LATER, "", NOW, NOW), "a clock that is ahead is not believed"
    third = advanced(second, WindowScope("", "m"), LATER + timedelta(hours=1), NOW)
    assert third == Mark(LATER + timedelta(hours=1), NOW, "m", LATER + timedelta(hours=1), NOW)
