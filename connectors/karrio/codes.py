"""Karrio's codes: states of a shipment, statuses and reasons of tracking, events of its webhook.

Source: `ShipmentStatus`, `TrackingStatus`, `TrackingIncidentReason` and `EventTypes` of Karrio 2026.1.
"""

from schemas.cases.exceptions import ExceptionKind
from schemas.orders.milestones import MilestoneKind

DRAFT, BOUGHT, CANCELLED = "draft", "created", "cancelled"
DEPARTED = frozenset({"shipped", "in_transit", "out_for_delivery", "delivered", "needs_attention", "delivery_failed"})
"""States in which a carrier has the goods: nothing can be taken back."""

MILESTONES = {
    "picked_up": MilestoneKind.SHIPPED,
    "in_transit": MilestoneKind.IN_TRANSIT,
    "out_for_delivery": MilestoneKind.OUT_FOR_DELIVERY,
    "ready_for_pickup": MilestoneKind.OUT_FOR_DELIVERY,
    "delivered": MilestoneKind.DELIVERED,
    "delivery_failed": MilestoneKind.EXCEPTION,
    "on_hold": MilestoneKind.EXCEPTION,
    "delivery_delayed": MilestoneKind.DELAYED,
    "return_to_sender": MilestoneKind.RETURNING,
}
"""What a status of a tracking event means."""
SILENT = frozenset({"pending", "created", "cancelled"})
"""Statuses without a milestone: of a label, not of goods."""

CAUSES = {
    "carrier_damaged_parcel": ExceptionKind.DAMAGE,
    "carrier_address_not_found": ExceptionKind.ADDRESS,
    "consignee_incorrect_address": ExceptionKind.ADDRESS,
    "consignee_access_restricted": ExceptionKind.ADDRESS,
    "customs_delay": ExceptionKind.CUSTOMS,
    "customs_documentation": ExceptionKind.CUSTOMS,
    "customs_duties_unpaid": ExceptionKind.CUSTOMS,
    "customs_prohibited": ExceptionKind.CUSTOMS,
    "customs_inspection": ExceptionKind.CUSTOMS,
}
"""Causes of trouble that have a kind of their own; the other reasons are passed on as text."""

TRACKER_EVENTS = frozenset({"tracker_created", "tracker_updated"})
OTHER_EVENTS = frozenset(
    {
        "shipment_purchased",
        "shipment_cancelled",
        "shipment_fulfilled",
        "shipment_out_for_delivery",
        "shipment_needs_attention",
        "shipment_delivery_failed",
        "order_created",
        "order_updated",
        "order_fulfilled",
        "order_cancelled",
        "order_delivered",
        "pickup_scheduled",
        "pickup_cancelled",
        "pickup_closed",
        "batch_queued",
        "batch_failed",
        "batch_running",
        "batch_completed",
    }
)
"""Events that say nothing new: our own calls caused them, or a tracker tells the same with moment and place."""
