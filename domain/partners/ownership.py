"""Who owns what: the ERP owns the order, WMS and suppliers own goods handling, TMS and carriers own the carriage.

A report by a system that does not own the milestone is quarantined with the rule that it broke, never applied.
"""

from collections.abc import Sequence

from domain.milestones.variants import step_for
from schemas.base import Role, Variant
from schemas.orders.milestones import MilestoneKind


def speaking_role(kind: MilestoneKind, roles: Sequence[Role]) -> Role:
    """In which of its roles a partner reports a milestone: the first that may in any variant, else its usual one."""
    steps = [step for variant in Variant if (step := step_for(variant, kind))]
    return next((role for role in roles if any(role in step.reporters for step in steps)), roles[0])


def broken_rule(variant: Variant, kind: MilestoneKind, role: Role) -> str | None:
    """The ownership rule that this report breaks, or None when the reporter owns the milestone."""
    step = step_for(variant, kind)
    if step is None:
        return f"{kind} is not a milestone of a {variant} order"
    if role not in step.reporters:
        owners = ", ".join(sorted(step.reporters))
        return f"{kind} of a {variant} order is owned by {owners}; it was reported by {role}"
    return None
