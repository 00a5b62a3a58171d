"""When notices are due, what goes together, when to try again: all pure."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cases.notices import MAX_ATTEMPTS, MAX_DIGEST, due_at, message_key, messages, retry_in_s
from schemas.cases.cases import Notice
from schemas.cases.policies import ChannelPolicy
from tests.notify.mailbox import NOON, notice

NIGHT = {"quiet_from": 22, "quiet_to": 6, "time_zone": "Europe/Berlin"}


def berlin(text: str) -> datetime:
    """A moment by the clocks of Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-02 21:59", "2026-03-02 21:59"),
        ("2026-03-02 22:00", "2026-03-03 06:00"),
        ("2026-03-03 00:30", "2026-03-03 06:00"),
        ("2026-03-03 05:59:59", "2026-03-03 06:00"),
        ("2026-03-03 06:00", "2026-03-03 06:00"),
        ("2026-03-28 23:00", "2026-03-29 06:00"),  # the night in which the clocks go forward
        ("2026-10-24 23:00", "2026-10-25 06:00"),  # and back
    ],
)
def test_quiet_hours_span_midnight_by_the_clocks_of_the_queue(now: str, due: str) -> None:
    assert due_at(notice(), ChannelPolicy(**NIGHT), berlin(now)) == berlin(due)


def test_quiet_hours_within_a_day() -> None:
    policy = ChannelPolicy(quiet_from=12, quiet_to=14)
    assert due_at(notice(), policy, NOON) == NOON + timedelta(hours=2)
    assert due_at(notice(), policy, NOON + timedelta(hours=2)) == NOON + timedelta(hours=2)


@pytest.mark.parametrize("hours", [{}, {"quiet_from": 3}, {"quiet_from": 12, "quiet_to": 12}])
def test_without_a_beginning_and_an_end_no_hour_is_quiet(hours: dict[str, int]) -> None:
    assert due_at(notice(), ChannelPolicy(**hours), NOON) == NOON


def test_a_loud_tier_waits_neither_for_the_morning_nor_for_a_digest() -> None:
    policy = ChannelPolicy(**NIGHT, digest_s=3600, loud_tier=2)
    midnight = berlin("2026-03-03 00:00")
    assert due_at(notice(tier=2), policy, midnight) == midnight
    assert due_at(notice(tier=1), policy, midnight) == berlin("2026-03-03 06:00")


@given(
    now=st.integers(0, 365 * 86_400).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
    first=st.integers(0, 23),
    end=st.integers(0, 23),
    digest_s=st.sampled_from([0.0, 600.0, 86_400.0]),
)
def test_due_is_never_past_never_quiet_and_stays_so(
    now: datetime, zone: str, first: int, end: int, digest_s: float
) -> None:
    policy = ChannelPolicy(quiet_from=first, quiet_to=end, time_zone=zone, digest_s=digest_s)
    asked = notice(asked_at=now - timedelta(minutes=5))
    due = due_at(asked, policy, now)
    hour = due.astimezone(ZoneInfo(zone)).hour
    assert due >= now
    assert hour not in {(first + n) % 24 for n in range((end - first) % 24)}
    assert due_at(asked, policy, due) == due, "what was put off until then is sent then"
    assert due - now < timedelta(days=4)


def test_a_digest_waits_for_the_end_of_its_window() -> None:
    policy = ChannelPolicy(digest_s=3600)
    assert due_at(notice(asked_at=NOON), policy, NOON) == NOON + timedelta(hours=1)
    late = NOON + timedelta(minutes=59)
    assert due_at(notice(asked_at=late), policy, late) == NOON + timedelta(hours=1), "one window, one moment"


def test_a_customer_never_waits_for_a_digest() -> None:
    assert due_at(notice(to="customer"), ChannelPolicy(digest_s=3600), NOON) == NOON


def grouped(notices: list[Notice], **policy: Any) -> list[list[str]]:
    """Orders of each message."""
    return [[n.order for n in message] for message in messages((n, ChannelPolicy(**policy)) for n in notices)]


def test_without_a_digest_each_notice_is_a_message_oldest_first() -> None:
    first, second = notice(1), notice(2, asked_at=NOON - timedelta(minutes=1))
    assert grouped([first, second]) == [["erp-one/SO-2"], ["erp-one/SO-1"]]


def test_a_digest_takes_all_but_the_loud_and_the_customers() -> None:
    quiet, loud, customer = [notice(1), notice(2)], notice(3, tier=2), notice(4, to="customer")
    together = grouped([*quiet, loud, customer], digest_s=60)
    assert ["erp-one/SO-1", "erp-one/SO-2"] in together
    assert ["erp-one/SO-3"] in together
    assert ["erp-one/SO-4"] in together


def test_a_digest_has_a_limit() -> None:
    sizes = [len(message) for message in grouped([notice(n) for n in range(MAX_DIGEST + 2)], digest_s=60)]
    assert sizes == [MAX_DIGEST, 2]


def test_the_key_of_a_message_follows_from_what_it_holds() -> None:
    one, two, three = notice(1), notice(2), notice(3)
    assert message_key((one,)) == one.key
    assert message_key((one, two)) == message_key((notice(1), notice(2)))
    assert message_key((one, two)) != message_key((one, two, three))


def test_pauses_double_up_to_an_hour_obey_the_channel_and_end() -> None:
    assert [retry_in_s(n) for n in (1, 2, 3, 20)] == [30, 60, 120, 3600]
    assert retry_in_s(1, 500.0) == 500
    assert retry_in_s(3, 1.0) == 120
    assert retry_in_s(MAX_ATTEMPTS) is None
