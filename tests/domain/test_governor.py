"""Material changes become proposals, at rest, together for each item and site; the rest nobody sees."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.governor import look
from schemas.governing import Projected

NOW, DAY = datetime(2026, 5, 4, 12, tzinfo=UTC), date(2026, 5, 20)
LONG_AGO = NOW - timedelta(minutes=5)


def one(packs: int = 0, days: int = 0, item_class: str = "B", **changes: Any) -> Projected:
    """40 packs on the way, which changed by so much."""
    return Projected(
        **{
            "item": "A",
            "site": "LYS",
            "source": "shipment DN-1",
            "packs": 40 + packs,
            "day": DAY + timedelta(days=days),
            "item_class": item_class,
            "planned_packs": 40,
            "planned_day": DAY,
            "changed_at": LONG_AGO,
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("packs", "days", "item_class", "material"),
    [
        (0, 0, "A", False),
        (1, 0, "A", True),
        (0, 1, "A", True),
        (9, 1, "B", False),
        (-10, 0, "B", True),
        (0, -2, "B", True),
        (99, 4, "C", False),
        (0, 5, "C", True),
    ],
)
def test_the_tolerance_is_that_of_the_items_class(packs: int, days: int, item_class: str, material: bool) -> None:
    found = look([one(packs, days, item_class)], NOW, 60)
    assert bool(found.proposals) == material
    assert len(found.told) == material
    assert len(found.calm) == (not material), "its clock is stopped"


def test_a_change_waits_until_it_has_come_to_rest() -> None:
    new = look([one(days=5, changed_at=None)], NOW, 60)
    assert (new.proposals, len(new.changing)) == ((), 1)
    young = look([one(days=5, changed_at=NOW - timedelta(seconds=59))], NOW, 60)
    assert (young.proposals, young.changing, young.told) == ((), (), ())


def test_what_is_new_was_planned_by_somebody() -> None:
    found = look([one(planned_packs=None, planned_day=None, changed_at=None)], NOW, 60)
    assert (found.proposals, len(found.told)) == ((), 1)


def test_changes_of_an_item_at_a_site_are_one_proposal() -> None:
    found = look([one(days=5), one(-15, source="counts"), one(days=3, item="B"), one(days=3, site="RTM")], NOW, 60)
    assert [(x.item, x.site, x.packs, x.slipped_days, len(x.causes)) for x in found.proposals] == [
        ("A", "LYS", -15, 5, 2),
        ("A", "RTM", 0, 3, 1),
        ("B", "LYS", 0, 3, 1),
    ]
    assert found.proposals[0].summary == "A at LYS: counts -15 packs +0 days, shipment DN-1 +0 packs +5 days"
