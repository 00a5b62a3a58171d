"""Group commit: messages that arrive together are committed together, by one statement.

No artificial wait: while one transaction commits, the next one gathers. An accept returns when its transaction has
committed, and only then; a sender that is answered 2xx may forget the message.
"""

import asyncio
from collections import deque
from dataclasses import dataclass

import structlog

from gateway.http.problems import unavailable
from store.engine import Database
from store.messaging import repeats
from store.messaging.inbox import NewMessage

_log = structlog.get_logger("gateway")

GROUP_MESSAGES = 200
"""A transaction takes what is waiting, up to this many messages (or one larger submission)."""
MAX_WAITING = 5_000
"""Messages waiting for a transaction; beyond this, senders get 503 and come back."""
COMMIT_TIMEOUT_S = 20.0
"""Seconds for a transaction of several messages: after that, senders are told to try again."""


@dataclass(frozen=True)
class _Submission:
    messages: list[NewMessage]
    ids: asyncio.Future[list[int]]


class InboxWriter:
    """Commits messages to the inbox."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Submission] = deque()
        self._messages_waiting = 0
        self._committing: asyncio.Task[None] | None = None

    async def commit(self, messages: list[NewMessage]) -> list[int]:
        """Commit these messages, all or none, and return their inbox ids. Raises the 503 `Problem` when it cannot."""
        if self._messages_waiting + len(messages) > MAX_WAITING:
            raise unavailable()
        submission = _Submission(messages, asyncio.get_running_loop().create_future())
        self._waiting.append(submission)
        self._messages_waiting += len(messages)
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_waiting())
        return await submission.ids

    async def _commit_waiting(self) -> None:
        while self._waiting:
            group = self._next_group()
            try:
                async with asyncio.timeout(COMMIT_TIMEOUT_S), self._database.connection() as connection:
                    ids = await repeats.insert(connection, [m for s in group for m in s.messages])
            except Exception as error:
                _log.error("commit failed", error=type(error).__name__, messages=sum(len(s.messages) for s in group))
                for submission in group:
                    if not submission.ids.done():
                        submission.ids.set_exception(unavailable())
            else:
                _resolve(group, ids)

    def _next_group(self) -> list[_Submission]:
        group = [self._waiting.popleft()]
        size = len(group[0].messages)
        while self._waiting and size + len(self._waiting[0].messages) <= GROUP_MESSAGES:
            group.append(self._waiting.popleft())
            size += len(group[-1].messages)
        self._messages_waiting -= size
        return group


def _resolve(group: list[_Submission], ids: list[int]) -> None:
    start = 0
    for submission in group:
        end = start + len(submission.messages)
        if not submission.ids.done():
            submission.ids.set_result(ids[start:end])
        start = end
