"""Tracking: what Karrio's webhook or its list of trackers says, as milestones. Pure.

Karrio sends the whole list of a tracker's events each time, without ids, and in an order that a late event changes. An
event's id is made of its content, so a repeat is a repeat. What cannot be read for certain is quarantined by itself:
an unknown status, a moment without its offset, a shipment that has no number.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from connectors.karrio.codes import CAUSES, MILESTONES, OTHER_EVENTS, SILENT, TRACKER_EVENTS
from connectors.karrio.settings import KarrioSettings
from schemas.base import Origin, is_system_id, printable
from schemas.messaging.envelope import TYPE_MILESTONE, Envelope
from schemas.orders.milestones import Milestone, MilestoneKind

TIMES = ("%H:%M:%S", "%H:%M", "%I:%M %p")
"""How Karrio's carriers write a time of day."""
REFERENCE = re.compile(r"([a-z0-9][a-z0-9-]{1,31})/([A-Za-z0-9][A-Za-z0-9._-]{0,39})(?:@[A-Z0-9-]+)?")
"""A reference as `mapping.reference_of` makes it; that of a return has a part more, and is none of an order's."""
REASONED = frozenset({MilestoneKind.EXCEPTION, MilestoneKind.DELAYED, MilestoneKind.RETURNING})
MAX_WORD = 60
MAX_REASON = 500


@dataclass(frozen=True)
class UnreadableEvent:
    """An event that is quarantined. `id`: the same for every repeat. `said`: the code or field that nobody knows."""

    id: str
    why: str
    said: str = ""
    origin: Origin = Origin.TRANSFORMATION


@dataclass(frozen=True)
class OrderPlace:
    """The order that a shipment was bought for."""

    erp: str
    order: str


@dataclass(frozen=True)
class TrackingReport:
    """What one message says."""

    milestones: tuple[Envelope[Milestone], ...] = ()
    quarantined: tuple[UnreadableEvent, ...] = ()


def place_of(reference: str) -> OrderPlace | None:
    """The order that a shipment's reference names; None for a return, and for what is not ours."""
    match = REFERENCE.fullmatch(reference)
    return OrderPlace(match[1], match[2]) if match else None


def of_webhook(body: Any, source: str, settings: KarrioSettings, place: OrderPlace | None = None) -> TrackingReport:
    """The milestones in the body of a webhook, `{"event", "data"}`. Events that say nothing new have none.

    Args: `source`: of the envelopes. `place`: the shipment's order, where it is known.
    """
    event = body.get("event") if isinstance(body, dict) else None
    if event in TRACKER_EVENTS:
        return of_tracker(body.get("data"), source, settings, place)
    if event in OTHER_EVENTS:
        return TrackingReport()
    return TrackingReport(quarantined=(UnreadableEvent(_id([body]), "unknown_event", _word(event)),))


def of_tracker(tracker: Any, source: str, settings: KarrioSettings, place: OrderPlace | None = None) -> TrackingReport:
    """The milestones of a tracker, oldest first. Arguments: see `of_webhook`."""
    number = tracker.get("tracking_number") if isinstance(tracker, dict) else None
    events = tracker.get("events") if isinstance(tracker, dict) else None
    if not isinstance(number, str) or not number or not isinstance(events or [], list):
        return TrackingReport(quarantined=(UnreadableEvent(_id([tracker]), "no_tracker"),))
    read = [_read(it, tracker, source, settings, place) for it in events or []]
    found = {it.id: it for it in read if isinstance(it, Envelope)}
    unread = {it.id: it for it in read if isinstance(it, UnreadableEvent)}
    in_order = sorted(found.values(), key=lambda it: (it.data.occurred_at, it.id))
    return TrackingReport(tuple(in_order), tuple(unread.values()))


def _read(
    event: Any, tracker: dict[str, Any], source: str, settings: KarrioSettings, place: OrderPlace | None
) -> Envelope[Milestone] | UnreadableEvent | None:
    if not isinstance(event, dict):
        return UnreadableEvent(_id([tracker["tracking_number"], event]), "no_event")
    id = _event_id(event, tracker)
    status = event.get("status")
    if status in SILENT:
        return None
    if not isinstance(status, str) or status not in MILESTONES:
        return UnreadableEvent(id, "unknown_status", _word(status or event.get("code")))
    moment = _moment(event, settings.time_zone)
    if moment is None:
        return UnreadableEvent(id, "no_moment_with_offset", _word(event.get("time")))
    eta = _eta(tracker.get("estimated_delivery"), settings.time_zone)
    kind = MILESTONES[status]
    if kind is MilestoneKind.DELAYED and eta is None:
        kind = MilestoneKind.EXCEPTION
    carrier = settings.our_carrier(_word(tracker.get("carrier_id")))
    try:
        milestone = Milestone(
            kind=kind,
            erp=place.erp if place else None,
            order=place.order if place else None,
            shipment=tracker["tracking_number"],
            occurred_at=moment,
            eta=eta if kind is MilestoneKind.DELAYED else None,
            reason=_reason(event, status) if kind in REASONED else None,
            cause=CAUSES.get(_word(event.get("reason"))) if kind is MilestoneKind.EXCEPTION else None,
            carrier=carrier if is_system_id(carrier) else None,
        )
    except ValidationError as error:
        return UnreadableEvent(id, "not_of_the_contract", ".".join(map(str, error.errors()[0]["loc"])))
    return Envelope[Milestone](specversion="1.0", id=id, source=source, type=TYPE_MILESTONE, data=milestone)


def _event_id(event: dict[str, Any], tracker: dict[str, Any]) -> str:
    """Made of what an event says of itself. Its description is no part of it: carriers translate, and correct them."""
    named = ("timestamp", "date", "time", "status", "code", "reason", "location")
    about = [tracker.get("carrier_id"), tracker["tracking_number"]]
    eta = [tracker.get("estimated_delivery")] if event.get("status") == "delivery_delayed" else []
    return _id([*about, *(event.get(name) for name in named), *eta])


def _id(parts: Iterable[Any]) -> str:
    text = json.dumps(list(parts), sort_keys=True, ensure_ascii=True, default=str)
    return f"karrio-{sha256(text.encode()).hexdigest()[:40]}"


def _moment(event: dict[str, Any], zone: str | None) -> datetime | None:
    """When it happened; None when that is not certain."""
    said = event.get("timestamp")
    if isinstance(said, str) and said:
        try:
            moment = datetime.fromisoformat(said)
        except ValueError:
            return None
        return _placed(moment, zone)
    day, at = event.get("date"), event.get("time")
    if not isinstance(day, str) or not isinstance(at, str):
        return None
    for form in TIMES:
        try:
            return _placed(datetime.strptime(f"{day} {at}", f"%Y-%m-%d {form}"), zone)  # noqa: DTZ007 - placed here
        except ValueError:
            continue
    return None


def _placed(moment: datetime, zone: str | None) -> datetime | None:
    if moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=ZoneInfo(zone)) if zone else None


def _eta(said: Any, zone: str | None) -> datetime | None:
    """The end of the day of delivery."""
    try:
        day = date.fromisoformat(said[:10])
    except (TypeError, ValueError):
        return None
    return _placed(datetime.combine(day, time(23, 59)), zone)


def _reason(event: dict[str, Any], status: str) -> str:
    said = (event.get("reason"), event.get("code"), event.get("description"))
    words = [it for it in said if isinstance(it, str) and it]
    return printable(": ".join((status, *words)), MAX_REASON)


def _word(said: Any) -> str:
    return printable(said, MAX_WORD) if isinstance(said, str) else ""
