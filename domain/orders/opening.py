"""From an accepted release to the start of its workflow: promised, and free of names and addresses."""

from datetime import datetime

from domain.days import day_of
from domain.inventory.promise import begins_on, promise
from schemas.base import Variant
from schemas.days import EVERY_DAY, Way
from schemas.orders.release import LineDue
from schemas.workflows.lifecycle import AcceptedRelease, OrderStart


def begins(accepted: AcceptedRelease) -> datetime:
    """When the order begins: as it comes, or in its own time when it replays the past."""
    return accepted.release.released_at if accepted.release.clock == "events" else accepted.received_at


def opening(accepted: AcceptedRelease, way: Way = Way()) -> OrderStart:  # noqa: B008 - it cannot be changed
    """The start of the order's workflow. Deterministic: a retry gives the same promise, that of the day on which
    the release came. `way`: the days that it goes by."""
    release = accepted.release
    from_warehouse = release.variant is Variant.DISTRIBUTION_CENTRE
    return OrderStart(
        erp=accepted.erp,
        number=release.number,
        digest=accepted.digest,
        inbox_id=accepted.inbox_id,
        variant=release.variant,
        region=release.region,
        site=(release.site if from_warehouse else release.supplier) or "",
        carrier=release.carrier or "",
        priority=release.priority,
        lines=tuple(
            LineDue(line=x.line, item=x.item, quantity=x.quantity, due_on=release.wanted_on(x)) for x in release.lines
        ),
        promise=promise(release, begins_on(release, accepted.received_at, way.here), way),
        proof_of_delivery_required=release.proof_of_delivery_required,
        clock=release.clock,
        released_at=release.released_at,
        accepted_at=accepted.received_at,
        traceparent=accepted.traceparent,
        here=way.here,
        there=way.there,
        carriers={release.carrier: way.carriage} if release.carrier and way.carriage != EVERY_DAY else {},
        released_on=release.released_on if release.released_on != day_of(release.released_at, way.there) else None,
        checks_times=True,
    )
