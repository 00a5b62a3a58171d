"""Process variants: which milestones an order has, whom to instruct, and what ERP and planning are told.

The transition table of the lifecycle. A row says, for one variant and milestone, who may report it and whether ERP and
planning are told. It also says whether an order may close without it.
"""

from dataclasses import dataclass

from schemas.base import Role, Variant
from schemas.messaging.effects import Operation
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus as S

RANK = {
    S.RELEASED: 0,
    S.PROMISED: 1,
    S.ALLOCATED: 2,
    S.PICKED: 3,
    S.PACKED: 4,
    S.SHIPPED: 5,
    S.IN_TRANSIT: 6,
    S.OUT_FOR_DELIVERY: 7,
    S.DELIVERED: 8,
    S.CLOSED: 9,
}
BY_RANK = {rank: status for status, rank in RANK.items()}

STATUS_OF = {
    M.ALLOCATED: S.ALLOCATED,
    M.PICKED: S.PICKED,
    M.PACKED: S.PACKED,
    M.SHIPPED: S.SHIPPED,
    M.IN_TRANSIT: S.IN_TRANSIT,
    M.OUT_FOR_DELIVERY: S.OUT_FOR_DELIVERY,
    M.DELIVERED: S.DELIVERED,
    M.PROOF_OF_DELIVERY: S.DELIVERED,
}


@dataclass(frozen=True)
class MilestoneStep:
    """A row of the transition table."""

    reporters: frozenset[Role]
    tell_erp: bool = False
    tell_planning: bool = True
    required: bool = False


_WAREHOUSE = frozenset({Role.WMS})
_HANDOVER = frozenset({Role.WMS, Role.TMS, Role.CARRIER})
_CARRIAGE = frozenset({Role.TMS, Role.CARRIER})
_SUPPLIER = frozenset({Role.SUPPLIER})
_DROP_HANDOVER = frozenset({Role.SUPPLIER, Role.TMS, Role.CARRIER})
_RECEIVING = frozenset({Role.WMS, Role.SUPPLIER})
_ANYONE = frozenset({Role.WMS, Role.TMS, Role.CARRIER, Role.SUPPLIER})

_CARRIAGE_STEPS = {
    M.IN_TRANSIT: MilestoneStep(_CARRIAGE),
    M.OUT_FOR_DELIVERY: MilestoneStep(_CARRIAGE),
    M.DELIVERED: MilestoneStep(_CARRIAGE, tell_erp=True, required=True),
    M.PROOF_OF_DELIVERY: MilestoneStep(_CARRIAGE, tell_erp=True),
    M.DELAYED: MilestoneStep(_ANYONE),
    M.EXCEPTION: MilestoneStep(_ANYONE, tell_erp=True, tell_planning=False),
    M.CLEARED: MilestoneStep(_ANYONE, tell_erp=True, tell_planning=False),
    M.CONSOLIDATED: MilestoneStep(_CARRIAGE, tell_planning=False),
    M.RETURNING: MilestoneStep(_CARRIAGE, tell_erp=True),
    M.TENDER_ACCEPTED: MilestoneStep(_CARRIAGE, tell_planning=False),
    M.TENDER_REJECTED: MilestoneStep(_CARRIAGE, tell_planning=False),
    M.RETURN_RECEIVED: MilestoneStep(_RECEIVING, tell_planning=False),
    M.RETURN_INSPECTED: MilestoneStep(_RECEIVING, tell_planning=False),
}


@dataclass(frozen=True)
class VariantPlan:
    """How one variant runs."""

    instructions: tuple[Operation, ...]
    steps: dict[M, MilestoneStep]


PLANS = {
    Variant.DISTRIBUTION_CENTRE: VariantPlan(
        instructions=(Operation.INSTRUCT_WAREHOUSE, Operation.TENDER_TRANSPORT),
        steps={
            M.ALLOCATED: MilestoneStep(_WAREHOUSE),
            M.SHORT_PICKED: MilestoneStep(_WAREHOUSE),
            M.PICKED: MilestoneStep(_WAREHOUSE, tell_erp=True, required=True),
            M.PACKED: MilestoneStep(_WAREHOUSE, tell_erp=True, required=True),
            M.SHIPPED: MilestoneStep(_HANDOVER, tell_erp=True, required=True),
            **_CARRIAGE_STEPS,
        },
    ),
    Variant.DIRECT_DROP: VariantPlan(
        instructions=(Operation.TENDER_TRANSPORT,),
        steps={
            M.PACKED: MilestoneStep(_SUPPLIER),
            M.SHORT_PICKED: MilestoneStep(_SUPPLIER),
            M.SHIPPED: MilestoneStep(_DROP_HANDOVER, tell_erp=True, required=True),
            **_CARRIAGE_STEPS,
        },
    ),
}


def step_for(variant: Variant, kind: M) -> MilestoneStep | None:
    """The row for a milestone, or None when the variant does not have it."""
    return PLANS[variant].steps.get(kind)
