"""Which master data a message names, and whose: the ERP owns items, sites, customers and carriers."""

from collections.abc import Iterator

from schemas.base import Contract, Variant
from schemas.orders.release import OrderRelease, ReleaseRequest
from schemas.partners.master_data import MasterKind, MasterName
from schemas.procurement.sent_documents import SentOrder
from schemas.workflows.commands import ActionRequest, AmendRequest, ReplanDecision


def named_in_release(erp: str, release: OrderRelease | ReleaseRequest) -> frozenset[MasterName]:
    """Items, customer, the carrier that is wanted and, unless a supplier sends, the site of a release."""
    items = {MasterName(erp, MasterKind.ITEM, line.item) for line in release.lines}
    customer = MasterName(erp, MasterKind.CUSTOMER, release.ship_to.id)
    site = release.site if release.variant is Variant.DISTRIBUTION_CENTRE else None
    return frozenset({*items, customer, *_places(erp, site, release.carrier)})


def named_in_command(erp: str, request: Contract) -> frozenset[MasterName]:
    """Master data that a command brings into an order of this ERP. An amendment has items and a customer, an action a
    site and a carrier. A planner's decision has these and substitutes."""
    match request:
        case AmendRequest():
            items = {MasterName(erp, MasterKind.ITEM, line.item) for line in request.lines if line.item}
            to = {MasterName(erp, MasterKind.CUSTOMER, request.ship_to.id)} if request.ship_to else set()
            return frozenset(items | to)
        case ActionRequest():
            return frozenset(_places(erp, request.site, request.carrier))
        case ReplanDecision():
            items = {MasterName(erp, MasterKind.ITEM, it.item) for it in request.substitutes}
            return frozenset({*items, *_places(erp, request.site, request.carrier)})
    return frozenset()


def _places(erp: str, site: str | None, carrier: str | None) -> Iterator[MasterName]:
    if site:
        yield MasterName(erp, MasterKind.SITE, site)
    if carrier:
        yield MasterName(erp, MasterKind.CARRIER, carrier)


def named_in_purchase(erp: str, order: SentOrder) -> frozenset[MasterName]:
    """Items and site of a purchase order."""
    return frozenset(name for line in order.lines for name in named_at(erp, line.item, order.site))


def named_at(erp: str | None, item: str, site: str) -> Iterator[MasterName]:
    """An item at a site. Nothing when no ERP owns the site's stock."""
    if erp is not None:
        yield MasterName(erp, MasterKind.ITEM, item)
        yield MasterName(erp, MasterKind.SITE, site)
