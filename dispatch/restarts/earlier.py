"""Restarts of workflows from builds without snapshots: from their messages, and from their rows.

An order, purchase order or return is decided once more from what it applied. A case is made of its row.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from dispatch.events import event_mapping
from dispatch.orders import days
from dispatch.orders.opening import opened
from dispatch.partners import measuring
from dispatch.procurement.documents import read
from dispatch.requests import record_of
from domain.cases.case_file import CaseFile
from domain.cases.escalation_policies import case_policy, procurement_policy
from domain.orders import goods
from domain.orders.order_run import OrderRun
from domain.orders.rebuilding import SETTLED, EffectEntry, RefoldingFacts, ReplayedInput, refold
from domain.procurement import documents, inbound, inbound_effects, purchase_actions
from domain.procurement.purchase_order import PurchaseFile
from domain.procurement.purchase_run import InboundRun
from domain.returns.return_run import ReturnRun, as_asked, refolded
from schemas.base import Contract, Role
from schemas.cases.cases import CaseQuery, KnownCase
from schemas.copying import made_of
from schemas.ids import CaseKey
from schemas.inventory.stock import Moves
from schemas.orders.milestones import MilestoneEvent
from schemas.procurement.purchase_orders import InboundStart, PurchaseDocument
from schemas.procurement.replenishment import ReplenishmentProposal, ReplenishmentRun
from schemas.standard_identifiers import short_id
from schemas.workflow_ids import WorkflowId
from schemas.workflows.commands import Verb
from schemas.workflows.lifecycle import OrderStart
from schemas.workflows.returns import ReturnStart
from store.cases import cases, policies
from store.engine import Connection, Database
from store.messaging import restarting, undecided
from store.messaging.heads import KeptHead
from store.orders import measures, orders, returns
from store.partners import partners
from store.procurement import purchase_orders, replenishments


class WorkflowBooks(NamedTuple):
    """Everything a workflow has moved: stock, and packs that left in shipments. `source`: of its movements."""

    source: str
    stem: str
    moves: Moves
    issued: Moves


class EarlierRun(NamedTuple):
    """The start of a new run, and its books."""

    run: Contract
    version: int
    books: WorkflowBooks | None = None


async def order(database: Database, key: str, version: int) -> EarlierRun:
    """An order from its release and what it was told. Raises LookupError when it is unknown."""
    start, carrier = await _order_start(database, key)
    async with database.connection() as connection:
        past = [*await _events(connection, key, start.workflow_id), *await _commands(connection, key)]
        ledger = {row["key"]: _entry(row) for row in await restarting.ledger_of(connection, key)}
        known = tuple(map(_known_case, await restarting.cases_of(connection, key)))
    run = refold(start, past, RefoldingFacts(ledger, carrier, known, version))
    return EarlierRun(run, run.state.version if run.state else version, _order_books(run))


def _order_books(run: OrderRun) -> WorkflowBooks | None:
    if run.state is None:
        return None
    nothing = goods.Holdings()
    moves, issued = goods.moves(nothing, goods.of_order(run.state)), goods.moves(nothing, goods.issued(run.state))
    return WorkflowBooks("order", run.start.key, moves, issued)


async def _order_start(database: Database, key: str) -> tuple[OrderStart, str]:
    """As the order was started, and who carries it now."""
    async with database.connection() as connection:
        release = await orders.released(connection, key)
        carrier = await restarting.carrier_of(connection, key)
    return await opened(database, key, release), carrier


async def _events(connection: Connection, key: str, workflow: str) -> list[ReplayedInput]:
    """Partners' events that a workflow has answered for."""
    past = [it for it in await undecided.events_of(connection, key) if it.settled_at and not it.late]
    roles = await partners.roles(connection, [it.partner for it in past])
    sent = [(it, event_of(it, roles)) for it in past]
    return [
        ReplayedInput(it.settled_at, event, applied=it.state == "applied")
        for it, event in sent
        if it.settled_at and event_mapping.addressee(key, event) == workflow
    ]


def event_of(past: undecided.Past, roles: dict[str, tuple[Role, ...]]) -> MilestoneEvent:
    """An event from the log, as its workflow gets it."""
    return event_mapping.again(past, roles.get(past.partner, (Role.CARRIER,)))


async def _commands(connection: Connection, key: str) -> list[ReplayedInput]:
    """Commands that an order has carried out."""
    found = []
    for it in await undecided.commands_of(connection, key):
        record = record_of(it.kind, it.raw)
        if it.settled_at and it.state == "applied" and record.verb in list(Verb):
            command = record.command(it.id, it.received_at, it.traceparent)
            found.append(ReplayedInput(it.settled_at, command, Verb(record.verb)))
    return found


def _entry(row: dict[str, Any]) -> EffectEntry:
    return EffectEntry(row["outcome"], row["origin"], row["at"])


def _known_case(row: dict[str, Any]) -> KnownCase:
    """The case as people left it: resolved stays resolved."""
    subjects = tuple(row["subjects"])
    settled = subjects if row["state"] == "resolved" else ()
    fields = {name: row[name] for name in ("kind", "number", "open", "reopened")}
    return KnownCase(**fields, subjects=subjects, settled=settled)


async def purchase(database: Database, kept: KeptHead) -> EarlierRun:
    """A purchase order from its documents. Raises LookupError when it is unknown."""
    async with database.connection() as connection:
        row = await purchase_orders.find(connection, kept.subject)
        if row is None:
            raise LookupError(kept.subject)
        rules = await policies.rules(connection, "procurement")
        policy = procurement_policy(rules, row["supplier"], row["site"], row["region"])
        named = {name: row[name] for name in ("erp", "number", "supplier", "site", "region")}
        start = InboundStart(**named, policy=policy, accepted_at=row["created_at"])
        start = await days.of_purchase(connection, start)
        sent = await _documents(connection, start)
        sent += [it.message for it in await _events(connection, kept.subject, kept.workflow_id)]
        sent += [it.message for it in await _commands(connection, kept.subject)]
        ledger = {it["key"]: it["outcome"] for it in await restarting.ledger_of(connection, kept.subject)}
        known = tuple(map(_known_case, await restarting.cases_of(connection, kept.subject)))
    state, owed, seen = _folded(PurchaseFile(start=start), sent)
    state = state.model_copy(update={"version": max(state.version, kept.version)})
    run = made_of(
        InboundRun,
        start,
        state=state,
        seen=seen,
        owed=tuple(it for it in owed if ledger.get(it.key, "") not in SETTLED),
        cases=known,
    )
    moves = goods.moves(goods.Holdings(), inbound.holdings(state))
    return EarlierRun(run, state.version, WorkflowBooks("purchase", kept.subject, moves, {}))


def _folded(state: PurchaseFile, sent: Iterable[Any]) -> tuple[PurchaseFile, tuple[Any, ...], tuple[str, ...]]:
    """The state after all that was told, what others were owed because of it by key, and the names of it."""
    owed, seen = dict[str, Any](), dict[str, None]()
    first = sorted(sent, key=lambda it: (not (isinstance(it, PurchaseDocument) and it.order), it.inbox_id))
    for it in first:
        before = state.model_copy(update={"version": state.version + 1})
        if isinstance(it, PurchaseDocument):
            after, _ = documents.take(before, it)
            seen[short_id(it.id)] = None
        elif isinstance(it, MilestoneEvent):
            after, _ = documents.take_milestone(before, it)
            seen[short_id(it.id)] = None
        else:
            refused = purchase_actions.refusal(before, it.request, 0)
            after = before if refused else purchase_actions.decide(before, it)[0]
            seen |= {short_id(f"act {it.request.id}"): None, short_id(f"act {it.by}/{it.request.id}"): None}
        state, effects = inbound_effects.owed(state, after)
        owed.update((x.key, x) for x in effects)
    return state, tuple(owed.values()), tuple(seen)


async def _documents(connection: Connection, start: InboundStart) -> list[Any]:
    """The documents of a purchase order that were decided on."""
    found, lines = [], await measures.kept_lines(connection, start.key)
    for it in await undecided.documents_settled(connection, start.number):
        said = read(it)
        if said.key == start.key:
            document = await measuring.document(connection, said.erp, said.document, lines)
            found.append(said.placed(document).document)
    return found


async def returned(database: Database, kept: KeptHead) -> EarlierRun:
    """A return from its row and its reports. Raises LookupError when it is unknown."""
    rma = WorkflowId.parse(kept.workflow_id).rma
    async with database.connection() as connection:
        rows = [row for row in await returns.listing(connection, kept.subject) if row["rma"] == rma]
        release = await orders.release_of(connection, kept.subject)
        past = await _events(connection, kept.subject, kept.workflow_id)
        ledger = {it["key"]: it["outcome"] for it in await restarting.ledger_of(connection, kept.subject)}
    if not rows:
        raise LookupError(kept.workflow_id)
    [row] = rows
    items = {line.line: line.item for line in release.lines}
    written = ReturnStart(
        order=kept.subject,
        rma=rma,
        reason=row["reason"],
        lines=row["expected"],
        items={x["line"]: items.get(x["line"], "") for x in row["expected"]},
        site=release.site or release.supplier or "",
        region=release.region,
        sender=row["sender"],
        collect=not row["sender"],
        by=row["by"],
        accepted_at=row["created_at"],
    )
    sent = [it.message for it in past if isinstance(it.message, MilestoneEvent)]
    start = as_asked(written, sent)
    state, owed = refolded(start, sent)
    state = state.model_copy(update={"version": max(state.version, kept.version), "overdue": row["overdue"]})
    run = made_of(
        ReturnRun,
        start,
        state=state,
        seen=tuple(short_id(name) for it in past for name in it.names),
        owed=tuple(it for it in owed.values() if ledger.get(it.key, "") not in SETTLED),
    )
    moves = goods.moves(goods.Holdings(), goods.of_return(state))
    return EarlierRun(run, state.version, WorkflowBooks("return", f"{kept.subject}/return/{rma}", moves, {}))


async def case(database: Database, kept: KeptHead) -> EarlierRun:
    """A case from its row; under the policy of now. Raises LookupError when it is unknown."""
    async with database.connection() as connection:
        row = await cases.show(connection, WorkflowId.parse(kept.workflow_id).name)
        rules = await policies.rules(connection, "case")
    if row is None:
        raise LookupError(kept.workflow_id)
    query = CaseQuery(kind=row["kind"], order=row["order_key"])
    same = ("kind", "findings", "opened_at", "reopened", "history", "version", "state", "assignee", "acknowledged_at")
    file = CaseFile(
        order=row["order_key"],
        number=CaseKey.parse(row["id"]).number,
        policy=case_policy(rules, query),
        reached=row["tier"] + 1,
        **{name: row[name] for name in same},
    )
    return EarlierRun(file, file.version)


async def replenishment(database: Database, kept: KeptHead) -> EarlierRun:
    """A replenishment from its proposal: it goes its way once more, under the same keys. Raises LookupError."""
    async with database.connection() as connection:
        row = await replenishments.show(connection, WorkflowId.parse(kept.workflow_id).name, None)
    if row is None:
        raise LookupError(kept.workflow_id)
    proposal = ReplenishmentProposal.model_validate(row["proposal"])
    run = ReplenishmentRun(
        proposal=proposal, by=row["partner"], inbox_id=0, accepted_at=row["created_at"], version=kept.version
    )
    return EarlierRun(run, kept.version)
