"""Zones and calendars by which a message is decided, from its sender, master data and policies.

They are looked up where a message comes in, and travel with what is started: no workflow looks them up.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from domain import zones
from domain.cases.escalation_policies import days_policy
from schemas.base import Variant
from schemas.cases.policies import PolicyRule
from schemas.days import EVERY_DAY, WHOLE_WEEK, Days, Way, Zone, utc_offset_s
from schemas.orders.release import OrderRelease
from schemas.partners.master_data import MasterKind, MasterName
from schemas.procurement.purchase_orders import InboundStart
from store.cases import policies
from store.engine import Connection
from store.partners import master_data
from store.partners.master_data import DaysKept
from store.planning import site_regions

Kept = dict[MasterName, DaysKept]


class Place(NamedTuple):
    """Somebody or somewhere that has days: as its owner calls it, and what a rule may say of it.

    `stated` is the zone that the message itself names, `otherwise` the clock that holds when nobody names one.
    """

    name: MasterName | None
    facts: dict[str, str]
    stated: str | None = None
    otherwise: Zone = Zone()


UNSAID = Zone(name="")
"""The zone of whom nobody says anything."""


async def of_order(connection: Connection, erp: str, release: OrderRelease, moment: datetime) -> Way:
    """The days of an order. A customer of whom nothing is known has the clock by which the order was released. UTC says
    nothing of a clock: then it has that of where the goods are made ready."""
    site, region = release.site or "", release.region
    if release.variant is Variant.DIRECT_DROP:
        sender = Place(None, {"partner": release.supplier or "", "region": region}, release.ship_from.time_zone)
    else:
        sender = site_of(erp, site, region, release.ship_from.time_zone)
    offset_s = utc_offset_s(release.released_at)
    clock = zones.fixed(offset_s) if offset_s else UNSAID
    to = customer_of(erp, release.ship_to.id, region)._replace(stated=release.ship_to.time_zone, otherwise=clock)
    carriers = [_carrier(erp, release.carrier, region)] if release.carrier else []
    here, there, *carriage = await found(connection, (sender, to, *carriers), moment)
    if there.zone == UNSAID:
        there = there.model_copy(update={"zone": here.zone})
    return Way(here, carriage[0] if carriage else EVERY_DAY, there)


async def of_carriers(
    connection: Connection, erp: str, carriers: tuple[str, ...], region: str, moment: datetime
) -> dict[str, Days]:
    """The days of carriers, where something is known of them."""
    asked = [_carrier(erp, carrier, region) for carrier in carriers]
    days = await found(connection, asked, moment) if asked else ()
    return {carrier: it for carrier, it in zip(carriers, days, strict=True) if it != EVERY_DAY}


async def of_purchase(connection: Connection, start: InboundStart) -> InboundStart:
    """The start of a purchase order with the days of its site and of its supplier."""
    places = site_of(start.erp, start.site, start.region), _partner(start.supplier, start.region)
    here, theirs = await found(connection, places, start.accepted_at)
    return start.model_copy(update={"here": here, "theirs": theirs})


async def of_sites(connection: Connection, sites: Iterable[str], moment: datetime) -> dict[str, Days]:
    """The days of sites, whichever ERP knows them."""
    asked = tuple(sites)
    owners = await master_data.owners_of_sites(connection, asked)
    regions = await site_regions.regions(connection, asked)
    places = [site_of(owners.get(site, ""), site, regions.get(site, "")) for site in asked]
    return dict(zip(asked, await found(connection, places, moment) if places else (), strict=True))


def site_of(erp: str, site: str, region: str = "", stated: str | None = None) -> Place:
    """A site of an ERP."""
    return Place(MasterName(erp, MasterKind.SITE, site), {"site": site, "region": region}, stated)


def customer_of(erp: str, customer: str, region: str = "") -> Place:
    """A customer of an ERP."""
    return Place(MasterName(erp, MasterKind.CUSTOMER, customer), {"customer": customer, "region": region})


def _carrier(erp: str, carrier: str, region: str) -> Place:
    return Place(MasterName(erp, MasterKind.CARRIER, carrier), {"partner": carrier, "region": region})


def _partner(partner: str, region: str) -> Place:
    return Place(None, {"partner": partner, "region": region})


async def found(connection: Connection, places: Iterable[Place], moment: datetime) -> tuple[Days, ...]:
    """The days of places, as far as they may matter to what begins at a moment. The message's days go before those of
    the place's owner, and those before the rules."""
    asked = tuple(places)
    rules = await policies.rules(connection, "days")
    kept = await master_data.days_of(connection, {it.name for it in asked if it.name})
    return tuple(_days(it, kept, rules, moment) for it in asked)


def _days(place: Place, kept: Kept, rules: Iterable[PolicyRule], moment: datetime) -> Days:
    policy, known = days_policy(rules, **place.facts), kept.get(place.name) if place.name else None
    name = place.stated or (known.time_zone if known else None) or policy.time_zone
    zone = zones.zone_at(name, moment) if name else place.otherwise
    if known and known.calendar:
        return zones.days(zone, known.calendar.working_days, known.calendar.days_off, moment)
    return zones.days(zone, policy.working_days or WHOLE_WEEK, policy.days_off, moment)
