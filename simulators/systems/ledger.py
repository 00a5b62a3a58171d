"""The ledger of a stand-in system by idempotency key, which Syncline's own ledger must equal."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from schemas.base import Contract
from schemas.messaging.instructions import Accepted
from schemas.orders.milestones import MilestoneKind

ROW = "count_row"
"""The operation under which planning enters a row; the others are `schemas.messaging.effects.Operation`."""
RECURRING = frozenset({MilestoneKind.DELAYED, MilestoneKind.EXCEPTION})
"""Milestones that can truly happen twice to one shipment; the moment tells them apart."""


class KeyReused(Exception):
    """The same idempotency key came with another body."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What one call does in the business. `natural_key` identifies it independently of the caller's key.

    `instance` is the ERP or site; `order` and `shipment` are as the caller wrote them.
    """

    natural_key: str
    operation: str
    instance: str
    order: str
    shipment: str
    milestone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry(Deed):
    """One deed under one key. `attempts` counts the calls that came through, `executions` those that acted."""

    key: str
    traceparent: str
    executed_at: datetime
    attempts: int = 1
    executions: int = 1


class LedgerReport(Contract):
    """Answer to `GET /{system}/ledger`. `duplicates`: executions beyond the first of each natural key."""

    entries: tuple[LedgerEntry, ...]
    executions: int
    duplicates: int


def deed(
    instance: str, operation: str, order: str, shipment: str = "", milestone: str = "", occurrence: str = ""
) -> Deed:
    """A deed with its natural key. `occurrence` tells apart what may rightly happen several times."""
    natural_key = "|".join((instance, operation, order, shipment, milestone, occurrence))
    return Deed(natural_key, operation, instance, order, shipment, milestone)


@dataclass(frozen=True, slots=True)
class LedgerCall:
    """What identifies a call: its key, what it asks for, and the trace that it is part of.

    `meaning` is the hash of the parsed body: a caller that writes the same message with other spaces means the same.
    """

    key: str
    meaning: int
    traceparent: str = ""

    def after(self, word: str) -> str:
        """What the key says after a word: it tells apart deeds that may rightly be done again. Empty without it."""
        return self.key.partition(f"/{word}/")[2]


class Replies:
    """First answers by key, so that a repeat is answered as the first was."""

    def __init__(self) -> None:
        self._replies: dict[str, tuple[int, Accepted]] = {}

    def known(self, call: LedgerCall) -> Accepted | None:
        """The first answer to this key, marked as replayed; None for a new key. Raises `KeyReused`."""
        if call.key not in self._replies:
            return None
        meaning, reply = self._replies[call.key]
        if meaning != call.meaning:
            raise KeyReused(f"the key {call.key} was used for another request")
        return reply.model_copy(update={"replayed": True})

    def keep(self, call: LedgerCall, reply: Accepted) -> None:
        """Remember the first answer."""
        self._replies[call.key] = (call.meaning, reply)


class Ledger:
    """Every deed of one system, in the order of execution."""

    def __init__(self) -> None:
        self._entries: dict[str, LedgerEntry] = {}
        self._replies = Replies()

    def once(self, call: LedgerCall, what: Deed, carry_out: Callable[[], Accepted]) -> Accepted:
        """Carry out and enter what `call` asks for, or count the attempt and answer as the first time.

        Raises `KeyReused`, and whatever `carry_out` refuses with: a refusal is not entered.
        """
        known = self.known(call)
        if known is not None:
            entry = self._entries[call.key]
            self._entries[call.key] = replace(entry, attempts=entry.attempts + 1)
            return known
        reply = carry_out()
        self._replies.keep(call, reply)
        self._entries[call.key] = LedgerEntry(
            what.natural_key,
            what.operation,
            what.instance,
            what.order,
            what.shipment,
            what.milestone,
            key=call.key,
            traceparent=call.traceparent,
            executed_at=datetime.now(UTC),
        )
        return reply

    def known(self, call: LedgerCall) -> Accepted | None:
        """See `Replies.known`."""
        return self._replies.known(call)

    def report(self) -> LedgerReport:
        """The whole ledger with its totals."""
        entries = tuple(self._entries.values())
        executions = sum(entry.executions for entry in entries)
        distinct = len({entry.natural_key for entry in entries})
        return LedgerReport(entries=entries, executions=executions, duplicates=executions - distinct)
