"""Undelivered messages, as they are shown and as sending them again is asked for."""

from datetime import datetime

from schemas.base import Contract, Text
from schemas.cases.exceptions import Channel


class UndeliveredNotice(Contract):
    """A message that did not arrive: given up (`failed`), or tried again (`planned`) when it is due."""

    key: str
    state: str
    channel: str
    to: str
    kind: str
    case: str
    attempts: int
    error: str
    asked_at: datetime
    due_at: datetime


class NoticesOwed(Contract):
    """Undelivered messages; those that were given up first."""

    notices: tuple[UndeliveredNotice, ...]


class RetryRequest(Contract):
    """Send messages again that were given up: over this channel, to this queue; what is absent means any."""

    channel: Channel | None = None
    to: Text | None = None


class NoticesAgain(Contract):
    """The number of notices that are due now."""

    notices: int
