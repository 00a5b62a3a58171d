"""Milestones: something must have happened, at a time, to something that is named."""

import json
from typing import Any

import pytest

from schemas.messaging.envelope import Envelope
from schemas.orders.milestones import Milestone
from schemas.parsing import parse_strict
from tests.schemas.samples import MILESTONE, findings, spoilt

ENVELOPE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "evt-1",
    "source": "/carriers/acme",
    "type": "syncline.shipment.milestone.v1",
    "data": MILESTONE,
}


def test_time_is_kept_in_utc() -> None:
    milestone = parse_strict(Milestone, json.dumps(MILESTONE).encode())
    assert milestone.occurred_at.isoformat() == "2024-03-05T08:00:00+00:00"


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("order", ..., "order"),
        ("kind", "delayed", "eta"),
        ("kind", "lost", "kind"),
        ("lines", [{"line": 1, "quantity": 1}], "shipment"),
        ("lines", [{"line": 1, "quantity": 0.5}], "lines[0].quantity"),
        ("occurred_at", "2024-03-05T10:00:00", "occurred_at"),
        ("occurred_at", "yesterday", "occurred_at"),
        ("occurred_at", "2024-02-30T10:00:00Z", "occurred_at"),
        ("occurred_at", "2150-01-01T00:00:00Z", "occurred_at"),
        ("eta", "2024-03-05T10:00:00", "eta"),
        ("location", "Rotterdam", "location"),
        ("handling_units", ["376130321109103421"], "handling_units[0]"),
        ("shipment", "a/b", "shipment"),
        ("sequence", -1, "sequence"),
        ("sequence", "7", "sequence"),
        ("corrects", "two words", "corrects"),
    ],
)
def test_a_broken_milestone_is_refused_at_the_field_that_breaks_the_rule(path: str, value: Any, field: str) -> None:
    assert [named for named, _ in findings(Milestone, spoilt(MILESTONE, path, value))] == [field]
    in_envelope = findings(Envelope[Milestone], spoilt(ENVELOPE, f"data.{path}", value))
    assert [named for named, _ in in_envelope] == [f"data.{field}"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("specversion", "0.3"),
        ("id", ...),
        ("id", ""),
        ("id", "two words"),
        ("source", ...),
        ("type", "Order Released"),
        ("datacontenttype", "text/xml"),
        ("traceparent", "00-xyz"),
        ("data", None),
    ],
)
def test_a_broken_envelope_is_refused(path: str, value: Any) -> None:
    assert [named for named, _ in findings(Envelope[Milestone], spoilt(ENVELOPE, path, value))] == [path]


def test_a_delay_with_an_eta_is_admitted() -> None:
    raw = json.dumps({**MILESTONE, "kind": "delayed", "eta": "2024-03-20T12:00:00Z"}).encode()
    assert parse_strict(Milestone, raw).eta is not None
