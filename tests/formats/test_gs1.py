"""GS1 labels and keys."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.findings import FormatError
from formats.gs1 import check_digit, day_of, is_key, read_label, sscc


@given(extension=st.integers(0, 9), company=st.from_regex(r"[0-9]{4,12}", fullmatch=True), serial=st.integers(0, 9999))
def test_an_sscc_that_is_made_is_one(extension: int, company: str, serial: int) -> None:
    made = sscc(extension, company, serial)
    assert is_key(made, 18)
    for at in range(18):
        wrong = made[:at] + str((int(made[at]) + 1) % 10) + made[at + 1 :]
        assert not is_key(wrong, 18)


def test_known_keys() -> None:
    assert check_digit("401234500000") == "9"
    assert sscc(3, "4012345", 123456789) == "340123451234567895"[:17] + check_digit("34012345123456789")


@pytest.mark.parametrize(
    ("extension", "company", "serial"), [(10, "4012345", 1), (1, "40A2345", 1), (1, "4012345", 10**9)]
)
def test_an_sscc_that_does_not_fit_is_refused(extension: int, company: str, serial: int) -> None:
    with pytest.raises(FormatError):
        sscc(extension, company, serial)


def test_a_label_is_divided_by_lengths_and_separators() -> None:
    code = sscc(0, "4012345", 7)
    label = f"]C100{code}02040123450000091726113010LOT-7\x1d37120\x1d3103001250400PO-9"
    read = read_label(label)
    assert [(one.identifier, one.value) for one in read] == [
        *(("00", code), ("02", "04012345000009"), ("17", "261130"), ("10", "LOT-7"), ("37", "120")),
        *(("3103", "001250"), ("400", "PO-9")),
    ]
    assert [one.fault for one in read] == [""] * 7


@pytest.mark.parametrize(
    ("label", "fault"),
    [
        ("00000000000000000007", "check digit"),
        ("0012", "form"),
        ("17261340", "no day"),
        ("99X", "no application identifier"),
        ("", ""),
    ],
)
def test_what_is_wrong_with_a_label_is_said(label: str, fault: str) -> None:
    assert [fault in one.fault for one in read_label(label)] == [True] * bool(label)


def test_two_digits_of_a_year_are_near() -> None:
    today = date(2026, 11, 30)
    assert day_of("261130", today) == today
    assert day_of("750101", today) == date(2075, 1, 1)
    assert day_of("770101", today) == date(1977, 1, 1)
    assert day_of("280200", today) == date(2028, 2, 29)
    assert day_of("261301", today) is None
    assert day_of("260230", today) is None
