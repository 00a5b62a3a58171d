"""Anchors of the audit trail in a directory: lines of JSON in a file for each month, appended, never rewritten.

Their place must be out of reach of the database's users. Lines of a log that say the same are read too.
"""

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter, ValidationError

from schemas.settings import Settings
from store.seals import Anchor, Seals

NAME = "anchors"
"""The prefix of each file's name."""
_ANCHOR = TypeAdapter(Anchor)


class Forged(ValueError):
    """An anchor was not signed with a key that is known here, or cannot be read."""


class Unusable(RuntimeError):
    """Nothing can be kept where anchors are to be. The text names the setting."""


@dataclass
class Anchors:
    """The entries of a file, or of all files of a directory: read once, then only the added ones.

    The oldest and the newest are kept: each entry's seal holds all that were before it.
    """

    place: Path
    seals: Seals
    oldest: Anchor | None = None
    newest: Anchor | None = None
    count: int = 0
    _read: dict[Path, int] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, seals: Seals) -> Self | None:
        """The anchors in the directory that the settings name, if any. Raises `Unusable`."""
        if not settings.audit_anchors:
            return None
        place = Path(settings.audit_anchors)
        try:
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=place):
                return cls(place, seals)
        except OSError as error:
            raise Unusable(f"set SYNCLINE_AUDIT_ANCHORS to a directory for anchors, not {place}: {error}") from error

    def look(self) -> None:
        """Take in what was added. Raises `Forged` when a line is not genuine, or what was read is gone."""
        files = sorted(self.place.glob(f"{NAME}-*.jsonl")) if self.place.is_dir() else [self.place]
        for file in (*files, *(it for it in self._read if it not in files)):
            self._take(file)

    def known(self) -> tuple[Anchor, ...]:
        """The oldest and the newest, as far as there are any."""
        return tuple(it for it in (self.oldest, self.newest) if it)

    def append(self, anchor: Anchor) -> None:
        """Keep an anchor: it is on the disk when this returns, one line of about 250 bytes. Raises OSError."""
        self.place.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self.place / f"{NAME}-{anchor.at:%Y-%m}.jsonl"
        line = json.dumps(asdict(anchor), default=datetime.isoformat) + "\n"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w") as out:
            out.write(line)
            out.flush()
            os.fsync(out.fileno())
        self.look()

    def _take(self, file: Path) -> None:
        start = self._read.get(file, 0)
        size = file.stat().st_size if file.exists() else 0
        if size < start:
            raise Forged(f"{file} was cut or taken away")
        if size == start:
            return
        with file.open("rb") as lines:
            lines.seek(start)
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # it is being written
                if line.strip():
                    self._keep(line, file)
                self._read[file] = self._read.get(file, 0) + len(line)

    def _keep(self, line: bytes, file: Path) -> None:
        try:
            anchor = _ANCHOR.validate_python(_said(line))
        except ValidationError:
            if file == self.place:
                return  # a log has other lines too
            raise Forged(f"{file} holds a line that is no anchor: {line[:40]!r}") from None
        if not self.seals.genuine(anchor):
            raise Forged(f"{file} holds an anchor of entry {anchor.id} that is not signed with a key known here")
        self.count += 1
        self.oldest = min(self.oldest or anchor, anchor, key=lambda it: it.id)
        self.newest = max(self.newest or anchor, anchor, key=lambda it: it.id)


def _said(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None
