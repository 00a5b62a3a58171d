"""Order releases: what no order may be."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from schemas.orders.release import OrderRelease
from schemas.parsing import parse_strict
from tests.schemas.samples import RELEASE, findings, spoilt

DROP = {**{k: v for k, v in RELEASE.items() if k != "site"}, "variant": "direct_drop", "supplier": "acme"}


def test_the_samples_are_admitted() -> None:
    assert parse_strict(OrderRelease, json.dumps(RELEASE).encode()).site == "RDC-AFR"
    assert parse_strict(OrderRelease, json.dumps(DROP).encode()).supplier == "acme"


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("lines.0.quantity", -1, "lines[0].quantity"),
        ("lines.0.quantity", 0, "lines[0].quantity"),
        ("lines.0.quantity", 1.5, "lines[0].quantity"),
        ("lines.0.quantity", 1.0, "lines[0].quantity"),
        ("lines.0.quantity", 100_000_001, "lines[0].quantity"),
        ("lines.0.unit", "FURLONG", "lines[0].unit"),
        ("lines.0.unit", "pk", "lines[0].unit"),
        ("lines.0.line", 0, "lines[0].line"),
        ("lines.0.value", -0.01, "lines[0].value"),
        ("lines.0.value", "-1", "lines[0].value"),
        ("lines.0.value", 0.00001, "lines[0].value"),
        ("lines.0.value", "1000000000000.01", "lines[0].value"),
        ("lines.0.gtin", "4006381333932", "lines[0].gtin"),
        ("lines.0.item", "two words", "lines[0].item"),
        ("lines.0.requested_on", "2024-02-30", "lines[0].requested_on"),
        ("lines.0.requested_on", "9999-12-31", "lines[0].requested_on"),
        ("lines.1.line", 1, "lines"),
        ("lines", [], "lines"),
        ("requested_on", "2024-02-30", "requested_on"),
        ("requested_on", "2024-13-01", "requested_on"),
        ("requested_on", "15.03.2024", "requested_on"),
        ("requested_on", "2101-01-01", "requested_on"),
        ("requested_on", "2024-02-28", "lines"),
        ("released_at", "2024-03-01T08:00:00", "released_at"),
        ("released_at", "2024-03-01", "released_at"),
        ("released_at", "1970-01-01T00:00:00Z", "released_at"),
        ("released_at", "1990-01-01T00:00:00+14:00", "released_at"),
        ("released_at", "0001-01-01T00:00:00+14:00", "released_at"),
        ("site", ..., "site"),
        ("site", None, "site"),
        ("variant", "teleport", "variant"),
        ("number", "45/1", "number"),
        ("number", "", "number"),
        ("region", ..., "region"),
        ("priority", 6, "priority"),
        ("incoterm", "N/A", "incoterm"),
        ("ship_to.country", "ZZ", "ship_to.country"),
        ("ship_to.id", "  ", "ship_to.id"),
        ("clock", "sundial", "clock"),
    ],
)
def test_a_broken_release_is_refused_at_the_field_that_breaks_the_rule(path: str, value: Any, field: str) -> None:
    assert [named for named, _ in findings(OrderRelease, spoilt(RELEASE, path, value))] == [field]


def test_a_direct_drop_needs_a_supplier() -> None:
    assert findings(OrderRelease, spoilt(DROP, "supplier", ...)) == [
        ("supplier", "is required for a direct_drop order")
    ]


def test_each_broken_rule_is_told() -> None:
    raw = spoilt({**RELEASE, "priority": 0, "region": "?"}, "lines.1.quantity", -5)
    assert {field for field, _ in findings(OrderRelease, raw)} == {"priority", "region", "lines[1].quantity"}


def test_a_line_is_wanted_on_its_own_day_or_the_orders() -> None:
    release = parse_strict(OrderRelease, spoilt(RELEASE, "lines.1.requested_on", "2024-03-20"))
    assert [str(release.wanted_on(line)) for line in release.lines] == ["2024-03-15", "2024-03-20"]


def test_a_release_survives_its_own_json() -> None:
    release = parse_strict(OrderRelease, json.dumps({**RELEASE, "released_at": "2024-03-01T10:00:00+02:00"}).encode())
    assert release.released_at.isoformat() == "2024-03-01T10:00:00+02:00", "its day is the sender's"
    assert parse_strict(OrderRelease, release.model_dump_json().encode()) == release


@pytest.mark.parametrize(
    ("said", "kept"),
    [("12.50", "12.5"), (12.5, "12.5"), (200.0, "200"), (200, "200"), ("999999999999.9999", "999999999999.9999")],
)
def test_the_value_of_a_line_is_a_decimal_of_one_spelling(said: object, kept: str) -> None:
    release = parse_strict(OrderRelease, spoilt(RELEASE, "lines.0.value", said))
    assert release.model_dump(mode="json")["lines"][0]["value"] == kept


@pytest.mark.parametrize(
    ("released_at", "zone"),
    [
        ("2024-03-14T20:00:00-05:00", None),
        ("2024-03-15T02:00:00+00:00", "America/New_York"),
        ("2024-03-10T03:59:59+00:00", "America/New_York"),
        ("2024-11-04T04:59:59Z", "America/New_York"),
        ("2024-03-14T23:30:00+13:00", None),
        ("2024-03-15T11:59:59Z", "nobody says one"),
    ],
)
def test_a_day_is_asked_for_that_it_still_is_where_the_release_comes_from_or_goes(
    released_at: str, zone: str | None
) -> None:
    day = datetime.fromisoformat(released_at).date() - timedelta(days=1 if zone else 0)
    wish = {**RELEASE, "released_at": released_at, "requested_on": f"{day}"}
    wish["ship_to"] = {**RELEASE["ship_to"], **({"time_zone": zone} if zone and "/" in zone else {})}
    assert parse_strict(OrderRelease, json.dumps(wish).encode()).released_on == day
    wish["requested_on"] = f"{day - timedelta(days=1)}"
    assert [field for field, _ in findings(OrderRelease, json.dumps(wish).encode())] == ["lines"]


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "UTC+5"])
def test_a_zone_is_one_of_the_database(name: str) -> None:
    assert [field for field, _ in findings(OrderRelease, spoilt(RELEASE, "ship_to.time_zone", name))] == [
        "ship_to.time_zone"
    ]
