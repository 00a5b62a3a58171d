"""What the decision and the record of one report cost a worker's thread, by the lines that it names."""

import statistics
import time

from domain.orders import lifecycle
from domain.orders.state import OrderState
from domain.records.record import conditions, order_record
from schemas.orders.milestones import MilestoneEvent
from tests.domain.milestones.test_tally import ONE_BY_ONE, large

SIZES = ((1, 1), (50, 1), (500, 1), (2_000, 1), (500, 300))
"""Lines and shipments; every report names every line."""


def step_cpu_ms() -> dict[str, float]:
    """Milliseconds of CPU for a report on the last shipment: the median of all kinds of report."""
    return {f"{lines:,} × {shipments:,}": round(_median(lines, shipments), 2) for lines, shipments in SIZES}


def _median(lines: int, shipments: int) -> float:
    state, told = large(lines, shipments)
    for event in told[: -len(ONE_BY_ONE)]:
        state = lifecycle.apply(state, event).state
    found = []
    for event in told[-len(ONE_BY_ONE) :]:
        began = time.thread_time()
        state = _step(state, event)
        found.append((time.thread_time() - began) * 1000)
    return statistics.median(found)


def _step(before: OrderState, event: MilestoneEvent) -> OrderState:
    decision = lifecycle.apply(before, event)
    order_record(decision.state, [decision], before=before).model_dump_json(exclude_unset=True)
    conditions(decision.state)
    lifecycle.finished(decision.state)
    return decision.state
