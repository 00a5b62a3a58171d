"""Open demand compared with planning's: what differs, of what class it is, and what explains it exactly."""

import pytest

from domain.finance.reconciling_demand import Unsettled, demand
from schemas.base import System
from schemas.finance.reconciliation import About, DifferenceClass

AT = ("A", "LYS")
OWED = Unsettled("o/demand/LYS/A/r2", 10, young=False)
YOUNG = Unsettled("o/demand/LYS/A/r3", 0, young=True)


def test_equal_figures_are_equal_and_nothing_is_the_same_as_no_figure() -> None:
    found = demand({AT: 40, ("B", "LYS"): 1}, {AT: 40, ("B", "LYS"): 1, ("C", "MAD"): 0}, {})
    assert (found.compared, found.differences) == (3, ())


@pytest.mark.parametrize(
    ("ours", "theirs", "kind"),
    [
        (40, 30, DifferenceClass.QUANTITY),
        (40, 0, DifferenceClass.MISSING),
        (40, 80, DifferenceClass.DUPLICATE),
        (0, 6, DifferenceClass.DUPLICATE),
        (10, -2, DifferenceClass.QUANTITY),
    ],
)
def test_each_class(ours: int, theirs: int, kind: DifferenceClass) -> None:
    [found] = demand({AT: ours} if ours else {}, {AT: theirs} if theirs else {}, {}).differences
    assert (found.about, found.kind, found.owner) == (About.DEMAND, kind, System.PLANNING)
    assert (found.item, found.place, found.subject) == ("A", "demand:LYS", "demand for A at LYS")
    assert (found.ours, found.theirs) == (str(ours or ""), str(theirs or ""))
    assert f"{ours} packs" in found.proposal


def test_what_planning_was_not_told_explains_just_so_many_packs() -> None:
    [found] = demand({AT: 40}, {AT: 30}, {AT: [OWED]}).differences
    assert (found.kind, found.explained_by) == (DifferenceClass.TIMING, OWED.by)
    [found] = demand({AT: 40}, {AT: 29}, {AT: [OWED]}).differences
    assert (found.kind, found.explained_by) == (DifferenceClass.QUANTITY, "")
    [found] = demand({AT: 40}, {AT: 30}, {("A", "MAD"): [OWED]}).differences
    assert found.kind is DifferenceClass.QUANTITY, "what is owed at another site explains nothing here"


def test_what_has_just_changed_explains_while_it_is_young() -> None:
    [found] = demand({AT: 40}, {AT: 7}, {AT: [YOUNG]}).differences
    assert (found.kind, found.explained_by) == (DifferenceClass.TIMING, f"just changed: {YOUNG.by}")
