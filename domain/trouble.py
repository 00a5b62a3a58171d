"""What stands beside the milestones in an order's state: shortages, sources, tenders, troubles, refusals."""

from datetime import date

from schemas.base import Contract, Moment
from schemas.effects import Effect
from schemas.exceptions import ExceptionKind
from schemas.milestones import ShippedLine


class Trouble(Contract):
    """What a partner last said of one kind of trouble with one shipment: that there is some, or that it is over."""

    said_at: Moment
    event: str
    open: bool
    lines: tuple[ShippedLine, ...] = ()
    reason: str = ""

    def newer_than(self, other: "Trouble | None") -> bool:
        """Whether this word replaces the other one."""
        return other is None or (self.said_at, self.event) > (other.said_at, other.event)


class Short(Contract):
    """Packs that a site could not pick, and what became of them: `covered` says how, empty while nobody knows.
    `items`: what the lines asked for then."""

    site: str
    lines: tuple[ShippedLine, ...]
    reason: str = ""
    covered: str = ""
    items: dict[int, str] = {}  # noqa: RUF012


class Source(Contract):
    """Another site that was told to send a part of the order. `ref` makes its effects' keys unique."""

    site: str
    lines: tuple[ShippedLine, ...]
    ref: str


class TenderState(Contract):
    """The offer of the transport to carriers, one after the other. `key` is the effect of the attempt under way.

    `pending_since`: the transport desk took the tender and named no carrier yet. `exhausted`: nobody is left to ask.
    """

    key: str = ""
    attempt: int = 1
    carrier: str = ""
    accepted: bool = False
    pending_since: Moment | None = None
    rejected: tuple[str, ...] = ()
    exhausted: bool = False


class RefusedEffect(Contract):
    """An effect that a system refused by its own rule, kept so that it can be tried again."""

    effect: Effect
    origin: str
    at: Moment


class OpenProposal(Contract):
    """A re-plan that a planner has been asked about."""

    kind: str
    subject: str
    proposed_on: date
    lines: tuple[ShippedLine, ...] = ()


class KnownCase(Contract):
    """The newest case of one kind: its number, and what it was about last.

    `settled`: what people have resolved although it is still wrong; it is not raised again before it was cured.
    """

    kind: ExceptionKind
    number: int
    open: bool
    subjects: tuple[str, ...]
    reopened: int = 0
    settled: tuple[str, ...] = ()
