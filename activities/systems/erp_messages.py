"""What an ERP is told of an order, by operation: each function has the name of its operation."""

from schemas.messaging.effects import Effect
from schemas.messaging.instructions import ErpCancellation, ErpChange, ErpMilestone, ErpPromise
from schemas.messaging.order_effects import ConfirmCancellation, RedatePromise, ReportChange, ReportMilestone


def report_milestone(effect: Effect[ReportMilestone]) -> ErpMilestone:
    """A milestone."""
    told = effect.payload
    return ErpMilestone(
        order=effect.subject.number,
        milestone=told.milestone,
        order_status=told.order_status,
        shipment=told.shipment,
        site=told.site,
        occurred_at=told.occurred_at,
        lines=told.lines,
        location=told.location,
        handling_units=told.handling_units,
        revision=effect.revision,
        correction=told.correction,
    )


def redate_promise(effect: Effect[RedatePromise]) -> ErpPromise:
    """The day that is promised now."""
    told = effect.payload
    return ErpPromise(
        order=effect.subject.number,
        revision=effect.revision,
        promised_on=told.promised_on,
        lines=told.promises,
        reason=told.reason,
    )


def report_change(effect: Effect[ReportChange]) -> ErpChange:
    """What else happened."""
    told = effect.payload
    return ErpChange(
        order=effect.subject.number,
        revision=effect.revision,
        change=told.change,
        reason=told.reason,
        lines=told.lines,
        changes=told.targets,
        site=told.site,
        shipment=told.shipment,
        rma=told.rma,
        disposition=told.disposition,
        promised_on=told.promised_on,
    )


def confirm_cancellation(effect: Effect[ConfirmCancellation]) -> ErpCancellation:
    """The order is cancelled in every system."""
    return ErpCancellation(order=effect.subject.number, revision=effect.revision, reason=effect.payload.reason)
