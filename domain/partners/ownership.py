"""Who owns what: the ERP owns the order, WMS and suppliers own goods handling, TMS and carriers own the carriage.

A report by a system that does not own the milestone is quarantined with the rule that it broke, never applied.
"""

from domain.milestones.variants import step_for
from schemas.base import Role, Variant
from schemas.orders.milestones import MilestoneKind


def broken_rule(variant: Variant, kind: MilestoneKind, role: Role) -> str | None:
    """The ownership rule that this report breaks, or None when the reporter owns the milestone."""
    step = step_for(variant, kind)
    if step is None:
        return f"{kind} is not a milestone of a {variant} order"
    if role not in step.reporters:
        owners = ", ".join(sorted(step.reporters))
        return f"{kind} of a {variant} order is owned by {owners}; it was reported by {role}"
    return None
