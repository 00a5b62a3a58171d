"""Prices for so many packs, exactly."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple


class Rate(NamedTuple):
    """A price for so many packs: one of 100.00 for a carton of 24 has no exact price for each."""

    price: Decimal
    per: int = 1

    @property
    def exact(self) -> Fraction:
        """The price of one."""
        return Fraction(self.price) / self.per

    @property
    def said(self) -> dict[str, Any]:
        """As contracts say it: `per` where it is not the price of one."""
        return {"unit_price": self.price, **({"per": self.per} if self.per != 1 else {})}


def sum_of(amounts: Iterable[Fraction]) -> Decimal:
    """A sum as a decimal. It is exact: each is a decimal price of a decimal quantity, in the unit that was said."""
    total = sum(amounts, Fraction())
    return Decimal(total.numerator) / Decimal(total.denominator)
