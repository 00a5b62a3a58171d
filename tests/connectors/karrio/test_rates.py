"""Which rate is bought."""

from datetime import date
from decimal import Decimal

import pytest

from connectors.karrio.rates import CarrierRate, NoRate, RateWish, choose, read_rate

MAY = date(2026, 5, 1)


def rate(id: str, total: str, day: int | None, carrier: str = "north", currency: str = "EUR") -> CarrierRate:
    """A rate that arrives on a day of May."""
    return CarrierRate(id, carrier, "standard", currency, Decimal(total), date(2026, 5, day) if day else None)


CHEAP_LATE, DEAR_EARLY, FAIR, SILENT = rate("a", "5", 20), rate("b", "50", 2), rate("c", "9.5", 9), rate("d", "1", None)
EVERY = (CHEAP_LATE, DEAR_EARLY, FAIR, SILENT)


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        (RateWish(by=date(2026, 5, 10)), FAIR),
        (RateWish(by=date(2026, 5, 10), expedite=True), DEAR_EARLY),
        (RateWish(by=date(2026, 5, 31)), CHEAP_LATE),
        (RateWish(), SILENT),
        (RateWish(by=date(2026, 5, 1)), SILENT),
    ],
)
def test_the_cheapest_in_time_is_chosen(wish: RateWish, found: CarrierRate) -> None:
    assert choose(EVERY, wish) == found
    assert choose(reversed(EVERY), wish) == found


@pytest.mark.parametrize(
    ("rates", "wish", "why"),
    [
        ((), RateWish(), "no_rate"),
        (EVERY, RateWish(carrier="south"), "no_rate_of_carrier"),
        (EVERY, RateWish(currency="USD"), "no_rate_in_currency"),
        ((*EVERY, rate("e", "1", 2, currency="USD")), RateWish(), "currencies_differ"),
        (EVERY, RateWish(by=date(2026, 5, 1), unknown=False), "no_rate_in_time"),
    ],
)
def test_no_rate_is_chosen_against_the_wish(rates: tuple[CarrierRate, ...], wish: RateWish, why: str) -> None:
    with pytest.raises(NoRate, match=f"^{why}$"):
        choose(rates, wish)


def test_days_of_transit_count_from_the_shipment_and_amounts_are_exact() -> None:
    said = {"id": "r", "carrier_id": "north", "total_charge": Decimal("12.35"), "currency": "EUR", "transit_days": 3}
    assert read_rate(said, MAY).arrives_on == date(2026, 5, 4)
    assert read_rate({**said, "estimated_delivery": "2026-05-09"}, MAY).arrives_on == date(2026, 5, 9)
    assert read_rate(said, MAY).total == Decimal("12.35")
    assert read_rate({**said, "transit_days": None}, MAY).arrives_on is None
