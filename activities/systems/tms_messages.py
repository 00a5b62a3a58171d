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
from schemas.messaging.order_effects import (
    AmendTender,
    CollectReturn,
    HoldTransport,
    InterceptShipment,
    ResumeTransport,
    TenderTransport,
    VoidTender,
)
from schemas.orders.release import OrderRelease


def tender_transport(effect: Effect[TenderTransport], release: OrderRelease) -> Tender:
    """The transport of the whole order, or of the packs that the effect names, is offered."""
    told = effect.payload
    return Tender(
        order=release.number,
        ship_from=release.ship_from,
        ship_to=release.ship_to,
        carrier=told.carrier or _named(effect, release),
        mode=release.mode,
        incoterm=release.incoterm,
        revision=effect.revision,
        packs=sum(line.quantity for line in release.lines) if told.packs is None else told.packs,
        promised_on=told.promised_on,
        site=told.site or None,
    )


def amend_tender(effect: Effect[AmendTender], release: OrderRelease) -> TenderAmendment:
    """How many packs a site's transport is to have now, and what else changed."""
    told = effect.payload
    return TenderAmendment(
        order=release.number,
        site=told.site or None,
        revision=effect.revision,
        packs=told.packs,
        ship_to=None if told.address_from is None else release.ship_to,
        promised_on=told.promised_on,
        expedite=told.expedite,
        reason=told.reason,
    )


def hold_transport(effect: Effect[HoldTransport], release: OrderRelease) -> TenderHold:
    """Nothing is picked up."""
    return TenderHold(order=release.number, revision=effect.revision, on=True, reason=effect.payload.reason)


def resume_transport(effect: Effect[ResumeTransport], release: OrderRelease) -> TenderHold:
    """It is picked up again."""
    return TenderHold(order=release.number, revision=effect.revision, on=False, reason=effect.payload.reason)


def void_tender(effect: Effect[VoidTender], release: OrderRelease) -> TenderVoid:
    """The tender is taken back."""
    told = effect.payload
    return TenderVoid(order=release.number, revision=effect.revision, reason=told.reason, site=told.site or None)


def intercept_shipment(effect: Effect[InterceptShipment], release: OrderRelease) -> Interception:
    """A shipment under way is brought back."""
    told = effect.payload
    return Interception(order=release.number, shipment=told.shipment, reason=told.reason)


def collect_return(effect: Effect[CollectReturn], release: OrderRelease) -> ReturnCollection:
    """Goods are collected at the customer."""
    told = effect.payload
    return ReturnCollection(
        order=release.number,
        rma=told.rma,
        ship_from=release.ship_to,
        site=told.site or release.site or release.ship_from.id,
        packs=sum(line.quantity for line in told.lines),
    )


def _named(effect: Effect[TenderTransport], release: OrderRelease) -> str | None:
    """The carrier that the release names. It is asked first only: it may have declined."""
    first = effect.key == str(EffectKey(effect.subject, effect.operation))
    return release.carrier if first else None
