"""Problems of a workflow as Temporal sees it: it does not run, makes no progress, or comes close to a limit."""

from schemas.base import Contract
from schemas.finance.reconciliation import About, Difference, DifferenceClass
from schemas.ids import Subject, SubjectKind
from schemas.plurals import counted

FAILED_TASKS = 3
"""Tries of a workflow task that are no accident any more: the server fails some for reasons of its own."""
WARN_EVENTS, WARN_BYTES = 10_240, 10 * 1024 * 1024
"""Temporal warns at a history of so many events, and of so many bytes; it ends the workflow at five times as much. It
refuses signals beyond 10,000: each is an event, so these are noticed first."""
NEAR = 0.8
"""People are told at this part of a limit: a run that begins anew in time never comes so far."""
RUNNING = "running"


class Seen(Contract):
    """A workflow as Temporal describes it. `status`: `running`, how it ended, or `not found`. `attempt`: how often its
    newest task was tried."""

    workflow_id: str
    subject: str
    status: str
    attempt: int = 1
    events: int = 0
    bytes: int = 0
    waiting: int = 0
    """Messages of the order or purchase order that wait for an answer."""


def difference(seen: Seen) -> Difference | None:
    """The problem of an open workflow, and its remedy; None when it is well."""
    waits = f"; {counted(seen.waiting, 'message')} waiting" if seen.waiting else ""
    if seen.status != RUNNING:
        return _difference(seen, seen.status, f"{_again(seen)}{waits}")
    if seen.attempt >= FAILED_TASKS:
        return _difference(seen, "its task fails", f"mend the worker: it goes on by itself{waits}")
    if close := _close(seen):
        return _difference(seen, f"close to a limit: {close}", f"end it and begin it again: {_again(seen)}{waits}")
    return None


def _close(seen: Seen) -> str:
    """The limits that it is close to. Words without figures: a difference that stays is the same at every look."""
    parts = {"events": seen.events / WARN_EVENTS, "bytes": seen.bytes / WARN_BYTES}
    return ", ".join(name for name, part in parts.items() if part > NEAR)


def _again(seen: Seen) -> str:
    """The command that begins it again, with its order."""
    about = Subject.parse(seen.subject)
    if about.kind is SubjectKind.ORDER:
        return f"`syncline order restart {about.number} --erp {about.erp}`"
    return "`syncline order restart --all`"


def _difference(seen: Seen, what: str, proposal: str) -> Difference:
    return Difference(
        about=About.WORKFLOW,
        subject=seen.workflow_id,
        kind=DifferenceClass.MISSING,
        ours="open",
        theirs=what,
        owner="syncline",
        proposal=proposal,
    )
