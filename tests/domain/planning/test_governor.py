"""Material changes become proposals, at rest, together for each item and site; the rest nobody sees."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.planning.governor import Look, Rules, look
from schemas.planning.governor import Projected, Question
from schemas.settings import GovernorSettings

NOW, DAY = datetime(2026, 5, 4, 12, tzinfo=UTC), date(2026, 5, 20)
LONG_AGO = NOW - timedelta(minutes=5)
RULES = Rules(GovernorSettings().tolerances, 60)


def one(packs: int = 0, days: int = 0, item_class: str = "B", **changes: Any) -> Projected:
    """40 packs on the way, which changed by so much."""
    return Projected(
        **{
            "item": "A",
            "site": "LYS",
            "source": "PO 4500 line 1",
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
        (10, 0, "D", True),
        (9, 1, "D", False),
    ],
)
def test_the_tolerance_is_that_of_the_items_class(packs: int, days: int, item_class: str, material: bool) -> None:
    found = look([one(packs, days, item_class)], [], NOW, RULES)
    assert bool(found.proposals) == material
    assert len(found.unchanged) == (not material), "its clock is stopped"


def test_a_change_waits_until_it_has_come_to_rest() -> None:
    new = look([one(days=5, changed_at=None)], [], NOW, RULES)
    assert (new.proposals, len(new.changing)) == ((), 1)
    young = look([one(days=5, changed_at=NOW - timedelta(seconds=59))], [], NOW, RULES)
    assert (young.proposals, young.changing, young.new) == ((), (), ())


def test_what_is_new_was_planned_by_somebody() -> None:
    found = look([one(planned_packs=None, planned_day=None, changed_at=None)], [], NOW, RULES)
    assert (found.proposals, len(found.new)) == ((), 1)


def test_changes_of_an_item_at_a_site_are_one_proposal() -> None:
    found = look(
        [one(days=5), one(-15, source="counts"), one(days=3, item="B"), one(days=3, site="RTM")], [], NOW, RULES
    )
    assert [(x.item, x.site, x.packs, x.slipped_days, len(x.causes)) for x in found.proposals] == [
        ("A", "LYS", -15, 5, 2),
        ("A", "RTM", 0, 3, 1),
        ("B", "LYS", 0, 3, 1),
    ]
    assert found.proposals[0].summary == "A at LYS: PO 4500 line 1 +0 packs +5 days, counts -15 packs +0 days"


def asked(found: Look, raised_at: datetime = LONG_AGO) -> list[Question]:
    """The proposals of a look, as they are open since then."""
    return [
        Question(id=n, item=it.item, site=it.site, raised_at=raised_at, causes=it.causes)
        for n, it in enumerate(found.proposals, 1)
    ]


def test_a_share_of_what_is_planned_is_tolerated() -> None:
    large = one(item_class="B", planned_packs=1000)
    within, beyond = (large.model_copy(update={"packs": 1000 + packs}) for packs in (49, -50))
    assert look([within], [], NOW, RULES).proposals == ()
    assert [it.packs for it in look([beyond], [], NOW, RULES).proposals] == [-50]


def test_demand_beyond_the_forecast_takes_away() -> None:
    found = look([one(60, source="orders week 2026-05-18"), one(-20, source="counts")], [], NOW, RULES)
    assert [(it.packs, len(it.causes)) for it in found.proposals] == [(-80, 2)]


def test_what_is_asked_is_not_asked_again_and_what_goes_back_takes_it_back() -> None:
    questions = asked(look([one(days=5)], [], NOW, RULES))
    assert look([one(days=5)], questions, NOW, RULES)[:2] == ((), ())
    assert look([one(days=6)], questions, NOW, RULES)[:2] == ((), ()), "a day more is not worth another question"
    second = look([one()], questions, NOW, RULES)
    assert (second.withdrawn, second.proposals, len(second.unchanged)) == ((1,), (), 1)
    assert look([], questions, NOW, RULES).withdrawn == (1,), "its source is gone"


@pytest.mark.parametrize("more", [[one(days=7)], [one(-12, days=5)], [one(days=5), one(-15, source="counts")]])
def test_a_question_that_changes_materially_takes_the_place_of_the_one_that_was_read(more: list[Projected]) -> None:
    first = look([one(days=5)], [], NOW, RULES)
    found = look(more, asked(first), NOW, RULES)
    assert found.withdrawn == (1,)
    assert [it.causes for it in found.proposals] == [it.causes for it in look(more, [], NOW, RULES).proposals]
    young = look(more, asked(first, NOW - timedelta(seconds=59)), NOW, RULES)
    assert (young.withdrawn, young.proposals) == ((), ()), "planners are left alone for a while"
