"""What a workflow writes down: one record for each step, carried out as one database transaction."""

from schemas.base import Contract
from schemas.changes import Changes, Kind


class StepRecord(Contract):
    """One step: what changed of an order. A kind of change is in it at most once; what is not named stays as it was.

    `version` rises with each step: a slow worker's old record never overwrites a newer one.
    """

    order: str
    version: int
    changes: Changes = ()

    def find(self, kind: type[Kind]) -> Kind | None:
        """The change of a kind, or None."""
        return next((it for it in self.changes if isinstance(it, kind)), None)

    def get(self, kind: type[Kind]) -> Kind:
        """The change of a kind, or an empty one. Raises pydantic's ValidationError for a kind that is never empty."""
        return self.find(kind) or kind()


class StepWritten(Contract):
    """The step is in the database."""

    version: int


class Replay(Contract):
    """Bring these quarantined messages back, after what stopped them has been repaired."""

    order: str
    ids: tuple[int, ...]
