"""The promise given at release: the requested day, or the earliest day that the variant's lead time allows."""

from datetime import date, timedelta

from schemas.base import Variant
from schemas.identifiers import TransportMode
from schemas.orders import LinePromise, OrderRelease, Promise

HANDLING_DAYS = {Variant.DISTRIBUTION_CENTRE: 1, Variant.DIRECT_DROP: 2}
"""Days from release until the goods leave: pick and pack, or the supplier's preparation."""
CARRIAGE_DAYS = {
    TransportMode.AIR_CHARTER: 2,
    TransportMode.AIR: 3,
    TransportMode.ROAD: 3,
    TransportMode.RAIL: 7,
    TransportMode.OCEAN: 21,
}
"""Standard days under way by mode. No mode: as by air, until the tender says otherwise."""


def lead_days(variant: Variant, mode: TransportMode | None) -> int:
    """Standard lead time in calendar days from release to delivery."""
    return HANDLING_DAYS[variant] + CARRIAGE_DAYS[mode or TransportMode.AIR]


def promise(release: OrderRelease) -> Promise:
    """Promise every line: its requested day when the lead time allows it, else the earliest possible day."""
    earliest: date = release.released_at.date() + timedelta(days=lead_days(release.variant, release.mode))
    lines = tuple(LinePromise(line=x.line, promised_on=max(release.wanted_on(x), earliest)) for x in release.lines)
    last = max(x.promised_on for x in lines)
    late = sum(1 for x in release.lines if release.wanted_on(x) < earliest)
    reason = "as requested" if not late else f"{late} of {len(lines)} lines need the lead time until {earliest}"
    return Promise(promised_on=last, lines=lines, reason=reason)
