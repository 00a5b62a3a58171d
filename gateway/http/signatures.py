"""Verification of Standard Webhooks signatures, symmetric scheme `v1` (schemas.messaging.webhooks signs them).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hmac
import re
from collections.abc import Mapping, Sequence

from schemas.messaging.webhooks import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

TOLERANCE_S = 300
"""Seconds between a signature's timestamp and ours: five minutes, as the libraries of Standard Webhooks have it."""
MAX_SIGNATURES = 10
"""Signatures in one header: a change of secrets needs two, and each costs a hash."""
_MESSAGE_ID = re.compile(r"[A-Za-z0-9_:/+=-]{1,120}")
"""No full stop: it separates id, timestamp and body in what is signed; an id with one could be read in two ways."""
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}")


def genuine(headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes], now_s: float) -> bool:
    """Is one of the signatures made over this id, timestamp and body with one of the secrets, less than 5 min off.

    `now_s` is Unix time. Never raises: malformed headers are not genuine. Compares in constant time.
    """
    message_id = headers.get(ID_HEADER, "")
    timestamp = headers.get(TIMESTAMP_HEADER, "")
    if not _MESSAGE_ID.fullmatch(message_id) or not _TIMESTAMP.fullmatch(timestamp):
        return False
    given = headers.get(SIGNATURE_HEADER, "").encode("utf-8", "replace").split(b" ", MAX_SIGNATURES)[:MAX_SIGNATURES]
    found = False
    for secret in secrets:
        expected = sign(secret, message_id, int(timestamp), body).encode()
        for signature in given:
            found |= hmac.compare_digest(signature, expected)
    return found and abs(now_s - int(timestamp)) <= TOLERANCE_S
