"""What messages that moved nothing yet name: lines and items with packs, and nothing that they do not say."""

import json
from typing import Any

import pytest

from domain.finance.naming import OfItem, OfLine, UnderWay, explaining, named

LINES = [{"line": 1, "quantity": 4}]


def milestone(kind: str, **data: Any) -> dict[str, Any]:
    """An event as a warehouse sends it."""
    return {"type": "syncline.shipment.milestone.v1", "data": {"kind": kind, "order": "SO-1", "lines": LINES, **data}}


def report(kind: str, quantity: int = 7) -> dict[str, Any]:
    """One inventory report in its batch."""
    return {"reports": [{"kind": kind, "item": "A", "site": "LYS", "quantity": quantity}]}


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (milestone("shipped"), [OfLine("SO-1", 1, -4)]),
        (milestone("shipped", lines=[{"line": 1, "quantity": 4, "order": "SO-2"}]), [OfLine("SO-2", 1, -4)]),
        (milestone("shipped", lines=[]), [OfLine("SO-1", None, -1)]),
        (milestone("picked"), []),
        (milestone("return_received"), [OfLine("SO-1", 1, 4)]),
        (milestone("return_inspected", disposition="restock"), []),
        (milestone("return_inspected", disposition="scrap"), [OfLine("SO-1", 1, -4)]),
        (report("receipt"), [OfItem("A", "LYS", 7)]),
        (report("scrap"), [OfItem("A", "LYS", -7)]),
        (report("damage"), []),
        (report("count", 0), [OfItem("A", "LYS", 0, counted=True)]),
        (
            {"type": "syncline.procurement.receipt.v1", "data": {"po": "P-1", "lines": [{"line": 2, "packs": 9}]}},
            [OfLine("po:P-1", 2, 9)],
        ),
    ],
)
def test_a_message_names_what_it_says_of_the_sum_at_its_site(said: Any, names: list[OfLine | OfItem]) -> None:
    assert named(json.dumps(said).encode()) == names


BROKEN: list[Any] = [
    [1, None],
    {"data": 1},
    report("receipt", True),
    {"reports": [1]},
    milestone("shipped", lines=[3], order=7),
]


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"[" * 100_000, *(json.dumps(it).encode() for it in BROKEN)])
def test_what_cannot_be_read_names_nothing(raw: bytes) -> None:
    assert named(raw) == []


def test_what_may_be_fewer_explains_only_what_goes_its_way() -> None:
    more, fewer = UnderWay(5, "message 1", at_most=True), UnderWay(-5, "message 2", at_most=True)
    assert explaining(3, [more, fewer]) == [more]
    assert explaining(-5, [more, fewer]) == [fewer]
    assert explaining(6, [more, fewer]) == []
