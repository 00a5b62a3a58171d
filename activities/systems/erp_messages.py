"""Messages on an order to an ERP, by operation: each function has the name of its operation."""

from schemas.messaging.effects import Effect
from schemas.messaging.instructions import ErpCancellation, ErpChange, ErpMilestone, ErpPromise
from schemas.messaging.order_effects import ConfirmCancellation, ReportChange, ReportMilestone, ReschedulePromise


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


def reschedule_promise(effect: Effect[ReschedulePromise]) -> ErpPromise:
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
    """The message of any other change."""
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
