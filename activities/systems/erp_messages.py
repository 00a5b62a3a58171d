"""What an ERP is told of an order, by operation: each function has the name of its operation."""

from schemas.messaging.effects import Effect
from schemas.messaging.instructions import ErpCancellation, ErpChange, ErpMilestone, ErpPromise


def report_milestone(effect: Effect) -> ErpMilestone:
    """A milestone. Raises pydantic's ValidationError when the effect names none."""
    return ErpMilestone.model_validate(
        {
            "order": effect.subject.number,
            "milestone": effect.milestone,
            "order_status": effect.order_status,
            "shipment": effect.shipment,
            "site": effect.site,
            "occurred_at": effect.occurred_at,
            "lines": effect.lines,
            "location": effect.location,
            "handling_units": effect.handling_units,
            "revision": effect.revision,
            "correction": effect.correction,
        }
    )


def redate_promise(effect: Effect) -> ErpPromise:
    """The day that is promised now. Raises pydantic's ValidationError when the effect names none."""
    return ErpPromise.model_validate(
        {
            "order": effect.subject.number,
            "revision": effect.revision,
            "promised_on": effect.promised_on,
            "lines": effect.promises,
            "reason": effect.reason,
        }
    )


def report_change(effect: Effect) -> ErpChange:
    """What else happened. Raises pydantic's ValidationError when the effect does not say of which kind it is."""
    return ErpChange.model_validate(
        {
            "order": effect.subject.number,
            "revision": effect.revision,
            "change": effect.change,
            "reason": effect.reason,
            "lines": effect.lines,
            "changes": effect.targets,
            "site": effect.site,
            "shipment": effect.shipment,
            "rma": effect.rma,
            "disposition": effect.disposition,
            "promised_on": effect.promised_on,
        }
    )


def confirm_cancellation(effect: Effect) -> ErpCancellation:
    """The order is cancelled in every system."""
    return ErpCancellation(order=effect.subject.number, revision=effect.revision, reason=effect.reason)
