"""Messages as partners send them."""

import json
import time
from typing import Any

from schemas.messaging.webhooks import sign, webhook_secret
from tests.gateway.harness import MASTER


def release(number: str = "PO-1", **changes: Any) -> dict[str, Any]:
    """A release of one line from a distribution centre, carried by dhl."""
    return {
        "number": number,
        "released_at": "2026-03-02T08:00:00Z",
        "requested_on": "2026-03-09",
        "variant": "distribution_centre",
        "site": "DC1",
        "carrier": "dhl",
        "lines": [{"line": 1, "item": "ITEM-1", "quantity": 10}],
        "ship_from": {"id": "dc1", "country": "NL"},
        "ship_to": {
            "id": "clinic",
            "country": "ZA",
            "name": "Clinic Confidential",
            "address": "1 Hidden Street",
        },
        "region": "EMEA",
        **changes,
    }


def event(partner: str = "dhl", event_id: str = "e-1", **changes: Any) -> dict[str, Any]:
    """A milestone of shipment S-1 of order PO-1; `changes` are to its data."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/partners/{partner}",
        "type": "syncline.shipment.milestone.v1",
        "data": {
            "kind": "in_transit",
            "order": "PO-1",
            "shipment": "S-1",
            "occurred_at": "2026-03-05T12:00:00Z",
            **changes,
        },
    }


def signed(
    body: bytes, partner: str = "dhl", message_id: str = "msg_1", age_s: int = 0, version: int = 1, master: str = MASTER
) -> dict[str, str]:
    """The headers of a webhook."""
    timestamp = int(time.time()) - age_s
    secret = webhook_secret(master, partner, version)
    return {
        "Content-Type": "application/cloudevents+json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, message_id, timestamp, body),
    }


def as_bytes(value: Any) -> bytes:
    """JSON in UTF-8."""
    return json.dumps(value).encode()
