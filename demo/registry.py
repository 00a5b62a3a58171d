"""The stand-ins as partners of the registry: the ERP, a warehouse and a transport desk for each region."""

from collections.abc import Iterator, Sequence
from typing import Any

from dispatch.partners.applying import apply
from domain.partners.parties import warehouse_partner
from domain.partners.registry_rules import Surroundings
from schemas.base import System
from schemas.partners.registry import PartnerChange
from simulators.world.network import ERP, centre
from stack.layout import SIMULATORS_SECRET, LocalStack
from store.engine import Connection

TIME_ZONES = {
    "AFR": "Africa/Johannesburg",
    "AMER": "America/Panama",
    "APAC": "Asia/Singapore",
    "EMEA": "Europe/Amsterdam",
}
"""Where each region's centre is."""


async def describe(connection: Connection, stack: LocalStack, regions: Sequence[str]) -> None:
    """Put the stand-ins that serve these regions in force. Again, it changes nothing."""
    changes = {it.partner: it for it in stand_ins(stack, regions)}
    await apply(connection, changes, Surroundings(), "demo", "the demo's stand-ins")


def stand_ins(stack: LocalStack, regions: Sequence[str]) -> Iterator[PartnerChange]:
    """Every stand-in that serves these regions, at the address of the simulators."""
    yield _partner(stack, System.ERP, ERP, "Main ERP")
    for region in regions:
        site = centre(region)
        where: dict[str, Any] = {"region": region, "time_zone": TIME_ZONES.get(region), "calendar": site.country}
        yield _partner(stack, System.WMS, warehouse_partner(site.id), str(site.name), sites=[site.id], **where)
        yield _partner(stack, System.TMS, f"tms-{region.lower()}", f"Transport desk {region}", **where)


def _partner(stack: LocalStack, system: System, partner: str, name: str, **more: Any) -> PartnerChange:
    connection = {
        "name": "api",
        "adapter": "standard",
        "channel": {"http": getattr(stack.settings, system)["*"].url},
        "credentials": {"scheme": "bearer", "secrets": {"token": f"env:{SIMULATORS_SECRET}"}},
        "state": "live",
    }
    said = {"partner": partner, "name": name, "roles": [system.value], "connections": [connection], **more}
    return PartnerChange.model_validate(said)
