"""Days are made in one module, and in SQL by one function: whoever takes the day of a moment elsewhere says why."""

import re
from pathlib import Path

import pytest

from tests.test_structure import ROOT, sources

MADE = re.compile(
    r"\.date\(\)|\.today\(|utcnow|current_date|AT TIME ZONE"  # by Python, by SQL
    r"|(?:_at|at|eta|now\(\)|moment|timestamp\(\))\)?::date",
    re.IGNORECASE,
)
SENDERS = "the clock by which the sender wrote the moment"
SUMS = "sums over places: days of UTC"
PLAYS = "plays somebody else, who has a clock of its own"
MAY_MAKE = {
    "domain/days.py": "days are made here",
    "domain/zones.py": "around which moment zones and calendars are looked up",
    "schemas/base.py": "bounds of what is plausible",
    "schemas/orders/release.py": SENDERS,
    "schemas/procurement/documents.py": SENDERS,
    "domain/procurement/replenishing.py": SENDERS,
    "domain/milestones/chronology.py": SENDERS,
    "gateway/api/finance.py": SUMS,
    "gateway/tower/books.py": SUMS,
    "store/views/books.py": SUMS,
    "store/planning/governor.py": SUMS,
    "store/partners/registry.py": "a moment is shown in UTC, and says so",
    "store/finance/repairs.py": "a day of a site becomes a moment",
    "gateway/tower/templates/order.html": "two moments that are shown in UTC",
    "demo/scene.py": PLAYS,
    "demo/scenarios/procurement.py": PLAYS,
    "simulators/orders/history_rows.py": "the file has days",
    "simulators/systems/supplying.py": PLAYS,
}


def days_made(root: Path) -> dict[str, list[str]]:
    """The lines of each file in which a moment becomes a day, or a day a moment."""
    files = [*sources(root), *sorted((root / "gateway").rglob("*.html"))]
    found = {f"{it.relative_to(root)}": [x for x in it.read_text().splitlines() if MADE.search(x)] for it in files}
    return {name: lines for name, lines in found.items() if lines}


def test_days_are_made_where_it_is_said_and_nowhere_else() -> None:
    assert days_made(ROOT).keys() == MAY_MAKE.keys()


@pytest.mark.parametrize(
    "line",
    [
        "today = datetime.now(UTC).date()",
        "today = date.today()",
        '"SELECT occurred_at::date"',
        '"SELECT max(s.eta)::date"',
        '"WHERE due < current_date"',
        "\"SELECT (x AT TIME ZONE 'UTC')\"",
    ],
)
def test_a_day_that_is_made_elsewhere_is_caught(tmp_path: Path, line: str) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a.py").write_text(line)
    assert days_made(tmp_path) == {"store/a.py": [line]}
