"""Strict parsing of milestone events: one event or a batch becomes contracts, or findings. Pure."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.messaging.envelope import TYPE_MILESTONE, Envelope
from schemas.orders.milestones import Milestone
from schemas.parsing import MAX_FINDINGS, InvalidMessage, parse_json, read, refuse, validated

MilestoneEnvelope = Envelope[Milestone]
CLOCK_TOLERANCE = timedelta(minutes=10)
"""The most that a partner's clock may be ahead of ours."""


def admit_event(raw: bytes) -> MilestoneEnvelope:
    """Bytes to one event. Raises `InvalidMessage`."""
    return _event(parse_json(raw), raw)


def admit_own(raw: bytes, partner: str) -> MilestoneEnvelope:
    """Bytes to one event under the partner's own name. Raises `InvalidMessage`."""
    return _own(admit_event(raw), partner)


def read_own(raw: bytes, partner: str) -> MilestoneEnvelope:
    """An event that the gateway has admitted, of the bytes that it committed: typed again, its JSON not judged again.

    Raises `InvalidMessage` when this version cannot read it.
    """
    return _own(read(MilestoneEnvelope, raw), partner)


def admit_batch(body: bytes, max_batch: int) -> list[tuple[MilestoneEnvelope, bytes]]:
    """Bytes to events, each with its own bytes. Raises `InvalidMessage` with the index in every finding: all or
    nothing."""
    items = parse_json(body)
    if not isinstance(items, list) or not 1 <= len(items) <= max_batch:
        refuse("body", f"must be an array of 1 to {max_batch} events")
    events: list[tuple[MilestoneEnvelope, bytes]] = []
    findings: list[dict[str, str]] = []
    for index, item in enumerate(items):
        try:
            raw = json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()
            events.append((_event(item, raw), raw))
        except InvalidMessage as refused:
            findings += [{**found, "field": f"[{index}].{found['field']}"} for found in refused.findings]
            if len(findings) >= MAX_FINDINGS:
                break
    if findings:
        raise InvalidMessage(findings[:MAX_FINDINGS])
    return events


def stated(raw: bytes, member: str) -> str | None:
    """The message's own `type` or `id`, be the rest good or bad. None when it cannot be read."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    found = value.get(member) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def own_source(source: str, partner: str) -> bool:
    """Does the source lie under the partner's own name."""
    own = f"/partners/{partner}"
    return source == own or source.startswith(own + "/")


def _own(event: MilestoneEnvelope, partner: str) -> MilestoneEnvelope:
    if not own_source(event.source, partner):
        refuse("source", f"must be /partners/{partner}, or lie under it")
    return event


def digest_of(raw: bytes) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(raw).hexdigest()


def _event(value: Any, raw: bytes) -> MilestoneEnvelope:
    """The contract of JSON that was parsed strictly, and of its bytes, which pydantic reads faster."""
    if isinstance(value, dict) and isinstance(value.get("type"), str) and value["type"] != TYPE_MILESTONE:
        refuse("type", f"must be {TYPE_MILESTONE}")
    event = validated(MilestoneEnvelope, raw)
    if event.data.occurred_at > datetime.now(UTC) + CLOCK_TOLERANCE:
        refuse("data.occurred_at", "must not lie more than 10 minutes in the future")
    return event
