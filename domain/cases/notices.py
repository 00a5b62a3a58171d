"""When a notice to people may be sent, which notices go together in one message, and when to try again."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from domain.zones import UTC_NAME, clock
from schemas.cases.cases import Notice
from schemas.cases.notifications import CUSTOMER
from schemas.cases.policies import ChannelPolicy

MAX_DIGEST = 50
"""Notices in one message."""
FIRST_RETRY_S = 30.0
MAX_RETRY_S = 3600.0
MAX_ATTEMPTS = 50
"""About two days at the longest pause; then the notice is given up, with the last error."""


def due_at(notice: Notice, policy: ChannelPolicy, now: datetime) -> datetime:
    """The first moment, not before `now`, at which the notice may be sent.

    It waits for the end of its digest's window, then for the end of the quiet hours. A loud tier waits for neither.
    Raises KeyError when quiet hours are in a time zone that does not exist.
    """
    if notice.tier >= policy.loud_tier:
        return now
    return _after_quiet_hours(max(now, _window_end(notice, policy)), policy)


def messages(waiting: Iterable[tuple[Notice, ChannelPolicy]]) -> list[tuple[Notice, ...]]:
    """Notices that are due for one address, as messages, oldest first.

    A loud notice, and one to a customer, gets a message of its own. The rest goes as one digest where the policy
    wants digests.
    """
    alone: list[tuple[Notice, ...]] = []
    together: list[Notice] = []
    for notice, policy in sorted(waiting, key=lambda pair: (pair[0].asked_at, pair[0].key)):
        if _gathers(notice, policy) and notice.tier < policy.loud_tier:
            together.append(notice)
        else:
            alone.append((notice,))
    digests = [tuple(together[n : n + MAX_DIGEST]) for n in range(0, len(together), MAX_DIGEST)]
    return sorted(alone + digests, key=lambda message: message[0].asked_at)


def message_key(notices: tuple[Notice, ...]) -> str:
    """Key of a message: that of its only notice; for a digest, one that follows from all it holds.

    A digest that is repeated with more in it is another message, so that no receiver drops what is new.
    """
    if len(notices) == 1:
        return notices[0].key
    return "digest/" + sha256("\n".join(notice.key for notice in notices).encode()).hexdigest()[:32]


def retry_in_s(attempts: int, asked_s: float | None = None) -> float | None:
    """Seconds until the next attempt after so many failed ones, at least what the channel asked for; None: give up."""
    if attempts >= MAX_ATTEMPTS:
        return None
    pause_s = min(MAX_RETRY_S, FIRST_RETRY_S * 2.0 ** (attempts - 1))
    return max(pause_s, asked_s or 0.0)


def _gathers(notice: Notice, policy: ChannelPolicy) -> bool:
    return policy.digest_s > 0 and notice.to != CUSTOMER


def _window_end(notice: Notice, policy: ChannelPolicy) -> datetime:
    """Windows lie at multiples of their length since 1970, so that each notice knows its own without the others."""
    if not _gathers(notice, policy):
        return notice.asked_at
    windows = notice.asked_at.timestamp() // policy.digest_s
    return datetime.fromtimestamp((windows + 1) * policy.digest_s, UTC)


def _after_quiet_hours(moment: datetime, policy: ChannelPolicy) -> datetime:
    first, end = policy.quiet_from, policy.quiet_to
    if first is None or end is None or first == end:
        return moment
    zone = clock(policy.time_zone or UTC_NAME)
    # More than once only when a change of the clocks skips the whole time that is not quiet.
    while _is_quiet((local := moment.astimezone(zone)).hour, first, end):
        tomorrow = local.hour >= end  # quiet until the next day
        ends = local.replace(hour=end, minute=0, second=0, microsecond=0, fold=0) + timedelta(days=tomorrow)
        moment = ends.astimezone(UTC)
    return moment


def _is_quiet(hour: int, first: int, end: int) -> bool:
    return first <= hour < end if first < end else hour >= first or hour < end
