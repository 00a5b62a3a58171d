"""The scenarios: every path that an order can take, each as one short story with checks of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from demo.scenarios import changes, delays, people, planners, procurement, quantities, returns, sourcing, troubles
from demo.scene import Scene

Play = Callable[[Scene], Awaitable[None]]

PLAYS: tuple[Play, ...] = (
    changes.amend,
    changes.hold_resume,
    changes.cancel_before_pick,
    changes.cancel_after_pick,
    changes.cancel_after_tender,
    changes.cancel_under_way,
    changes.compensation_refused,
    quantities.partial_pick,
    quantities.corrected_goods_issue,
    quantities.several_shipments,
    quantities.backorder,
    quantities.rest_cancelled,
    quantities.several_orders_one_shipment,
    quantities.merge_in_transit,
    sourcing.short_pick_re_source,
    sourcing.short_pick_planner,
    sourcing.tender_rejected,
    sourcing.tender_timeout,
    troubles.address,
    troubles.customs,
    troubles.damage,
    troubles.temperature,
    quantities.over_ship,
    quantities.pod_mismatch,
    delays.late_eta,
    delays.trembling_eta,
    delays.no_scan,
    delays.missing_ack,
    people.refused_and_retried,
    people.quarantine_replay,
    people.unknown_item,
    people.case_escalation,
    planners.planner_accepts,
    planners.planner_rejects,
    planners.planner_overrides,
    returns.customer_return,
    returns.return_to_sender,
    people.alerts,
    procurement.purchase_order,
    procurement.short_confirmation,
    procurement.invoice_mismatch,
    procurement.replenishment_accepted,
    procurement.replenishment_refused,
    procurement.replenishment_transfer,
    procurement.difference_accepted,
)
ALONE: tuple[Play, ...] = (delays.missing_ack,)
"""These break a system that others need."""


@dataclass(frozen=True)
class Scenario:
    """A story by its name. `alone`: nothing else is played meanwhile."""

    name: str
    story: str
    play: Play
    alone: bool


SCENARIOS: dict[str, Scenario] = {
    name: Scenario(name, (play.__doc__ or "").strip(), play, play in ALONE)
    for play in PLAYS
    for name in [play.__name__.replace("_", "-")]
}
"""By name. A function's name and docstring are its scenario's."""
