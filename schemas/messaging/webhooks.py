"""Signed webhooks: Standard Webhooks 1.0, symmetric scheme `v1`.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
A partner's secret is derived from the master secret: none is kept at rest, and a new version rotates one partner.
"""

import hmac
from base64 import b64encode

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"


def webhook_secret(master: str, partner: str, version: int = 1) -> bytes:
    """The signing secret of one partner: 32 bytes, HMAC-SHA256 of its name and version under the master secret."""
    return hmac.digest(master.encode(), f"webhook:{partner}:{version}".encode(), "sha256")


def webhook_secret_text(master: str, partner: str, version: int = 1) -> str:
    """The secret as it is given to the partner: `whsec_` and base64."""
    return "whsec_" + b64encode(webhook_secret(master, partner, version)).decode()


def sign(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Value of `webhook-signature` for one attempt. `timestamp` is Unix time in seconds, as in `webhook-timestamp`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(secret, signed, "sha256")).decode()
