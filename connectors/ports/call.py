"""The data that travels with every call, and the way in which a system counts it once."""

from dataclasses import dataclass
from enum import StrEnum


class OnceKind(StrEnum):
    """How a call to a system counts once, though it may be made twice.

    `key`: the system takes our key, and answers a repeat as it did before. `natural_key`: our reference stands in a
    field of the system, and the adapter looks for it before it writes. `neither`: the outcome is unknown; a call whose
    answer is lost is not repeated, and people look.
    """

    KEY = "key"
    NATURAL_KEY = "natural_key"
    NEITHER = "neither"


@dataclass(frozen=True)
class OnceRule:
    """How calls of a connection count once. `list_lag_s`: seconds after which the system's lists surely show what was
    written, where the kind is `natural_key`."""

    kind: OnceKind = OnceKind.KEY
    list_lag_s: float = 0.0


MAX_LIST_LAG_S = 8.0
"""A queued attempt has 15 s (`QUEUED_CALL`): two of them for the ledger, five for the call, the rest to look."""


@dataclass(frozen=True)
class Call:
    """The data that travels with every call.

    `target`: which system of its kind is meant: an ERP's id, a site, a region. `key`: the same for every repeat of the
    call, and for no other; an idempotency key, or our reference in the system. `traceparent`: W3C Trace Context.
    `timeout_s`: seconds until the answer is in. `repeated`: an earlier attempt may have reached the system; only told
    to adapters whose system takes no key.
    """

    target: str
    key: str
    traceparent: str = ""
    timeout_s: float = 5.0
    repeated: bool = False
