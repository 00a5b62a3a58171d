"""The part of a reconciliation that compares open demand: ours with what planning of a region says it holds."""

from collections import Counter, defaultdict

from domain.finance import reconciling_demand
from domain.finance.reconciliation import Patience, differing
from domain.finance.reconciling_demand import Key, Unsettled
from schemas.finance.reconciliation import Comparison, DemandFigure, ReconcileRun
from store.engine import Connection
from store.finance import comparing
from store.planning import order_demand


async def compared(
    connection: Connection, run: ReconcileRun, reported: list[DemandFigure], patience: Patience
) -> Comparison:
    """Compare at the sites that the region's feed tells of; planning may keep those of other regions too."""
    sites = await comparing.sites_of(connection, run.target)
    theirs = Counter({(x.item, x.site): x.packs for x in reported if x.site in sites})
    ours = await order_demand.open_in(connection, run.target)
    unsettled: dict[Key, list[Unsettled]] = defaultdict(list)
    about = differing(ours, theirs)
    for row in await order_demand.unsettled(connection, run.target, about, patience.settle_s):
        unsettled[row["item"], row["site"]].append(Unsettled(row["by"], row["packs"], row["young"]))
    return reconciling_demand.demand(ours, theirs, unsettled)
