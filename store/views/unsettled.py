"""Messages in the control tower that nobody has: quarantined and undelivered ones. Read-only."""

from dataclasses import dataclass
from datetime import datetime

from store.cases import notices
from store.engine import Connection
from store.rows import rows

QUARANTINE = 200
"""At most this many entries in each list."""


@dataclass(frozen=True)
class QuarantineEntry:
    """A quarantined message, without its bytes."""

    id: int
    partner: str
    kind: str
    external_id: str
    reason: str | None
    origin: str | None
    waiting_for: str | None
    received_at: datetime


@dataclass(frozen=True)
class Unsent:
    """A message that did not arrive: given up (`failed`), or tried again (`planned`)."""

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


async def unsent(connection: Connection) -> list[Unsent]:
    """Undelivered messages: first those that were given up, the newest of each first."""
    return await rows(connection, Unsent, notices.SHOWN, {"limit": QUARANTINE})


async def quarantined(connection: Connection, limit: int = QUARANTINE) -> list[QuarantineEntry]:
    """Quarantined messages: first those that only a person can help, then the newest."""
    return await rows(
        connection,
        QuarantineEntry,
        """
        SELECT id, partner, kind, external_id, reason, origin, waiting_for, received_at
        FROM inbox_message
        WHERE state = 'quarantined'
        ORDER BY waiting_for IS NOT NULL, id DESC LIMIT %(limit)s
        """,
        {"limit": limit},
    )
