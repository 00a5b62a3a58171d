"""From an accepted release to the start of its workflow: promised, and free of names and addresses."""

from domain.promise import promise
from schemas.base import Variant
from schemas.lifecycle import AcceptedRelease, OrderStart
from schemas.orders import LineDue


def opening(accepted: AcceptedRelease) -> OrderStart:
    """What the order's workflow needs to know. Deterministic: a retry gives the same promise."""
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
        promise=promise(release),
        proof_of_delivery_required=release.proof_of_delivery_required,
        clock=release.clock,
        released_at=release.released_at,
        accepted_at=accepted.received_at,
        traceparent=accepted.traceparent,
    )
