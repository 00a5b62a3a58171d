"""Cases follow the size of what is wrong: what was resolved is raised again when it is worse by more than its band."""

import pytest

from domain.cases.known_cases import mark, next_case, resolved, still_settled, worse
from schemas.cases.cases import Finding, KnownCase
from schemas.cases.exceptions import ExceptionKind as X


def over(packs: int, subject: str = "line 1") -> Finding:
    """So many packs more than ordered have left."""
    return Finding(kind=X.OVER_SHIP, subject=subject, summary=f"{packs} packs more", measure=packs)


@pytest.mark.parametrize(
    ("kind", "before", "now", "expected"),
    [
        (X.DELAY, 9, 11, False),
        (X.DELAY, 9, 12, True),
        (X.DELAY, 100, 110, False),
        (X.DELAY, 100, 111, True),
        (X.OVER_SHIP, 7, 7, False),
        (X.OVER_SHIP, 7, 8, True),
        (X.OVER_SHIP, 7, 57, True),
        (X.OVER_SHIP, 100, 110, False),
        (X.OVER_SHIP, 57, 7, False),
    ],
)
def test_worse_is_what_grows_by_more_than_the_band_of_its_kind(kind: X, before: int, now: int, expected: bool) -> None:
    assert worse(kind, now, before) is expected


def test_what_was_resolved_stays_so_until_it_is_cured_or_worse() -> None:
    known = next_case(None, X.OVER_SHIP, (over(7),))
    assert (known.number, known.open, known.told) == (1, True, mark([over(7)]))
    known = resolved(known, ("line 1",), [over(7)])
    assert (known.open, known.settled, known.accepted) == (False, ("line 1",), {"line 1": 7})
    assert still_settled(known, [over(7)]) == known
    assert still_settled(known, [over(57)]).settled == (), "it is another one now"
    assert still_settled(known, []).accepted == {}, "it was cured"
    again = next_case(still_settled(known, [over(57)]), X.OVER_SHIP, (over(57),))
    assert (again.number, again.reopened, again.open) == (1, 1, True)


def test_what_an_earlier_build_had_settled_stays_so() -> None:
    known = KnownCase(kind=X.OVER_SHIP, number=1, open=False, subjects=("line 1",), settled=("line 1",))
    assert still_settled(known, [over(57)]).settled == ("line 1",)


def test_a_sentence_that_changes_is_another_mark() -> None:
    assert len({mark([over(7)]), mark([over(8)]), mark([over(7), over(1, "line 2")]), mark([])}) == 4
