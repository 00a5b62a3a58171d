"""Commands: what people and the ERP may ask of a running order, and how the order's workflow gets it.

Every request carries the caller's own `id`: the same id is carried out once.
"""

from enum import StrEnum
from typing import Annotated, Generic, Self, TypeVar

from pydantic import ConfigDict, Field, model_validator

from schemas.base import Contract, Day, Moment, Packs, Role, SiteId, SystemId, Text, Unit
from schemas.cases.exceptions import Action
from schemas.ids import SENDER, shipment_back
from schemas.orders.milestones import ItemId, Line, LineNumber, SentLine, ShippedLine
from schemas.orders.release import MAX_LINES, LinePromise, OrderStatus, Party
from schemas.procurement.documents import DocumentNumber

RequestId = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[\x21-\x7e]+$")]


class Verb(StrEnum):
    """The commands of an order; also the names of its workflow's updates and of the API's operations."""

    AMEND = "amend"
    CANCEL = "cancel"
    HOLD = "hold"
    RESUME = "resume"
    ACT = "act"
    REPLAN = "replan"


class LineAmendment(Contract):
    """A change to one line. `quantity` 0 removes it; a line number that is new adds it and needs `item`.

    `quantity` is in `unit`, which is that in which the item is kept when absent. It must be said of a line that was
    released in another.
    """

    line: LineNumber
    quantity: Annotated[int, Field(strict=True, ge=0, le=100_000_000)] | None = None
    item: ItemId | None = None
    requested_on: Day | None = None
    unit: Unit | None = None


class AmendRequest(Contract):
    """Change an order under way: quantities, days, address, lines. Absent fields stay as they are."""

    id: RequestId
    reason: Text
    lines: Annotated[tuple[LineAmendment, ...], Field(max_length=MAX_LINES)] = ()
    requested_on: Day | None = None
    ship_to: Party | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not (self.lines or self.requested_on or self.ship_to):
            raise ValueError("lines: name at least one change: lines, requested_on or ship_to")
        numbers = [line.line for line in self.lines]
        if len(set(numbers)) != len(numbers):
            raise ValueError("lines: each line number may appear once")
        return self

    def without_names(self) -> "Amendment":
        """The amendment as the order's workflow gets it: that the address changed, not what it is."""
        return Amendment(
            id=self.id,
            reason=self.reason,
            lines=self.lines,
            requested_on=self.requested_on,
            address=self.ship_to is not None,
        )


class Amendment(Contract):
    """An amendment without names and addresses, which stay in the store."""

    id: RequestId
    reason: str
    lines: tuple[LineAmendment, ...] = ()
    requested_on: Day | None = None
    address: bool = False


class HoldRequest(Contract):
    """Stop work on an order that has not been shipped, until it is resumed or cancelled."""

    id: RequestId
    reason: Text


class ResumeRequest(Contract):
    """Go on with an order that is on hold."""

    id: RequestId
    reason: Text


class ActionRequest(Contract):
    """An action that a case offers. Which of the other fields are needed follows from the action.

    Orders: retry needs nothing, replay `messages`. Re_source and split take `site`, and `lines` for a part. Re_tender
    takes `carrier`. Re_date takes `promised_on`, or `promises` for single lines. Write_off takes `lines`, else all that
    is open. Notify_customer needs nothing; its `reason` is not sent.

    Purchase orders: accept takes `case`, and `lines` for some of them. Release_invoice and reject_invoice take
    `invoice`. Ask_again and close_uninvoiced need nothing.
    """

    id: RequestId
    reason: Text
    action: Action
    case: Text | None = None
    site: SiteId | None = None
    carrier: SystemId | None = None
    promised_on: Day | None = None
    promises: Annotated[tuple[LinePromise, ...], Field(max_length=MAX_LINES)] = ()
    lines: Annotated[tuple[ShippedLine, ...], Field(max_length=MAX_LINES)] = ()
    messages: Annotated[tuple[int, ...], Field(max_length=1000)] = ()
    invoice: DocumentNumber | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {
            Action.RE_SOURCE: "site",
            Action.SPLIT: "site",
            Action.RESCHEDULE: "promised_on",
            Action.REPLAY: "messages",
            Action.ACCEPT: "case",
            Action.RELEASE_INVOICE: "invoice",
            Action.REJECT_INVOICE: "invoice",
        }
        name = needed.get(self.action)
        if self.promises and (self.action is not Action.RESCHEDULE or self.promised_on):
            raise ValueError("promises: are for the action re_date, instead of promised_on")
        if name and not self.promises and not getattr(self, name):
            raise ValueError(f"{name}: is required for the action {self.action}")
        if self.action is Action.SPLIT and not self.lines:
            raise ValueError("lines: say which packs of which lines the other site sends")
        return self


class Verdict(StrEnum):
    """The planner's decision on a proposal."""

    ACCEPT = "accept"
    REJECT = "reject"
    OVERRIDE = "override"


class Substitute(Contract):
    """Send another item for a line."""

    line: LineNumber
    item: ItemId


class ReplanDecision(Contract):
    """A planner's answer to a proposal: take it, leave it, or do something else instead.

    An override names at least one of date, source (`site`), split (`site` with `lines`), `carrier`, `expedite`,
    `substitutes`. Of an item at a site (`stock/<n>`) it names the date, or `packs` more or fewer to plan, or both.
    """

    id: RequestId
    proposal: Text
    verdict: Verdict
    reason: Text
    promised_on: Day | None = None
    site: SiteId | None = None
    lines: Annotated[tuple[ShippedLine, ...], Field(max_length=MAX_LINES)] = ()
    carrier: SystemId | None = None
    expedite: bool = False
    substitutes: Annotated[tuple[Substitute, ...], Field(max_length=MAX_LINES)] = ()
    packs: Annotated[int, Field(strict=True, ge=-100_000_000, le=100_000_000)] | None = None

    @model_validator(mode="after")
    def _overrides_something(self) -> Self:
        named = (self.promised_on, self.site, self.carrier, self.expedite, self.substitutes)
        says = any(named) or self.packs is not None
        if self.verdict is Verdict.OVERRIDE and not says:
            raise ValueError("verdict: an override names a date, site, carrier, expedite, substitutes or packs")
        if self.verdict is not Verdict.OVERRIDE and says:
            raise ValueError("verdict: only an override may name something else than the proposal")
        if self.lines and not self.site:
            raise ValueError("site: is required when lines say what another site sends")
        return self


class _Return(Contract, Generic[Line]):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    reason: Text
    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=MAX_LINES)]
    collect: bool = True

    @model_validator(mode="after")
    def _not_the_carriers(self) -> Self:
        if shipment_back(self.id) is not None:
            raise ValueError(f"id: numbers that begin with {SENDER} are for goods that a carrier brings back")
        return self


class SentReturn(_Return[SentLine]):
    """A customer sends goods back. The `id` becomes the number of the return authorisation."""

    model_config = ConfigDict(title="ReturnRequest")


class ReturnRequest(_Return[ShippedLine]):
    """A return in the units that its items are kept in."""


class NoteRequest(Contract):
    """Acknowledge or resolve a case, or assign it: `to` is the person or queue that takes it."""

    id: RequestId
    reason: Text = "seen"
    to: Text | None = None


Body = TypeVar("Body", bound=Contract)


class Command(Contract, Generic[Body]):
    """A request as a workflow gets it: what, by whom, and the message that brought it."""

    request: Body
    by: str = ""
    role: Role = Role.ERP
    inbox_id: int
    accepted_at: Moment
    traceparent: str = ""


class CommandAnswer(Contract):
    """The outcome of a command. `done` says it in words."""

    order: str
    status: OrderStatus
    conditions: tuple[str, ...] = ()
    promised_on: Day | None = None
    done: str = ""


class CaseAnswer(Contract):
    """The outcome of a request to a case."""

    case: str
    state: str
    tier: int
    queue: str
    assignee: str = ""


class ReturnAnswer(Contract):
    """An authorised return: its workflow `return/<order>/<rma>`, and how many packs are expected."""

    order: str
    rma: str
    state: str
    packs: Packs
