"""What can be seen of an order from outside: its cases, what the ERP was told, search attributes, history."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from temporalio.client import WorkflowHandle

from schemas.cases.cases import ENDED, CaseOutcome, CaseRecord
from schemas.cases.exceptions import Action, ExceptionKind
from schemas.messaging.effects import ChangeKind, Effect, Operation
from schemas.orders.milestones import ShippedLine
from schemas.planning.proposals import Decided, Proposal
from schemas.workflows.commands import ActionRequest, NoteRequest
from tests.stack.standins import until
from tests.workflows.told import named
from tests.workflows.world import Order


def case_id(order: Order, kind: ExceptionKind, number: int = 1) -> str:
    """How people name a case."""
    return f"{order.key}/{kind}/{number}"


def case(order: Order, kind: ExceptionKind, number: int = 1) -> WorkflowHandle[Any, CaseOutcome]:
    """A case's workflow."""
    name = f"case/{case_id(order, kind, number)}"
    return order.world.client.get_workflow_handle(name, result_type=CaseOutcome)


def case_steps(order: Order, kind: ExceptionKind, number: int = 1) -> list[CaseRecord]:
    """Every record that a case has written."""
    return [it for it in order.world.cases[order.key] if it.id == case_id(order, kind, number)]


def subjects(order: Order, kind: ExceptionKind, number: int = 1) -> set[str]:
    """What a case is about now; nothing when it has ended."""
    written = case_steps(order, kind, number)
    open_now = written and written[-1].state not in ENDED
    return {finding.subject for finding in written[-1].findings} if open_now else set()


async def opened(order: Order, kind: ExceptionKind, *about: str, number: int = 1) -> CaseRecord:
    """Wait until a case is open, and about these subjects when they are given. Its newest record."""
    await until(lambda: subjects(order, kind, number) == set(about) if about else bool(subjects(order, kind, number)))
    return case_steps(order, kind, number)[-1]


async def ended(order: Order, kind: ExceptionKind, number: int = 1) -> CaseRecord:
    """Wait until a case has ended. Its last record."""

    def over() -> bool:
        written = case_steps(order, kind, number)
        return bool(written) and written[-1].state in ENDED

    await until(over)
    return case_steps(order, kind, number)[-1]


async def resolve(order: Order, kind: ExceptionKind, number: int = 1) -> None:
    """A person says that a case is dealt with, and its workflow ends."""
    handle = case(order, kind, number)
    asked = order.command(NoteRequest(id=f"done-{number}", reason="settled by telephone"))
    await handle.signal("resolve", asked)
    await handle.result()


def action(name: Action, request: str = "a1", **fields: Any) -> ActionRequest:
    """An action that a person asks for."""
    return ActionRequest(id=request, reason="people decided", action=name, **fields)


def packs(**lines: int) -> tuple[ShippedLine, ...]:
    """`packs(line1=10)`: ten packs of line 1."""
    return tuple(ShippedLine(line=int(name.removeprefix("line")), quantity=n) for name, n in lines.items())


def changes(order: Order, kind: ChangeKind) -> list[Effect[Any]]:
    """Updates sent to the ERP of one kind of change, in that order."""
    return [effect for effect in order.carried(Operation.REPORT_CHANGE) if effect.topic.change is kind]


def proposals(order: Order) -> list[Proposal]:
    """What the planner was asked."""
    return [it for step in order.steps for it in step.proposals]


def decided(order: Order) -> list[Decided]:
    """What became of the proposals."""
    return [it for step in order.steps for it in step.decided]


async def attributes(order: Order) -> dict[str, Any]:
    """Its search attributes."""
    return {pair.key.name: pair.value for pair in (await order.handle.describe()).typed_search_attributes}


async def details(order: Order) -> str:
    """Its page in the Temporal UI."""
    described = await order.handle.query("__temporal_workflow_metadata")
    return str(described["currentDetails"] if isinstance(described, dict) else described.current_details)


async def events(order: Order) -> list[tuple[str, datetime]]:
    """Kind and time of each event in the history of its newest run, without the common beginning of the names, and
    without the timers that only begin another workflow task."""
    return named(await order.handle.fetch_history())


def most_at_once(named: list[tuple[str, datetime]]) -> int:
    """The most timers that ran at the same time."""
    return max(_running(named), default=0)


def _running(named: list[tuple[str, datetime]]) -> Iterator[int]:
    running = 0
    for name, _ in named:
        running += (name == "TIMER_STARTED") - (name in ("TIMER_FIRED", "TIMER_CANCELED"))
        yield running
