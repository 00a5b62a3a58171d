"""The warehouses of a run: what they have before its orders, and what they find, break and throw away meanwhile."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random

from schemas.base import Variant
from schemas.inventory.reports import InventoryKind, InventoryReport
from simulators.world.happened import HistoricOrder

At = tuple[str, str]
"""An item at a site: (site, item)."""
CENT_OF_A_CENT = Decimal("0.0001")
RESERVE = 20
"""Packs of each item that a site has beside what the orders of the run ask for: what is damaged is not promised."""
SHARE = 0.1
"""Share of items at sites of which a warehouse has something to report during the run."""
PUT_AWAY = timedelta(minutes=10)
"""So long before the run the opening stock was put away; the stocktaking was half as long ago."""


@dataclass(frozen=True)
class Inventory:
    """Reports of warehouses: their `opening` stock, then `events` one by one, in this order."""

    opening: tuple[InventoryReport, ...]
    events: tuple[InventoryReport, ...]


def inventory(orders: Iterable[HistoricOrder], seed: int, now: datetime) -> Inventory:
    """Stock for all orders that sites send, and events on a steady share of it. The same seed gives the same events.

    A pack costs what the orders' packs of the item at the site cost on average.

    A count is told late: it is of the stocktaking before the run, so it says what was there before anything moved.
    """
    needed, worth, currencies = Counter[At](), defaultdict[At, Decimal](Decimal), dict[At, str]()
    for order in orders:
        if order.release.variant is Variant.DISTRIBUTION_CENTRE:
            for line in order.release.lines:
                at = order.release.site or "", line.item
                needed[at] += line.quantity
                worth[at] += line.value or Decimal(0)
                currencies[at] = order.release.currency
    stock = {at: packs + RESERVE for at, packs in sorted(needed.items())}
    numbers = count(1)

    def report(kind: InventoryKind, at: At, packs: int, when: datetime, reason: str) -> InventoryReport:
        id = f"{kind}-{seed}-{next(numbers)}"
        return InventoryReport(
            id=id,
            kind=kind,
            site=at[0],
            item=at[1],
            quantity=packs,
            occurred_at=when,
            reason=reason,
            unit_value=(worth[at] / needed[at]).quantize(CENT_OF_A_CENT),
            currency=currencies[at],
        )

    opening = [report(InventoryKind.RECEIPT, at, n, now - PUT_AWAY, "opening stock") for at, n in stock.items()]
    chance, events = Random(f"{seed}/inventory"), []
    for at, packs in stock.items():
        if chance.random() < SHARE:
            if chance.random() < 0.5:  # noqa: PLR2004 - half of each
                found = packs + chance.choice((-3, -2, -1, 1, 2))
                events.append(report(InventoryKind.COUNT, at, found, now - PUT_AWAY / 2, "stocktaking"))
            else:
                broken = chance.randint(2, RESERVE // 2)
                events.append(report(InventoryKind.DAMAGE, at, broken, now, "dropped"))
                events.append(report(InventoryKind.SCRAP, at, broken // 2, now + timedelta(seconds=1), "beyond repair"))
    return Inventory(tuple(opening), tuple(events))


def by_site(reports: Iterable[InventoryReport]) -> dict[str, list[InventoryReport]]:
    """Reports by the site that makes them, in their order."""
    found: dict[str, list[InventoryReport]] = {}
    for it in reports:
        found.setdefault(it.site, []).append(it)
    return found
