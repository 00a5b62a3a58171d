"""Made-up orders of the same shape as the real history: both variants, a long tail of lines, some split, some late.

The same count, seed and day give the same orders.
"""

from datetime import date, timedelta
from random import Random

from biip.checksums import gs1_standard_check_digit

from schemas.base import Variant
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderLine, OrderRelease, Party
from schemas.standard_identifiers import TransportMode
from simulators.orders.countries import region_of
from simulators.orders.history_rows import item_code, supplier_id
from simulators.world import network
from simulators.world.happened import HistoricOrder, HistoricShipment, release_by, released_at

DIRECT_DROP_SHARE = 0.47
"""Share of direct drops, as in the deliveries of the public record."""
SPLIT_SHARE = 0.06
"""Share of orders that leave in two or three shipments."""
LATE_SHARE = 0.11
"""Share of shipments that are delivered after the day promised."""
GTIN_SHARE = 0.6
"""Share of items that have a GTIN."""

_LINES = (1, 2, 3, 4, 5, 6, 7, 8)
_LINES_WEIGHTS = (73, 15, 5, 3, 1.5, 1, 1, 0.5)
_MODES = (TransportMode.AIR, TransportMode.ROAD, TransportMode.AIR_CHARTER, TransportMode.OCEAN, None)
_MODES_WEIGHTS = (61, 27, 6, 3, 3)
_CLIENTS = ("CI", "ET", "GT", "GY", "HT", "KE", "LB", "MZ", "NG", "RW", "TZ", "UG", "VN", "ZA", "ZM", "ZW")
_VENDORS = (("Northern Cross Generics", "IN"), ("Harbour Diagnostics", "IE"), ("Meridian Laboratories", "DE"))
_MOLECULES = ("Efavirenz", "Lamivudine", "Nevirapine", "Zidovudine", "Lopinavir/Ritonavir", "HIV 1/2 rapid test")
_DOSAGES = ("50mg", "150mg", "200mg", "300mg", "600mg")
_PACKS = ("30", "60", "100")


def generate(count: int, seed: int, day: date = date(2024, 1, 1)) -> tuple[HistoricOrder, ...]:
    """`count` orders and what becomes of them, delivered within some four months from `day`."""
    return tuple(_order(number, Random(f"{seed}/{number}"), day) for number in range(1, count + 1))


def _order(number: int, chance: Random, day: date) -> HistoricOrder:
    variant = Variant.DIRECT_DROP if chance.random() < DIRECT_DROP_SHARE else Variant.DISTRIBUTION_CENTRE
    mode = chance.choices(_MODES, _MODES_WEIGHTS)[0]
    due = day + timedelta(days=chance.randint(30, 110))
    parts = chance.choice((2, 2, 3)) if chance.random() < SPLIT_SHARE else 1
    count = max(parts, chance.choices(_LINES, _LINES_WEIGHTS)[0])
    lines = tuple(_line(line, chance) for line in range(1, count + 1))
    arrivals = [_arrival(due, chance) for _ in range(parts)]
    release = _release(
        f"SYN-{number:06}", variant, mode, lines, due, release_by(variant, mode, [due, *arrivals]), chance
    )
    shipments = tuple(
        HistoricShipment(
            shipment=f"SHP-{number:06}-{part + 1}",
            lines=tuple(ShippedLine(line=line.line, quantity=line.quantity) for line in lines[part::parts]),
            delivered_on=arrival,
            recorded_on=arrival + timedelta(days=chance.choice((0, 0, 0, 1, 2))),
            carrier=str(release.carrier),
        )
        for part, arrival in enumerate(arrivals)
    )
    return HistoricOrder(release, shipments)


def _release(
    number: str,
    variant: Variant,
    mode: TransportMode | None,
    lines: tuple[OrderLine, ...],
    due: date,
    latest: date,
    chance: Random,
) -> OrderRelease:
    country = chance.choice(_CLIENTS)
    region = region_of(country)
    direct = variant is Variant.DIRECT_DROP
    vendor, made_in = chance.choice(_VENDORS)
    origin = Party(id=supplier_id(vendor), name=vendor, country=made_in) if direct else network.centre(region)
    return OrderRelease(
        number=number,
        released_at=released_at(latest - timedelta(days=chance.randint(0, 10))),
        requested_on=due,
        variant=variant,
        lines=lines,
        ship_from=origin,
        ship_to=Party(id=f"CLIENT-{country}", country=country),
        site=None if direct else origin.id,
        supplier=origin.id if direct else None,
        carrier=network.carrier(mode, region),
        region=region,
        mode=mode,
        clock="events",
    )


def _line(line: int, chance: Random) -> OrderLine:
    molecule, dosage, pack = chance.choice(_MOLECULES), chance.choice(_DOSAGES), chance.choice(_PACKS)
    description = f"{molecule} {dosage}, pack of {pack}"
    quantity = max(1, round(chance.lognormvariate(7, 2)))
    return OrderLine(
        line=line,
        item=item_code(description, molecule, dosage, pack),
        gtin=_gtin(description),
        description=description,
        quantity=quantity,
        value=round(quantity * chance.uniform(0.5, 40), 2),
    )


def _gtin(description: str) -> str | None:
    """The item's GTIN-13, from its description alone: an item keeps its number, and some items have none.

    Company prefix 952 is set aside by GS1 for examples.
    """
    chance = Random(description)
    if chance.random() >= GTIN_SHARE:
        return None
    body = f"952{chance.randrange(10**9):09}"
    return f"{body}{gs1_standard_check_digit(body)}"


def _arrival(due: date, chance: Random) -> date:
    if chance.random() < LATE_SHARE:
        return due + timedelta(days=chance.randint(1, 14))
    return due - timedelta(days=chance.choice((0, 0, 0, 1, 3, 7)))
