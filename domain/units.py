"""Units of measure: what is said in one unit as a whole number of that in which the books keep the item. Exact.

By what the item's owner says (`schemas.partners.master_data.Item`), and by the metric system within mass and within
volume. What is not known is refused, and what is not whole is never rounded.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from schemas.base import Unit
from schemas.orders.release import BaseLine, ReleasedLine, ReleaseRequest
from schemas.partners.master_data import Carrier, Item, KeptLine
from schemas.procurement.rates import Rate

MOST = 100_000_000
"""The most that a line may have of an item; as in `schemas.base.Packs`."""
DECIMALS, DIGITS = 4, 15
"""The most that a price may have; as in `schemas.procurement.documents.Price`."""
METRIC: tuple[dict[Unit, int], ...] = (
    {Unit.GRAM: 1, Unit.KILOGRAM: 1_000, Unit.TONNE: 1_000_000},
    {Unit.MILLILITRE: 1, Unit.LITRE: 1_000, Unit.CUBIC_METRE: 1_000_000},
)
"""Units that need no conversion into each other: each in the smallest of its kind."""


class NotConvertible(ValueError):
    """A quantity has no whole number in the books. `field` of the line, and the rule."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field, self.rule = field, rule


class Measure(NamedTuple):
    """How much `one` of what was said is of the `own` unit, which the item is kept in."""

    one: Fraction
    own: Unit

    def whole(self, amount: Decimal, field: str = "quantity") -> int:
        """A quantity in the unit of the books. Raises `NotConvertible`."""
        found = Fraction(amount) * self.one
        if found.denominator != 1:
            raise NotConvertible(field, f"is not a whole number of {self.own}, which the item is kept in")
        if found > MOST:
            raise NotConvertible(field, f"is more than {MOST} {self.own}, which the item is kept in")
        return int(found)

    def rate(self, said: Rate, field: str = "unit_price") -> Rate:
        """A price of what was said, for what the item is kept in: of one, where that is exact, else of so many. Raises
        `NotConvertible`."""
        of_one = said.exact / self.one
        if (of_one * 10**DECIMALS).denominator == 1:
            found = Rate(Decimal(of_one.numerator) / of_one.denominator)
        else:
            found = Rate(said.price * self.one.denominator, said.per * self.one.numerator)
        if found.price >= 10 ** (DIGITS - DECIMALS) or found.per > MOST:
            raise NotConvertible(field, f"has too many digits for {self.own}, which the item is kept in")
        return found


def measure(unit: Unit | None, item: Item, own: Unit | None = None) -> Measure:
    """The size of one of a unit; without a unit it is the item's own, or that in which an order keeps it. Raises
    `NotConvertible`."""
    own = own or item.unit
    if unit in (None, own):
        return Measure(Fraction(1), own)
    said, kept_in = _one(unit, item), _one(own, item)
    if said is None or kept_in is None:
        raise NotConvertible("unit", f"the item is kept in {own}, and no conversion of {unit} is known")
    return Measure(said / kept_in, own)


def measure_of(unit: Unit | None, line: KeptLine, item: Item) -> Measure:
    """The size of one of a unit for a line of an order. It is that of the release if the line was in this unit."""
    if unit and unit is line.asked_unit and line.asked and line.unit and line.base:
        return Measure(line.base / Fraction(line.asked), line.unit)
    return measure(unit, item, line.unit)


def kept(line: ReleasedLine, item: Item | None) -> BaseLine:
    """A line in the unit that its item is kept in; of an item without a record that is the pack. Raises
    `NotConvertible`."""
    at = measure(line.unit, item or Item(id=line.item))
    asked = {} if line.unit is at.own else {"item": line.item, "asked": line.quantity, "asked_unit": line.unit}
    return BaseLine(line=line.line, quantity=at.whole(line.quantity), unit=at.own, **asked)


def converted(release: ReleaseRequest, items: Mapping[str, Item]) -> tuple[list[BaseLine], list[dict[str, str]]]:
    """Lines of a release that are kept in another unit than they are ordered in. A line without a whole number there is
    a finding."""
    found, findings = [], []
    for n, line in enumerate(release.lines):
        try:
            it = kept(line, items.get(line.item))
        except NotConvertible as error:
            findings.append({"field": f"lines[{n}].{error.field}", "rule": error.rule})
        else:
            if it.unit is not line.unit or it.quantity != line.quantity:
                found.append(it)
    return found, findings


def unmoved(release: ReleaseRequest, carrier: Carrier | None) -> Iterator[dict[str, str]]:
    """A finding when the carrier that is wanted does not move goods by the mode that is wanted."""
    if carrier and carrier.modes and release.mode and release.mode not in carrier.modes:
        yield {"field": "carrier", "rule": f"does not move goods by {release.mode}, by what the ERP says of it"}


def _one(unit: Unit | None, item: Item) -> Fraction | None:
    """How much of the item's own unit one of another is."""
    if unit is None or unit is item.unit:
        return Fraction(1)
    stated = {it.unit: Fraction(it.base) / Fraction(it.count) for it in item.units}
    if unit in stated:
        return stated[unit]
    stated[item.unit] = Fraction(1)
    return next(_by_metric(unit, stated), None)


def _by_metric(unit: Unit, stated: Mapping[Unit, Fraction]) -> Iterator[Fraction]:
    for kind in METRIC:
        known: Iterable[Unit] = [it for it in kind if it in stated]
        if unit in kind:
            yield from (stated[it] * kind[unit] / kind[it] for it in known)
