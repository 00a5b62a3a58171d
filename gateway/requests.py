"""Messages that only the gateway and the relay know, and how the inbox keeps commands."""

from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import Field

from schemas.base import Contract, Role
from schemas.commands import (
    ActionRequest,
    AmendRequest,
    CaseAnswer,
    CommandAnswer,
    HoldRequest,
    NoteRequest,
    ReplanDecision,
    ResumeRequest,
    ReturnAnswer,
    ReturnRequest,
)
from schemas.orders import CancelRequest
from schemas.purchasing import PurchaseAnswer

InboxId = Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)]
Request = TypeVar("Request", bound=Contract)
Answer = CommandAnswer | CaseAnswer | ReturnAnswer | PurchaseAnswer
"""What a command may be answered with."""


class ReplayRequest(Contract):
    """Bring these quarantined messages back, after what stopped them has been repaired."""

    ids: Annotated[tuple[InboxId, ...], Field(min_length=1, max_length=1000)]


class CommandRecord(Contract, Generic[Request]):
    """A command as the inbox keeps it: what was asked, of which order (`<erp>/<number>`) or case, and by whom.

    Whole, with names and addresses: the store works them into the release. Workflows get the rest.
    """

    key: str
    verb: str
    by: str
    role: Role
    request: Request

    def about(self, key: str) -> Self:
        """The same command, about this order or case."""
        return self.model_copy(update={"key": key})

    @property
    def kind(self) -> str:
        """The kind of its inbox message: `order.<verb>` or `case.<verb>`."""
        return kind_of(self.verb)

    @property
    def raw(self) -> bytes:
        """Its bytes in the inbox. Spelled-out defaults make no difference: a repeat has the same digest."""
        return self.model_dump_json(exclude_defaults=True).encode()


CASE_VERBS = ("acknowledge", "assign", "resolve")
REQUESTS: dict[str, type[Contract]] = {
    "order.amend": AmendRequest,
    "order.cancel": CancelRequest,
    "order.hold": HoldRequest,
    "order.resume": ResumeRequest,
    "order.act": ActionRequest,
    "order.replan": ReplanDecision,
    "order.return": ReturnRequest,
    **{f"case.{verb}": NoteRequest for verb in CASE_VERBS},
}
"""What callers send, by the kind of inbox message that keeps it."""


def record_of(kind: str, raw: bytes) -> CommandRecord[Any]:
    """The command that a message of this kind keeps."""
    kept = CommandRecord[Any].model_validate_json(raw)
    return kept.model_copy(update={"request": REQUESTS[kind].model_validate(kept.request)})


def kind_of(verb: str) -> str:
    """The kind of inbox message that carries a verb."""
    return f"case.{verb}" if verb in CASE_VERBS else f"order.{verb}"
