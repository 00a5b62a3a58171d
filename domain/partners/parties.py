"""Parties of an order, which may see it and report on it."""

from schemas.base import Variant
from schemas.orders.release import OrderRelease, ReleaseRequest

TRANSPORT_PARTNER = "tms"
"""The partner id of the transport management system, which takes part in every order."""


def warehouse_partner(site: str) -> str:
    """The partner id under which a site's warehouse system reports."""
    return f"wms-{site.lower()}"


def parties(erp: str, release: OrderRelease | ReleaseRequest) -> list[str]:
    """The partner ids that take part from the start. A carrier chosen by the TMS joins when the tender is accepted."""
    goods = (
        warehouse_partner(release.site or "")
        if release.variant is Variant.DISTRIBUTION_CENTRE
        else release.supplier or ""
    )
    found = [erp, goods, TRANSPORT_PARTNER]
    if release.carrier:
        found.append(release.carrier)
    return found
