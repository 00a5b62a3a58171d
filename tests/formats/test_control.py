"""Control numbers: repeats, gaps, and the wrap after the highest."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.edi import control
from formats.edi.control import References, is_next, next_number


def test_after_the_highest_number_comes_one() -> None:
    assert next_number(7) == 8
    assert next_number(999_999_999) == 1
    assert next_number(9999, digits=4) == 1


def test_a_number_is_news_across_the_wrap_and_a_repeat_is_not() -> None:
    assert is_next(8, 7)
    assert is_next(1, 999_999_999)
    assert is_next(40, 999_999_990)
    assert not is_next(7, 7)
    assert not is_next(7, 8)
    assert not is_next(999_999_999, 1)


@given(numbers=st.lists(st.integers(0, 60)))
def test_repeats_are_found_in_any_order(numbers: list[int]) -> None:
    references, seen = References(), set[int]()
    for number in numbers:
        assert references.repeated(b"%04d" % number) == (number in seen)
        seen.add(number)


def test_numbers_that_count_upwards_cost_nothing() -> None:
    references = References()
    assert not any(references.repeated(b"%d" % number) for number in range(1, 300_000))
    assert references.repeated(b"150000")
    assert len(references._highs) == 1


def test_what_is_remembered_is_bounded_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MOST_REFERENCES", 1000)
    source, references = random.Random(1), References()
    for _ in range(3000):
        references.repeated(b"R%015d" % source.randrange(10**15))
        references.repeated(b"%015d" % source.randrange(10**15))
    assert references.forgotten
    assert len(references._names) <= 1000
    assert len(references._highs) <= 1000
