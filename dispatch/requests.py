"""Messages that only the gateway and the relay know, and how the inbox keeps commands."""

from datetime import datetime
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import Field

from schemas.base import Contract, Role
from schemas.ids import CaseKey, Subject
from schemas.orders.release import CancelRequest
from schemas.procurement.purchase_orders import PurchaseAnswer
from schemas.workflow_ids import WorkflowId, workflow_of
from schemas.workflows.commands import (
    ActionRequest,
    AmendRequest,
    CaseAnswer,
    Command,
    CommandAnswer,
    HoldRequest,
    NoteRequest,
    ReplanDecision,
    ResumeRequest,
    ReturnAnswer,
    ReturnRequest,
    SentReturn,
)

InboxId = Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)]
Request = TypeVar("Request", bound=Contract)
RETURN = "return"
Answer = CommandAnswer | CaseAnswer | ReturnAnswer | PurchaseAnswer
"""The answers to commands."""


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

    def command(self, inbox_id: int, accepted_at: datetime, traceparent: str) -> Command[Any]:
        """The command as workflows get it, without names and addresses, and with the first message that brought it."""
        request: Any = self.request
        return Command(
            request=request.without_names() if isinstance(request, AmendRequest) else request,
            by=self.by,
            role=self.role,
            inbox_id=inbox_id,
            accepted_at=accepted_at,
            traceparent=traceparent,
        )

    @property
    def is_return(self) -> bool:
        """Whether it asks for a return: that is a workflow of its own."""
        return self.verb == RETURN

    @property
    def subject(self) -> Subject:
        """The subject of the command; for a case, the subject of the case. Raises ValueError."""
        return CaseKey.parse(self.key).subject if self.verb in CASE_VERBS else Subject.parse(self.key)

    @property
    def workflow_id(self) -> str:
        """The workflow that decides on it."""
        if self.verb in CASE_VERBS:
            return str(WorkflowId.of_case(self.key))
        if self.is_return:
            request: Any = self.request
            return str(WorkflowId.of_return(self.key, request.id))
        return workflow_of(self.key)

    @property
    def answer_type(self) -> type[Answer]:
        """The type of the caller's answer."""
        if self.verb in CASE_VERBS:
            return CaseAnswer
        if self.is_return:
            return ReturnAnswer
        return PurchaseAnswer if self.subject.is_purchase else CommandAnswer

    @property
    def kind(self) -> str:
        """The kind of its inbox message: `order.<verb>` or `case.<verb>`."""
        return kind_of(self.verb)

    @property
    def raw(self) -> bytes:
        """Its bytes in the inbox. Spelled-out defaults make no difference: a repeat has the same digest."""
        return self.model_dump_json(exclude_defaults=True).encode()


CASE_VERBS = ("acknowledge", "assign", "resolve")
"""Commands to a case."""
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
"""Requests in the units of our books, by the kind of their inbox message."""
SENT: dict[str, type[Contract]] = {**REQUESTS, "order.return": SentReturn}
"""Requests as callers send them."""


def record_of(kind: str, raw: bytes) -> CommandRecord[Any]:
    """The command that a message of this kind keeps."""
    kept = CommandRecord[Any].model_validate_json(raw)
    return kept.model_copy(update={"request": REQUESTS[kind].model_validate(kept.request)})


def kind_of(verb: str) -> str:
    """The kind of inbox message that carries a verb."""
    return f"case.{verb}" if verb in CASE_VERBS else f"order.{verb}"
