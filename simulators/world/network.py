"""The network that the stand-ins play: one regional distribution centre a region, one carrier per mode and region."""

from schemas.base import Variant
from schemas.orders.release import OrderRelease, Party
from schemas.standard_identifiers import TransportMode

ERP = "erp-main"
"""The ERP whose orders the demo replays."""

_CENTRE_COUNTRY = {"AFR": "ZA", "AMER": "PA", "APAC": "SG", "EMEA": "NL"}


def centre(region: str) -> Party:
    """The distribution centre that serves a region; its id is the site code."""
    return Party(id=f"RDC-{region}", name=f"Regional distribution centre {region}", country=_CENTRE_COUNTRY[region])


def carrier(mode: TransportMode | None, region: str) -> str:
    """The carrier that moves goods by this mode in this region; without a mode, the region's parcel carrier."""
    kind = mode.replace("_", "-") if mode else "parcel"
    return f"carrier-{kind}-{region.lower()}"


def goods_partner(release: OrderRelease) -> str:
    """The reporter of events before carriage: the site's WMS, or the supplier of a direct drop."""
    if release.variant is Variant.DIRECT_DROP:
        return str(release.supplier)
    return f"wms-{str(release.site).lower()}"
