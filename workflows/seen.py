"""Which events a workflow has heard, in few bytes."""

from base64 import b64encode
from hashlib import blake2b


def short_id(event_id: str) -> str:
    """An event's id in twelve characters: an order that hears for years hands its ids to each new run."""
    return b64encode(blake2b(event_id.encode(), digest_size=9).digest()).decode()


MOST_AT_ONCE = 200
"""Events taken in as one step: more would keep the worker's thread for longer than Temporal allows a workflow."""
