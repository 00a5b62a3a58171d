"""The relay's part of procurement: documents find their purchase order, proposals their workflow; nothing is lost.

A document that comes before its purchase order waits in quarantine for `po:<erp>/<number>`, and is revived by it.
"""

from collections.abc import Awaitable
from typing import Protocol

from domain.master import named_in_purchase
from domain.parties import TRANSPORT_DESK, warehouse_partner
from domain.policies import procurement_policy
from domain.purchase_run import InboundRun
from gateway.admission import digest_of
from gateway.master import Registry, cleared
from gateway.papers import Placed, paper_of
from schemas.base import Origin, Role
from schemas.door import Refused, admit
from schemas.procurement import GoodsReceipt, Invoice, Paper, PurchaseOrder
from schemas.purchasing import InboundStart, purchase_key
from schemas.replenishment import ReplenishmentProposal, ReplenishmentStart
from store import effects, inbox, partners, policies, procurement, replenishments
from store.engine import Connection, Database

PURCHASING = frozenset({inbox.PURCHASE, inbox.PAPER, inbox.PROPOSAL})
"""The kinds of messages that are taken in here."""
ENDED = "the purchase order has ended"
AGAIN_WITHIN_S = 2.0
"""A lock and a connection are held for so long at most while a purchase order begins again."""


class WorkflowEnded(Exception):
    """The workflow has ended: it takes nothing in any more."""


class Purchases(Protocol):
    """Hands documents and proposals to their workflows."""

    async def tell(self, start: InboundStart, placed: Placed, timeout_s: float, *, again: bool = False) -> bool:
        """Signal a purchase order's workflow, which is started when it is not; `again`, also when it has ended. False:
        Temporal is away. Raises WorkflowEnded."""
        ...

    async def propose(self, start: ReplenishmentStart, timeout_s: float) -> bool:
        """Start a replenishment's workflow, once. False: Temporal is away."""
        ...


class Handoff(Protocol):
    """What the relay hands over to."""

    @property
    def purchases(self) -> Purchases:
        """Procurement."""
        ...


async def take_in(
    database: Database, handoff: Handoff, message: inbox.Message, timeout_s: float, registry: Registry
) -> None:
    """Place one message and hand it over. What Temporal could not take is tried again by the relay."""
    try:
        if message.kind == inbox.PROPOSAL:
            await _propose(database, handoff.purchases, message, timeout_s)
        else:
            await _tell(database, handoff.purchases, message, timeout_s, registry)
    except Refused as refused:
        await _park(database, message, str(refused)[:500], Origin.TRANSFORMATION)


async def _tell(
    database: Database, purchases: Purchases, message: inbox.Message, timeout_s: float, registry: Registry
) -> None:
    paper, placed = paper_of(message)
    names = named_in_purchase(placed.erp, paper) if isinstance(paper, PurchaseOrder) else ()
    if not await cleared(database, registry, message, names):
        return
    if isinstance(paper, PurchaseOrder) and (parked := _broken_order(paper)):
        await _park(database, message, parked, Origin.OWNERSHIP)
        return
    async with database.transaction() as connection:
        if isinstance(paper, PurchaseOrder):
            await procurement.open_purchase(connection, placed.erp, paper, _parties(placed.erp, paper))
        start = await _start(connection, placed, message)
        parked = _broken(paper, start, message.partner) if start else None
    if start is None:
        await _wait_for_order(database, message, placed)
    elif parked:
        await _park(database, message, parked, Origin.OWNERSHIP)
    else:
        await _handed(database, message, _hand_over(database, purchases, start, placed, timeout_s), ENDED)


async def _wait_for_order(database: Database, message: inbox.Message, placed: Placed) -> None:
    """Park a message until its purchase order is known; one that has become known meanwhile brings it back."""
    reason = f"purchase order {placed.number} is not known"
    await _park(database, message, reason, Origin.PARTNER_MESSAGE, f"po:{placed.erp}/{placed.number}")
    async with database.transaction() as connection:
        await inbox.revive(connection, [message.id])


async def _hand_over(
    database: Database, purchases: Purchases, start: InboundStart, placed: Placed, timeout_s: float
) -> bool:
    """Tell the workflow; one that has ended, also at this very moment, begins again."""
    again = await _begin_again(database, purchases, start.key, placed)
    if again is not None:
        return again
    try:
        return await purchases.tell(start, placed, timeout_s)
    except WorkflowEnded:
        again = await _begin_again(database, purchases, start.key, placed)
        if again is None:
            raise
        return again


async def _begin_again(database: Database, purchases: Purchases, key: str, placed: Placed) -> bool | None:
    """Have a settled purchase order begin again with what it handed over, which nothing changes meanwhile; but not with
    effects that have been done since: no system remembers a key for ever. None when it is not settled."""
    async with database.transaction() as connection:
        if not await procurement.is_settled(connection, key):
            return None
        before = await procurement.handed_over(connection, key)
        if before is None:
            return False
        run = InboundRun.model_validate(before)
        done = await effects.done_among(connection, [it.key for it in run.owed])
        run = run.model_copy(update={"owed": tuple(it for it in run.owed if it.key not in done)})
        return await purchases.tell(run, placed, AGAIN_WITHIN_S, again=True)


def _parties(erp: str, order: PurchaseOrder) -> list[str]:
    named = [erp, order.supplier, warehouse_partner(order.site), TRANSPORT_DESK]
    return named + ([order.carrier] if order.carrier else [])


async def _start(connection: Connection, placed: Placed, message: inbox.Message) -> InboundStart | None:
    """How the workflow is started, should it not run yet; None when the purchase order is not known."""
    known = await procurement.find(connection, purchase_key(placed.erp, placed.number))
    if known is None:
        return None
    rules = await policies.rules(connection, "procurement")
    named = {name: known[name] for name in ("erp", "number", "supplier", "site", "region")}
    policy = procurement_policy(rules, known["supplier"], known["site"], known["region"])
    return InboundStart(**named, policy=policy, accepted_at=message.received_at)


def _broken_order(order: PurchaseOrder) -> str | None:
    """The rule that a transfer breaks whose supplier is not the site that it comes from: nothing is opened for it."""
    if order.from_site and order.supplier != warehouse_partner(order.from_site):
        return f"a transfer from {order.from_site} is supplied by {warehouse_partner(order.from_site)}"
    return None


def _broken(paper: Paper, start: InboundStart, partner: str) -> str | None:
    """The ownership rule that a document breaks: each partner speaks of its own."""
    owners = {start.supplier}
    if isinstance(paper, PurchaseOrder):
        owners = {start.erp}
    elif isinstance(paper, GoodsReceipt):
        owners = {warehouse_partner(start.site)}
        if paper.site != start.site:
            return f"the goods of purchase order {start.number} are not for {paper.site}"
    elif isinstance(paper, Invoice):
        owners = {start.supplier, start.erp}
    return None if partner in owners else f"{partner} does not own this document of purchase order {start.number}"


async def _propose(database: Database, purchases: Purchases, message: inbox.Message, timeout_s: float) -> None:
    proposal, digest = admit(ReplenishmentProposal, message.raw), digest_of(message.raw)
    async with database.transaction() as connection:
        first, *_ = await inbox.command(connection, message.kind, message.external_id, digest)
        erps = await partners.roles(connection, [proposal.erp])
        refusal: str | None = f"ERP {proposal.erp} is not known"
        if erps.get(proposal.erp) is Role.ERP:
            refusal = await replenishments.open_replenishment(connection, message.partner, proposal, digest)
    if refusal:
        return await _park(database, message, refusal, Origin.PARTNER_MESSAGE)
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
    return await _handed(database, message, purchases.propose(start, timeout_s), ended)


async def _handed(database: Database, message: inbox.Message, handing: Awaitable[bool], ended: str) -> None:
    """Note that a workflow has it, or that there is none any more; else the relay tries again."""
    try:
        taken = await handing
    except WorkflowEnded:
        await _settle(database, message, ended)
        return
    if taken:
        async with database.transaction() as connection:
            await inbox.routed(connection, [message.id])


async def _park(
    database: Database, message: inbox.Message, reason: str, origin: Origin, waiting_for: str | None = None
) -> None:
    async with database.transaction() as connection:
        await inbox.quarantine(connection, message.id, reason, origin, waiting_for)


async def _settle(database: Database, message: inbox.Message, reason: str) -> None:
    """It came too late: unless it was taken in before, and only comes again."""
    async with database.transaction() as connection:
        await inbox.settle(connection, [message.id], "superseded", [reason])
