"""What is ordered in one unit is a whole number of that in which the books keep the item, or it is refused. Exactly."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.units import METRIC, NotConvertible, converted, kept, unmoved
from schemas.base import Unit
from schemas.orders.release import ReleasedLine, ReleaseRequest
from schemas.parsing import check
from schemas.partners.master_data import Carrier, Conversion, Item
from schemas.standard_identifiers import TransportMode
from tests.schemas.samples import RELEASE

TABLETS = Item(
    id="A",
    units=(
        Conversion(unit=Unit.CARTON, base=Decimal(24)),
        Conversion(unit=Unit.PALLET, base=Decimal(960)),
        Conversion(unit=Unit.EACH, count=Decimal(12), base=Decimal(1)),
        Conversion(unit=Unit.KILOGRAM, base=Decimal("2.5")),
    ),
)
SYRUP = Item(id="B", unit=Unit.MILLILITRE, units=(Conversion(unit=Unit.PIECE, base=Decimal(250)),))
POWDER = Item(id="C", unit=Unit.GRAM)


def line(quantity: Any, unit: Unit = Unit.PACK, item: str = "A") -> ReleasedLine:
    """A line as it comes through the door."""
    return check(ReleasedLine, {"line": 1, "item": item, "quantity": quantity, "unit": unit.value})


@pytest.mark.parametrize(
    ("item", "quantity", "unit", "whole"),
    [
        (None, 3, Unit.PACK, 3),
        (TABLETS, 3, Unit.PACK, 3),
        (TABLETS, 2, Unit.CARTON, 48),
        (TABLETS, 2, Unit.PALLET, 1920),
        (TABLETS, 0.5, Unit.PALLET, 480),
        (TABLETS, 36, Unit.EACH, 3),
        (TABLETS, 0.8, Unit.KILOGRAM, 2),
        (TABLETS, 800, Unit.GRAM, 2),
        (TABLETS, 0.002, Unit.TONNE, 5),
        (SYRUP, 2, Unit.PIECE, 500),
        (SYRUP, 0.75, Unit.LITRE, 750),
        (SYRUP, 0.0035, Unit.CUBIC_METRE, 3500),
        (POWDER, 2.5, Unit.KILOGRAM, 2500),
        (POWDER, 0.309999, Unit.TONNE, 309999),
        (POWDER, 1581.632, Unit.KILOGRAM, 1581632),
    ],
)
def test_a_quantity_becomes_a_whole_number_of_what_the_item_is_kept_in(
    item: Item | None, quantity: float, unit: Unit, whole: int
) -> None:
    found = kept(line(quantity, unit), item)
    assert (found.quantity, found.unit) == (whole, item.unit if item else Unit.PACK)


@pytest.mark.parametrize(
    ("item", "quantity", "unit", "field", "rule"),
    [
        (None, 2, Unit.PALLET, "unit", "the item is kept in PK, and no conversion of PF is known"),
        (None, 2, Unit.CARTON, "unit", "the item is kept in PK, and no conversion of CT is known"),
        (None, 2, Unit.EACH, "unit", "the item is kept in PK, and no conversion of EA is known"),
        (None, 2, Unit.KIT, "unit", "the item is kept in PK, and no conversion of KT is known"),
        (None, 1.5, Unit.PACK, "quantity", "is not a whole number of PK, which the item is kept in"),
        (TABLETS, 40, Unit.EACH, "quantity", "is not a whole number of PK, which the item is kept in"),
        (TABLETS, 0.1, Unit.KILOGRAM, "quantity", "is not a whole number of PK, which the item is kept in"),
        (TABLETS, 1, Unit.LITRE, "unit", "the item is kept in PK, and no conversion of LTR is known"),
        (SYRUP, 1, Unit.PACK, "unit", "the item is kept in MLT, and no conversion of PK is known"),
        (SYRUP, 0.0005, Unit.LITRE, "quantity", "is not a whole number of MLT, which the item is kept in"),
        (POWDER, 1, Unit.MILLILITRE, "unit", "the item is kept in GRM, and no conversion of MLT is known"),
        (POWDER, 101, Unit.TONNE, "quantity", "is more than 100000000 GRM, which the item is kept in"),
    ],
)
def test_what_is_not_known_or_not_whole_is_refused_never_rounded(
    item: Item | None, quantity: float, unit: Unit, field: str, rule: str
) -> None:
    with pytest.raises(NotConvertible) as refused:
        kept(line(quantity, unit), item)
    assert (refused.value.field, refused.value.rule) == (field, rule)


MEASURES = st.sampled_from([(unit, kind[unit]) for kind in METRIC[:1] for unit in kind])
AMOUNTS = st.decimals(min_value=Decimal("0.000001"), max_value=90, places=6)


@given(MEASURES, AMOUNTS)
def test_nothing_is_ever_gained_or_lost(measure: tuple[Unit, int], amount: Decimal) -> None:
    unit, grams = measure
    try:
        found = kept(ReleasedLine(line=1, item="C", quantity=amount, unit=unit), POWDER)
    except NotConvertible:
        assert (Fraction(amount) * grams).denominator != 1
    else:
        assert found.quantity == Fraction(amount) * grams


def release(*lines: dict[str, Any], **changes: Any) -> ReleaseRequest:
    """A release of these lines."""
    numbered = [{"line": n, **it} for n, it in enumerate(lines, 1)]
    return check(ReleaseRequest, {**RELEASE, **changes, "lines": numbered})


def test_a_release_is_kept_in_the_units_of_its_items_and_names_every_line_that_cannot_be() -> None:
    items = {"A": TABLETS, "C": POWDER}
    good = release({"item": "A", "quantity": 2, "unit": "CT"}, {"item": "C", "quantity": 7, "unit": "GRM"})
    found, findings = converted(good, items)
    assert findings == []
    assert [(it.line, it.quantity, it.unit) for it in found] == [(1, 48, Unit.PACK)]
    assert [(it.quantity, it.unit) for it in good.kept_in(found).lines] == [(48, Unit.PACK), (7, Unit.GRAM)]
    bad = release(
        {"item": "A", "quantity": 1}, {"item": "A", "quantity": 1, "unit": "LTR"}, {"item": "C", "quantity": 1}
    )
    assert [it["field"] for it in converted(bad, items)[1]] == ["lines[1].unit", "lines[2].unit"]


def test_a_carrier_is_wanted_only_for_what_it_moves() -> None:
    truck = Carrier(id="dhl", modes=(TransportMode.ROAD, TransportMode.RAIL))
    by_air = release({"item": "A", "quantity": 1}, carrier="dhl", mode="air")
    [finding] = unmoved(by_air, truck)
    assert finding["field"] == "carrier"
    assert list(unmoved(by_air, None)) == list(unmoved(by_air, Carrier(id="dhl"))) == []
    assert list(unmoved(release({"item": "A", "quantity": 1}, carrier="dhl", mode="rail"), truck)) == []
