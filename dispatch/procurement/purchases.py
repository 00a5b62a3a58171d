"""The relay's part of procurement: documents find their purchase order, proposals their workflow; nothing is lost.

A document that comes before its purchase order waits in quarantine for `po:<erp>/<number>`, and is revived by it.
"""

from collections.abc import Awaitable
from typing import Any, Protocol

from dispatch.events.admission import digest_of, stated
from dispatch.orders import days
from dispatch.partners import measuring
from dispatch.partners.master_data import Registry, cleared
from dispatch.partners.measuring import Unmeasured
from dispatch.ports import SignalRefused
from dispatch.procurement.document_rules import broken, broken_order, impossible, parties_of
from dispatch.procurement.documents import PlacedDocument, ReadDocument, read
from domain.cases.escalation_policies import procurement_policy
from domain.partners.master_data import named_in_purchase
from domain.procurement.purchase_run import InboundRun
from schemas.base import Origin, Role
from schemas.parsing import InvalidMessage, parse_strict
from schemas.partners.master_data import MasterKind, MasterName
from schemas.procurement.purchase_orders import InboundStart
from schemas.procurement.replenishment import ReplenishmentProposal, ReplenishmentStart
from schemas.procurement.sent_documents import SentOrder
from store.cases import policies
from store.engine import Connection, Database
from store.messaging import effects, heads, inbox, quarantine, repeats, signals
from store.orders import measures
from store.partners import partners
from store.procurement import purchase_orders, replenishments

PURCHASING = frozenset({inbox.PURCHASE, inbox.DOCUMENT, inbox.PROPOSAL})
"""The kinds of messages that are taken in here."""
ENDED = "the purchase order is closed, and nothing is kept with which it could begin again"
AGAIN_WITHIN_S = 2.0
"""A lock and a connection are held for so long at most while a purchase order begins again."""


class WorkflowEnded(Exception):
    """The workflow has ended: it takes nothing in any more."""


class Purchases(Protocol):
    """Hands documents and proposals to their workflows."""

    async def tell(self, start: InboundStart, placed: PlacedDocument, timeout_s: float, *, again: bool = False) -> bool:
        """Signal a purchase order's workflow, which is started when it is not; `again`, also when it has ended. False:
        Temporal is away. Raises WorkflowEnded."""
        ...

    async def propose(self, start: ReplenishmentStart, timeout_s: float) -> bool:
        """Start a replenishment's workflow, once. False: Temporal is away."""
        ...


class ProcurementHandoff(Protocol):
    """The workflows that the relay hands documents to."""

    @property
    def purchases(self) -> Purchases:
        """Procurement."""
        ...


async def take_in(
    database: Database, handoff: ProcurementHandoff, message: inbox.Message, timeout_s: float, registry: Registry
) -> None:
    """Place one message and hand it over. Messages that Temporal could not take are tried again by the relay."""
    try:
        if message.kind == inbox.PROPOSAL:
            await _propose(database, handoff.purchases, message, timeout_s)
        else:
            await _tell(database, handoff.purchases, message, timeout_s, registry)
    except InvalidMessage as refused:
        waiting_for = refused.waiting_for if isinstance(refused, Unmeasured) else None
        await _quarantine(database, message, str(refused)[:500], Origin.TRANSFORMATION, waiting_for)


async def _tell(
    database: Database, purchases: Purchases, message: inbox.Message, timeout_s: float, registry: Registry
) -> None:
    said = read(message)
    if first := await _first(database, said):
        await _settle(database, message, f"repeats message {first}")
        return
    if message.kind == inbox.DOCUMENT:
        await _take_place(database, message)
    if isinstance(said.document, SentOrder):
        await _order(database, purchases, said, said.document, timeout_s, registry)
    else:
        await _document(database, purchases, said, timeout_s, registry)


async def _order(
    database: Database, purchases: Purchases, said: ReadDocument, order: SentOrder, timeout_s: float, registry: Registry
) -> None:
    """A purchase order becomes known, and its workflow is signalled."""
    message = said.message
    if not await cleared(database, registry, message, named_in_purchase(said.erp, order)):
        return None
    if rule := broken_order(order):
        return await _quarantine(database, message, rule, Origin.OWNERSHIP)
    async with database.transaction() as connection:
        document, lines = await measuring.order(connection, said.erp, order)
        await purchase_orders.open_purchase(connection, said.erp, document, parties_of(said.erp, order), lines)
        found = await purchase_orders.find(connection, said.key)
        start = await _start(connection, found, message) if found else None
    if found is None or start is None:
        return await _wait_for_order(database, said)
    if rule := broken(order, start, message.partner):
        return await _quarantine(database, message, rule, Origin.OWNERSHIP)
    handing = _hand_over(database, purchases, start, said.placed(document), timeout_s)
    return await _handed(database, message, handing, ENDED, start.workflow_id)


async def _document(
    database: Database, purchases: Purchases, said: ReadDocument, timeout_s: float, registry: Registry
) -> None:
    """Signals a document to the purchase order's workflow, in the units in which its lines are kept."""
    message = said.message
    async with database.transaction() as connection:
        found = await purchase_orders.find(connection, said.key)
        start = await _start(connection, found, message) if found else None
        lines = await measures.kept_lines(connection, said.key)
    if found is None or start is None:
        return await _wait_for_order(database, said)
    if rule := broken(said.document, start, message.partner):
        return await _quarantine(database, message, rule, Origin.OWNERSHIP)
    if odd := impossible(said.document, start, found["ordered_at"], message):
        return await _quarantine(database, message, odd, Origin.PARTNER_MESSAGE)
    items = [MasterName(said.erp, MasterKind.ITEM, it) for it in measuring.items_named(said.document, lines)]
    if items and not await cleared(database, registry, message, items):
        return None
    async with database.connection() as connection:
        document = await measuring.document(connection, said.erp, said.document, lines)
    handing = _hand_over(database, purchases, start, said.placed(document), timeout_s)
    return await _handed(database, message, handing, ENDED, start.workflow_id)


async def _first(database: Database, said: ReadDocument) -> int | None:
    """The message that brought the same document before: a workflow takes it in once, and decides on no repeat."""
    async with database.connection() as connection:
        for earlier in await inbox.earlier(connection, said.message):
            if read(earlier).id == said.id:
                return earlier.id
    return None


async def _take_place(database: Database, message: inbox.Message) -> None:
    """A document takes the place of what is in quarantine under its source and id."""
    async with database.transaction() as connection:
        found = await repeats.earlier(connection, [message])
        source = stated(message.raw, "source")
        replaced = [it for it in found if stated(it.message.raw, "source") == source]
        await repeats.replace(connection, replaced)


async def _wait_for_order(database: Database, said: ReadDocument) -> None:
    """Quarantine a message until its purchase order is known; one that has become known meanwhile brings it back."""
    reason = f"purchase order {said.number} is not known"
    await _quarantine(database, said.message, reason, Origin.PARTNER_MESSAGE, f"po:{said.erp}/{said.number}")
    async with database.transaction() as connection:
        await quarantine.revive(connection, [said.message.id])


async def _hand_over(
    database: Database, purchases: Purchases, start: InboundStart, placed: PlacedDocument, timeout_s: float
) -> bool:
    """Signal the workflow; one that has ended, also at this very moment, begins again.

    Without a workflow that runs, an open purchase order waits for one. Raises WorkflowEnded for one that is closed.
    """
    again = await _begin_again(database, purchases, start.workflow_id, placed)
    if again is not None:
        return again
    try:
        return await purchases.tell(start, placed, timeout_s)
    except WorkflowEnded:
        again = await _begin_again(database, purchases, start.workflow_id, placed)
        if again is not None:
            return again
        async with database.connection() as connection:
            standing = await signals.standing(connection, start.workflow_id)
            kept = await heads.kept(connection, start.workflow_id)
        if standing is None or not standing.closed or (kept and kept.snapshot):
            return False
        raise


async def _begin_again(database: Database, purchases: Purchases, workflow: str, placed: PlacedDocument) -> bool | None:
    """Restart a closed purchase order from its last snapshot, which nothing changes meanwhile. Not with effects that
    were done since: systems forget keys. None when it is not certainly closed."""
    async with database.transaction() as connection:
        kept = await heads.kept(connection, workflow, locked=True)
        settled = kept is not None and kept.ended and kept.version == kept.confirmed == kept.snapshot_version
        if kept is None or kept.snapshot is None or not settled:
            return None
        run = InboundRun.model_validate_json(kept.snapshot)
        done = await effects.done_among(connection, [it.key for it in run.owed])
        owed = tuple(it for it in run.owed if it.key not in done)
        run = run.model_copy(update={"run": kept.run + 1, "owed": owed})
        return await purchases.tell(run, placed, AGAIN_WITHIN_S, again=True)


async def _start(connection: Connection, known: dict[str, Any], message: inbox.Message) -> InboundStart:
    """The start of a known purchase order's workflow, should it not run yet."""
    rules = await policies.rules(connection, "procurement")
    named = {name: known[name] for name in ("erp", "number", "supplier", "site", "region")}
    policy = procurement_policy(rules, known["supplier"], known["site"], known["region"])
    return await days.of_purchase(connection, InboundStart(**named, policy=policy, accepted_at=message.received_at))


async def _propose(database: Database, purchases: Purchases, message: inbox.Message, timeout_s: float) -> None:
    proposal, digest = parse_strict(ReplenishmentProposal, message.raw), digest_of(message.raw)
    async with database.transaction() as connection:
        first, *_ = await inbox.command(connection, message.kind, message.external_id, digest)
        erps = await partners.roles(connection, [proposal.erp])
        refusal: str | None = f"ERP {proposal.erp} is not known"
        if Role.ERP in erps.get(proposal.erp, ()):
            refusal = await replenishments.open_replenishment(connection, message.partner, proposal, digest)
    if refusal:
        return await _quarantine(database, message, refusal, Origin.PARTNER_MESSAGE)
    if first != message.id:
        return await _settle(database, message, f"repeats message {first}")
    start = ReplenishmentStart(
        proposal=proposal,
        by=message.partner,
        inbox_id=message.id,
        accepted_at=message.received_at,
        traceparent=message.traceparent,
    )
    ended = f"proposal {proposal.id} was decided before"
    return await _handed(database, message, purchases.propose(start, timeout_s), ended, start.workflow_id)


async def _handed(
    database: Database, message: inbox.Message, handing: Awaitable[bool], ended: str, workflow: str
) -> None:
    """Note that a workflow has it, or that there is none any more; else the relay tries again."""
    try:
        taken = await handing
    except WorkflowEnded:
        await _settle(database, message, ended)
        return
    except SignalRefused as refused:
        await _quarantine(database, message, f"Temporal refuses it: {refused}", Origin.PLATFORM)
        return
    if taken:
        async with database.transaction() as connection:
            await inbox.mark_delivered(connection, message.id, workflow, signals.TAKEN_S)


async def _quarantine(
    database: Database, message: inbox.Message, reason: str, origin: Origin, waiting_for: str | None = None
) -> None:
    async with database.transaction() as connection:
        await quarantine.put(connection, message.id, reason, origin, waiting_for)


async def _settle(database: Database, message: inbox.Message, reason: str) -> None:
    """It came too late: unless it was taken in before, and only comes again."""
    async with database.transaction() as connection:
        await inbox.settle_messages(connection, [message.id], "superseded", [reason])
