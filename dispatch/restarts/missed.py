"""Decisions beyond the snapshot of a new run: their messages are sent to it again, in the same order."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from temporalio.client import WorkflowHandle

from dispatch.events import event_mapping
from dispatch.procurement.documents import read
from dispatch.requests import REQUESTS, record_of
from dispatch.restarts.earlier import event_of
from domain.orders.state import OrderState
from schemas.orders.milestones import MilestoneEvent
from schemas.standard_identifiers import short_id
from schemas.workflow_ids import WorkflowId, WorkflowKind, workflow_of
from schemas.workflows.commands import Command
from schemas.workflows.returns import ReturnOutcome, ReturnState
from store.engine import Connection
from store.messaging import signals, undecided
from store.messaging.heads import KeptHead
from store.orders import returns
from store.partners import partners

BYTES_PER_SIGNAL = 200_000
"""Of a signal's events as JSON: Temporal warns at 256 kB."""


HEAR_EVENTS = frozenset({WorkflowKind.ORDER, WorkflowKind.RETURN, WorkflowKind.PURCHASE_ORDER})
HEAR_ALL_COMMANDS = HEAR_EVENTS - {WorkflowKind.RETURN}
"""Commands that the subject of these was asked are their own."""
SHIELD_S = 5.0
"""Seconds that the relay leaves waiting messages to a new run: those decided before go first."""
Resend = MilestoneEvent | tuple[str, Command[Any]]
"""An event, or a command with the name of its signal."""
Place = tuple[int, float, int]


class Missed(NamedTuple):
    """Messages to send again at once, in this order, and the number of others that wait."""

    resend: tuple[Resend, ...]
    waiting: int


async def bring_back(
    connection: Connection, kept: KeptHead, seen: Sequence[str], forgotten: Sequence[tuple[str, int]]
) -> Missed:
    """Have all that the new run has not seen wait for it. `forgotten`: (event, message) of what was decided, but not
    confirmed, beyond the snapshot, in that order."""
    known, kind = frozenset(seen), WorkflowId.parse(kept.workflow_id).kind
    rank = {name: place for place, name in enumerate(forgotten)}
    beyond: list[tuple[Place, Resend]] = []
    if kind in HEAR_EVENTS:
        beyond += await _events(connection, kept, known, rank)
    commands = await _commands(connection, kept, known, [message for _, message in forgotten])
    for asked in commands:
        record = record_of(asked.kind, asked.raw)
        place = _place(rank, f"{record.verb} {record.request.id}", asked.id, asked.settled_at)
        beyond.append((place, (record.verb, record.command(asked.id, asked.received_at, asked.traceparent))))
    await undecided.ask_again(connection, [it.id for it in commands], kept.workflow_id)
    if kind is WorkflowKind.PURCHASE_ORDER and kept.confirmed > kept.snapshot_version:
        await undecided.ask_again(connection, await _documents(connection, kept, known), kept.workflow_id)
    resend = tuple(it for _, it in sorted(beyond, key=lambda pair: pair[0]))
    waiting = await undecided.hold_back(connection, kept.workflow_id, SHIELD_S)
    messages = {it[1].inbox_id for it in resend if not isinstance(it, MilestoneEvent)}
    events = sum(isinstance(it, MilestoneEvent) for it in resend)
    return Missed(resend, events + len(messages | set(waiting)))


async def _events(
    connection: Connection, kept: KeptHead, known: frozenset[str], rank: dict[tuple[str, int], int]
) -> list[tuple[Place, Resend]]:
    """Events that the new run has not decided, which wait for it from now on."""
    subject = signals.subject_of(kept.workflow_id)
    past = await undecided.events_of(connection, subject)
    roles = await partners.roles(connection, [it.partner for it in past])
    unseen = [
        (it, event)
        for it, event in ((it, event_of(it, roles)) for it in past)
        if event_mapping.addressee(subject, event) == kept.workflow_id and _unseen(it, known)
    ]
    await undecided.bring_back(connection, subject, [it.event_id for it, _ in unseen if it.state != "pending"])
    return [(_place(rank, it.event_id, it.inbox_id, None if it.late else it.settled_at), x) for it, x in unseen]


def _unseen(it: undecided.Past, known: frozenset[str]) -> bool:
    """Whether the new run has not decided an event. One that came too late for an order that is open never was."""
    return it.late or it.state == "pending" or short_id(it.event_id) not in known


def _place(rank: dict[tuple[str, int], int], name: str, message: int, settled_at: datetime | None) -> Place:
    """Confirmed first, by settling; then what was decided provisionally; then what was never decided."""
    if (name, message) in rank:
        return 1, float(rank[name, message]), message
    return (2, 0.0, message) if settled_at is None else (0, settled_at.timestamp(), message)


async def _commands(
    connection: Connection, kept: KeptHead, known: frozenset[str], forgotten: list[int]
) -> list[undecided.UndecidedMessage]:
    """Commands that were decided beyond the snapshot, provisionally or not, and those that the workflow was told of and
    has not decided. Refusals stay refusals."""
    resend = [*await undecided.asked(connection, forgotten), *await undecided.delivered(connection, kept.workflow_id)]
    found = {it.id: it for it in resend if it.kind in REQUESTS}
    if kept.confirmed > kept.snapshot_version and WorkflowId.parse(kept.workflow_id).kind in HEAR_ALL_COMMANDS:
        for it in await undecided.commands_of(connection, kept.subject):
            record = record_of(it.kind, it.raw)
            if it.state == "applied" and short_id(f"{record.verb} {record.by}/{record.request.id}") not in known:
                found[it.id] = it
    return [it for it in found.values() if not record_of(it.kind, it.raw).is_return]


async def _documents(connection: Connection, kept: KeptHead, known: frozenset[str]) -> list[int]:
    """Documents of a purchase order that were decided beyond the snapshot: the relay places them once more."""
    number = WorkflowId.parse(kept.workflow_id).subject.number
    found = []
    for it in await undecided.documents_settled(connection, number):
        said = read(it)
        if workflow_of(said.key) == kept.workflow_id and it.state == "applied":
            found += [] if short_id(said.id) in known else [it.id]
    return found


async def returned(connection: Connection, state: OrderState) -> list[ReturnOutcome]:
    """The progress of an order's returns that the order has not received."""
    found = []
    for row in await returns.listing(connection, state.start.key):
        fields = {name: row[name] for name in ("rma", "state", "received", "restocked", "scrapped")}
        said = ReturnOutcome(order=state.start.key, **fields)
        heard = state.reports.returns.get(said.rma)
        if said.state is not ReturnState.AUTHORISED and (
            heard is None or heard.model_copy(update={"said_at": None}) != said
        ):
            found.append(said.model_copy(update={"said_at": row["updated_at"]}))
    return found


async def tell(handle: WorkflowHandle[Any, Any], missed: Missed, within: timedelta) -> None:
    """Signal earlier decisions to a new run. Raises RPCError: what it was not told then, the relay tells it."""
    waiting: list[MilestoneEvent] = []
    for it in missed.resend:
        if isinstance(it, MilestoneEvent):
            waiting.append(it)
            continue
        await _tell_events(handle, waiting, within)
        waiting = []
        verb, command = it
        await handle.signal(verb, command, rpc_timeout=within)
    await _tell_events(handle, waiting, within)


async def go_on(connection: Connection, workflow: str, missed: Missed) -> None:
    """The new run was told all that was decided before: the relay tells it the rest."""
    subject = signals.subject_of(workflow) if missed.resend else ""
    resend = [(subject, it.id) for it in missed.resend if isinstance(it, MilestoneEvent)]
    await signals.taken(connection, resend)
    known = [it[1].inbox_id for it in missed.resend if not isinstance(it, MilestoneEvent)]
    await undecided.let_go(connection, workflow, known)


async def _tell_events(handle: WorkflowHandle[Any, Any], events: list[MilestoneEvent], within: timedelta) -> None:
    for part in parts(events):
        await handle.signal("milestones", part, rpc_timeout=within)


def parts(events: Sequence[MilestoneEvent]) -> Iterator[list[MilestoneEvent]]:
    """The same events, as many at a time as one signal bears."""
    part: list[MilestoneEvent] = []
    size = 0
    for it in events:
        more = len(it.model_dump_json(exclude_unset=True))
        if part and size + more > BYTES_PER_SIGNAL:
            yield part
            part, size = [], 0
        part.append(it)
        size += more
    if part:
        yield part
