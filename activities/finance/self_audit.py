"""The activity that audits our own books: what has drifted becomes a case, with a repair that a person can run."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from temporalio import activity

from activities.finance.reconciliation import written
from domain.finance import self_audit as rules
from domain.finance.reconciliation import Patience
from domain.procurement import inbound
from domain.procurement.purchase_run import InboundRun
from schemas.finance.reconciliation import Comparison, ReconcileReport, ReconcileRun
from schemas.finance.self_audit import Check, Drift
from schemas.ids import LinkKey, SupplyKey
from schemas.inventory.supply import Supply
from schemas.workflow_ids import WorkflowId
from store.engine import Connection, Database
from store.finance import reconciliation as books
from store.finance import self_audit, self_audit_links

PATIENCE = Patience()


@dataclass
class AuditRound:
    """The start of this worker's next round; each worker goes round by itself."""

    item: str = ""
    purchase: str = ""
    order: str = ""


@dataclass(frozen=True)
class BooksActivities:
    """Looks at all open business and at earlier drift. In a run it looks at the ledger of `items`, at `purchases` and
    at the shipments of `orders`."""

    database: Database
    items: int = 2_000
    purchases: int = 500
    orders: int = 2_000
    patience: Patience = PATIENCE
    round: AuditRound = field(default_factory=AuditRound)

    @activity.defn(name="reconciliation.books")
    async def books(self, run: ReconcileRun) -> ReconcileReport:
        """Audit once. Nothing but our own record of drifts is written."""
        info, now = activity.info(), datetime.now(UTC)
        id = f"{info.workflow_id}/{info.workflow_run_id}"
        async with self.database.transaction() as connection:
            await books.begun(connection, run, id, now)
            known = [Drift.at(item, place) for item, place in await books.open_places(connection, run)]
        async with self.database.transaction() as connection:
            await self_audit.moment(connection)
            comparison = await self.look(connection, known, whole=run.at_rest)
        patience = self.patience.model_copy(update={"settle_s": 0.0}) if run.at_rest else self.patience
        async with self.database.transaction() as connection:
            report = await written(connection, run, comparison, patience, now)
            await books.ended(connection, id, report.compared, report.differences, report.explained)
        return report

    async def look(self, connection: Connection, known: list[Drift], *, whole: bool = False) -> Comparison:
        """Figures that have drifted; `whole`: windows go to the end."""
        names = await self_audit.items(connection, "" if whole else self.round.item, _most(self.items, whole=whole))
        self.round.item = names[-1] if len(names) == self.items and not whole else ""
        found = await self_audit.ledger(connection, sorted({*names, *(it.item for it in known if it.item)}))
        found += await self_audit.negative(connection)
        found += await self_audit.reserved(connection)
        found += await self_audit.oversold(connection)
        expected = await self._expected(connection, known, whole=whole)
        found += await self_audit.supply(connection, expected)
        found += await self._links(connection, known, whole=whole)
        once = {(it.check, it.item, it.where): it for it in found}
        return rules.compared(once.values(), len(names) + len(expected))

    async def _expected(self, connection: Connection, known: list[Drift], *, whole: bool) -> list[Supply]:
        """Open supply of the next purchase orders, by their newest step."""
        supplies = (SupplyKey.parse(it.where) for it in known if it.check is Check.SUPPLY)
        also = [str(WorkflowId.of(it.purchase)) for it in supplies]
        after = "" if whole else self.round.purchase
        rows = await self_audit.open_purchases(connection, after, _most(self.purchases, whole=whole), also)
        behind = [row["workflow_id"] for row in rows if row["workflow_id"] > after]
        self.round.purchase = behind[-1] if len(behind) >= self.purchases and not whole else ""
        found: list[Supply] = []
        for row in rows:
            state = InboundRun.model_validate_json(row["snapshot"]).state if row["kept"] else None
            found += inbound.supplies(state) if state and state.order else ()
        return found

    async def _links(self, connection: Connection, known: list[Drift], *, whole: bool) -> list[Drift]:
        """Shipments that are not linked to their orders: those on the road, and those of the next open orders."""
        after = "" if whole else self.round.order
        upto = await self_audit_links.open_order(connection, after, _most(self.orders, whole=whole))
        self.round.order = "" if whole else upto
        before = [str(LinkKey.parse(it.where).subject) for it in known if it.check is Check.LINK]
        return [
            *await self_audit_links.carried(connection),
            *await self_audit_links.reported(connection, after, upto, before),
        ]


def _most(window: int, *, whole: bool) -> int:
    """As many as there are, when nothing moves any more."""
    return 2**31 - 1 if whole else window
