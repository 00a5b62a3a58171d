"""A person has a drift of our own books repaired: looked at again, repaired, and kept in the audit trail, all at
once."""

from dispatch.partners.measuring import Owner
from domain.procurement import inbound
from domain.procurement.purchase_run import InboundRun
from gateway.http.problems import NOT_FOUND, REFUSED, Problem
from schemas.finance.reconciliation import About, DifferenceView
from schemas.finance.self_audit import Check, Drift, RepairAnswer, RepairRequest
from schemas.ids import SupplyKey
from schemas.inventory.supply import Supply
from schemas.plurals import with_verb
from schemas.workflow_ids import WorkflowId
from store.audit import audit_trail
from store.engine import Connection, Database
from store.finance import erp_feed, reconciliation, repairs
from store.finance.repairs import Unclear
from store.messaging import heads

ACTION = "books.repair"
"""The action's name in the audit trail."""
REPAIRED = "counted anew: our books were below zero"
"""The reason in the ERP's message on a movement that a repair books."""
VANISHED = "it is right by now: nothing was changed"


async def repair_drift(database: Database, owner: Owner, by: str, id: int, wish: RepairRequest) -> RepairAnswer:
    """Mend a drift. Raises the 404 `Problem`, and the 409 one for what is no drift, is gone, or cannot be told."""
    async with database.transaction() as connection:
        found = await reconciliation.find(connection, id)
        if found is None:
            raise Problem(NOT_FOUND, "There is no difference with this number.")
        if found.about is not About.BOOK:
            raise Problem(REFUSED, f"only our own books are mended here; {found.owner}: {found.proposal}")
        await audit_trail.add_entry(
            connection, by, ACTION, found.subject, id=wish.id, reason=wish.reason, difference=id
        )
        try:
            done = await _repair(connection, owner, found, wish.packs, f"repair/{by}#{wish.id}")
        except Unclear as unclear:
            raise Problem(REFUSED, str(unclear)) from unclear
        if not done:
            raise Problem(REFUSED, VANISHED)
    return RepairAnswer(difference=id, subject=found.subject, done=done)


async def _repair(connection: Connection, owner: Owner, found: DifferenceView, packs: int | None, key: str) -> str:
    drift = Drift.at(found.item, found.place)
    item, where = drift.item, drift.where
    match drift.check:
        case Check.BALANCE:
            done = await repairs.balance(connection, item, where)
        case Check.ENTRY:
            done = await repairs.entry(connection, item, where)
        case Check.NEGATIVE:
            booked = await repairs.negative(connection, item, where, packs or 0, key)
            await erp_feed.owe_movements(connection, owner, dict.fromkeys(booked, REPAIRED))
            done = f"{with_verb(packs or 0, 'pack', 'is', 'are')} booked in {where}" if booked else ""
        case Check.RESERVED:
            done = await repairs.reserved(connection, item, where)
        case Check.OVERSOLD:
            done = await repairs.planned_anew(connection, item)
        case Check.SUPPLY:
            done = await repairs.supply(connection, where, await _expected(connection, drift))
        case Check.LINK:
            done = await repairs.link(connection, where)
    return done


async def _expected(connection: Connection, drift: Drift) -> tuple[Supply, ...]:
    """The open supplies of a purchase order. Raises Unclear while its newest step has no snapshot."""
    purchase = SupplyKey.parse(drift.where).purchase
    kept = await heads.kept(connection, str(WorkflowId.of(purchase)), locked=True)
    if kept is None or kept.snapshot is None or kept.snapshot_version != kept.version:
        raise Unclear("a step of the purchase order is being written, or keeps nothing: ask again")
    state = InboundRun.model_validate_json(kept.snapshot).state
    return inbound.supplies(state) if state and state.order else ()
