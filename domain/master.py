"""Which master data a message names, and whose: the ERP owns items, sites and customers."""

from collections.abc import Iterator

from schemas.base import Variant
from schemas.master import MasterKind, MasterName
from schemas.orders import OrderRelease
from schemas.procurement import PurchaseOrder


def named_in_release(erp: str, release: OrderRelease) -> frozenset[MasterName]:
    """Items, customer and, unless a supplier sends, the site of a release."""
    items = {MasterName(erp, MasterKind.ITEM, line.item) for line in release.lines}
    customer = MasterName(erp, MasterKind.CUSTOMER, release.ship_to.id)
    from_site = release.variant is Variant.DISTRIBUTION_CENTRE and release.site
    return frozenset({*items, customer, *([MasterName(erp, MasterKind.SITE, str(release.site))] if from_site else [])})


def named_in_purchase(erp: str, order: PurchaseOrder) -> frozenset[MasterName]:
    """Items and site of a purchase order."""
    return frozenset(name for line in order.lines for name in named_at(erp, line.item, order.site))


def named_at(erp: str | None, item: str, site: str) -> Iterator[MasterName]:
    """An item at a site. Nothing when no ERP owns the site's stock."""
    if erp is not None:
        yield MasterName(erp, MasterKind.ITEM, item)
        yield MasterName(erp, MasterKind.SITE, site)
