"""The seal of an audit entry: a keyed hash over it and over the seal before it. The key never reaches the database."""

import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from schemas.settings import Settings

FINGERPRINT = 12
"""Hexadecimal digits that distinguish keys; they reveal nothing of a key."""


class Unsealed(RuntimeError):
    """The settings name no key that seals entries."""


@dataclass(frozen=True)
class SealedEntry:
    """An entry as it was read. `detail` is the database's own text of it; `key` names the key, empty: chained without.

    `plain`: the hash of an entry without a key, as the database reckons it.
    """

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str
    previous: str
    hash: str = ""
    key: str = ""
    plain: str = ""


@dataclass(frozen=True)
class Anchor:
    """The end of the trail at a moment, signed: it is kept where nobody who writes to the database can write."""

    id: int
    hash: str
    at: datetime
    key: str
    signature: str


@dataclass(frozen=True)
class Key:
    """One key, made of a secret text."""

    key: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: str) -> Self:
        """The key of a secret; the same secret may serve elsewhere."""
        return cls(hmac.digest(secret.encode(), b"syncline audit trail", "sha256"))

    @property
    def name(self) -> str:
        """The name of the key."""
        return self._mac("name")[:FINGERPRINT]

    def seal(self, entry: SealedEntry) -> str:
        """The hash of an entry. A process without the key cannot make it."""
        at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
        return self._mac(
            "entry", entry.id, at, entry.actor, entry.action, entry.subject, entry.detail, entry.previous, self.name
        )

    def anchor(self, id: int, hash: str, at: datetime) -> Anchor:
        """The end of the trail, signed."""
        return Anchor(id, hash, at, self.name, self._mac("anchor", id, hash, at.astimezone(UTC).isoformat()))

    def _mac(self, *said: object) -> str:
        return hmac.new(self.key, json.dumps(said).encode(), "sha256").hexdigest()


@dataclass(frozen=True)
class Seals:
    """The keys of a trail: the one in use, and former ones, the newest first, with which older entries are checked."""

    keys: tuple[Key, ...]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say: the master secret stands for an audit key that is not set. Raises `Unsealed`."""
        secret = settings.audit_key or settings.master_secret
        if not secret:
            raise Unsealed("set SYNCLINE_AUDIT_KEY, or SYNCLINE_MASTER_SECRET, as the gateway has it")
        secrets = [it.get_secret_value() for it in (secret, *settings.audit_former_keys)]
        return cls(tuple(map(Key.of, secrets)))

    @property
    def own(self) -> Key:
        """The key that seals new entries."""
        return self.keys[0]

    def rank(self, name: str) -> int | None:
        """The age of a key: 0 is the one in use. None: it is not known here."""
        return next((rank for rank, key in enumerate(self.keys) if key.name == name), None)

    def genuine(self, anchor: Anchor) -> bool:
        """Whether an anchor was signed with one of the keys."""
        rank = self.rank(anchor.key)
        return rank is not None and self.keys[rank].anchor(anchor.id, anchor.hash, anchor.at) == anchor


@dataclass
class Trail:
    """Checks a trail entry by entry, and says the first thing that is wrong. `start`: the id that comes first.

    Begun in the middle, it takes the link of its first entry as it is; an anchor of that entry does not.
    """

    seals: Seals
    anchors: tuple[Anchor, ...] = ()
    start: int = 1
    last: SealedEntry | None = None

    def __post_init__(self) -> None:
        self._anchored: dict[int, list[Anchor]] = {}
        for anchor in self.anchors:
            self._anchored.setdefault(anchor.id, []).append(anchor)
        self._without_key_up_to = min(self._anchored, default=None)

    def take(self, entries: Iterable[SealedEntry]) -> str | None:
        """The fault in the next entries; None when there is none."""
        for entry in entries:
            if wrong := next(self._wrong(entry), None):
                return wrong
            self.last = entry
        return None

    def end(self) -> str | None:
        """The entries missing behind the last one: an anchor has seen more."""
        last = self.last.id if self.last else self.start - 1
        newest = max(self.anchors, key=lambda it: it.id, default=None)
        if newest is None or newest.id <= last:
            return None
        return f"the end is missing, up to entry {newest.id}: it was there on {_when(newest)}"

    def _wrong(self, entry: SealedEntry) -> Iterator[str]:
        last, expected = self.last, self.last.id + 1 if self.last else self.start
        if entry.id < expected:
            yield f"entry {entry.id} has a number that no entry has there"
        if entry.id > expected:
            yield f"entries {expected} to {entry.id - 1} are missing"
        if (last or entry.id == 1) and entry.previous != (last.hash if last else ""):
            yield f"entry {entry.id} does not follow the one before it"
        yield from self._unsealed(entry) if not entry.key else self._broken(entry)
        for anchor in self._anchored.get(entry.id, ()):
            if anchor.hash != entry.hash:
                yield f"entry {entry.id} is not the one that was there on {_when(anchor)}: the chain was made anew"

    def _broken(self, entry: SealedEntry) -> Iterator[str]:
        rank = self.seals.rank(entry.key)
        before = self.seals.rank(self.last.key) if self.last else None
        if rank is None:
            yield f"entry {entry.id} is sealed with a key that is not known here"
        elif before is not None and rank > before:
            yield f"entry {entry.id} is sealed with an older key than the one before it"
        elif self.seals.keys[rank].seal(entry) != entry.hash:
            yield f"entry {entry.id} was changed"

    def _unsealed(self, entry: SealedEntry) -> Iterator[str]:
        """Entries from before there was a key are held by the first anchor only."""
        if self.last and self.last.key:
            yield f"entry {entry.id} is not sealed"
        elif self._without_key_up_to is not None and entry.id > self._without_key_up_to:
            yield f"entry {entry.id} is not sealed, and is newer than the first anchor"
        elif entry.plain != entry.hash:
            yield f"entry {entry.id} was changed"


def _when(anchor: Anchor) -> str:
    return f"{anchor.at:%Y-%m-%d %H:%M:%S} UTC"
