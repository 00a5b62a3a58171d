"""What transport is told of an order, by operation: each function has the name of its operation."""

from schemas.ids import EffectKey
from schemas.messaging.effects import Effect
from schemas.messaging.instructions import (
    Interception,
    ReturnCollection,
    Tender,
    TenderAmendment,
    TenderHold,
    TenderVoid,
)
from schemas.orders.release import OrderRelease


def tender_transport(effect: Effect, release: OrderRelease) -> Tender:
    """The transport of the whole order, or of the packs that the effect names, is offered."""
    return Tender(
        order=release.number,
        ship_from=release.ship_from,
        ship_to=release.ship_to,
        carrier=_wanted(effect, release),
        mode=release.mode,
        incoterm=release.incoterm,
        revision=effect.revision,
        packs=sum(line.quantity for line in release.lines) if effect.packs is None else effect.packs,
        promised_on=effect.promised_on or release.requested_on,
        expedite=effect.expedite,
        site=effect.site or None,
    )


def amend_tender(effect: Effect, release: OrderRelease) -> TenderAmendment:
    """How many packs a site's transport is to have now, and what else changed."""
    return TenderAmendment(
        order=release.number,
        site=effect.site or None,
        revision=effect.revision,
        packs=effect.packs,
        ship_to=release.ship_to if effect.address else None,
        promised_on=effect.promised_on,
        expedite=effect.expedite,
        reason=effect.reason,
    )


def hold_transport(effect: Effect, release: OrderRelease) -> TenderHold:
    """Nothing is picked up."""
    return TenderHold(order=release.number, revision=effect.revision, on=True, reason=effect.reason)


def resume_transport(effect: Effect, release: OrderRelease) -> TenderHold:
    """It is picked up again."""
    return TenderHold(order=release.number, revision=effect.revision, on=False, reason=effect.reason)


def void_tender(effect: Effect, release: OrderRelease) -> TenderVoid:
    """The tender is taken back."""
    return TenderVoid(order=release.number, revision=effect.revision, reason=effect.reason, site=effect.site or None)


def intercept_shipment(effect: Effect, release: OrderRelease) -> Interception:
    """A shipment under way is brought back."""
    return Interception(order=release.number, shipment=effect.shipment, reason=effect.reason)


def collect_return(effect: Effect, release: OrderRelease) -> ReturnCollection:
    """Goods are collected at the customer."""
    return ReturnCollection(
        order=release.number,
        rma=effect.rma,
        ship_from=release.ship_to,
        site=effect.site or release.site or release.ship_from.id,
        packs=sum(line.quantity for line in effect.lines),
    )


def _wanted(effect: Effect, release: OrderRelease) -> str | None:
    """The carrier to offer it to. The one that the release names is asked first only: it may have declined."""
    first = effect.key == str(EffectKey(effect.subject, effect.operation))
    return effect.carrier or (release.carrier if first else None)
