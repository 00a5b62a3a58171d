"""The part of a reconciliation that compares targets: what each system is to have of each order."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from domain.finance import reconciling_targets
from domain.finance.reconciliation import Patience
from domain.finance.reconciling_targets import OrderStanding, OrderTargets
from domain.orders import split_goods
from schemas.base import System
from schemas.finance.reconciliation import Comparison, ReconcileRun, TargetFigure
from schemas.finance.windows import WindowScope
from schemas.orders.changes import Apart
from schemas.orders.release import LineDue, OrderStatus
from store.engine import Connection
from store.finance import comparing_targets


async def compared(
    connection: Connection,
    run: ReconcileRun,
    scope: WindowScope,
    theirs: Mapping[str, TargetFigure],
    patience: Patience,
    statuses: bool,
) -> Comparison:
    """Compare the orders of a scope.

    `statuses`: the system's list of them was compared: what it has not, or has cancelled, is a difference already.
    """
    ours = _ours(run, await comparing_targets.orders(connection, run, scope, patience.settle_s))
    if statuses:
        ours = {number: it._replace(called_off=None) for number, it in ours.items() if number in theirs}
    rest = [number for number in theirs if number not in ours]
    known = rest if statuses else await comparing_targets.known(connection, rest)
    return reconciling_targets.compare(System(run.system), ours, theirs, known)


def _ours(run: ReconcileRun, rows: list[dict[str, Any]]) -> dict[str, OrderTargets]:
    """The expected target of each order in the system. Of two orders with one number nobody can tell which is meant."""
    times = Counter(row["number"] for row in rows)
    return {row["number"]: _expected(run, row) for row in rows if times[row["number"]] == 1}


def _expected(run: ReconcileRun, row: dict[str, Any]) -> OrderTargets:
    lines = (LineDue.model_validate(line) for line in row["lines"])
    order = split_goods.written(row["site"], lines, Apart.model_validate(row["apart"]))
    standing = OrderStanding(OrderStatus(row["status"]), row["conditions"], row["intercepted"])
    should = reconciling_targets.expected(System(run.system), run.target, order, standing)
    return should._replace(owed=tuple(row["owed"]), young=row["young"])
