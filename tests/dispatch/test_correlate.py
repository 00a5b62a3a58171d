"""Where an event belongs, as a table: facts in, orders or the reason for quarantine out."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch.events.correlation import CorrelationFacts, Placement, Unplaced, correlate
from schemas.base import Role
from schemas.cases.exceptions import Chronology, Impossible
from schemas.orders.milestones import Milestone
from store.messaging.events import OrderFacts

DC, DROP = "distribution_centre", "direct_drop"


def order(
    key: str, status: str = "promised", variant: str = DC, parties: tuple[str, ...] = ("wms", "dhl", "tms")
) -> OrderFacts:
    """An order as the relay knows it."""
    return OrderFacts(key, key.split("/")[1], variant, status, parties)


ONE, TWO = order("erp-one/1"), order("erp-one/2")
LINES = ({"line": 1, "quantity": 5},)
MIXED = ({"line": 1, "quantity": 5, "order": "1"}, {"line": 1, "quantity": 7, "order": "2"})


@dataclass(frozen=True)
class Case:
    """One row of the table. `expected`: packs of line 1 by order key, or the reason and what is waited for."""

    name: str
    says: dict[str, object]
    facts: CorrelationFacts
    expected: dict[str, list[int]] | tuple[str, str | None]
    links: bool = False
    role: Role = Role.WMS
    partner: str = "wms"
    kind: str = field(default="picked")

    def by(self, partner: str, role: Role) -> "Case":
        """The same, said by somebody else."""
        return replace(self, partner=partner, role=role)


CASES = [
    Case("by order", {"order": "1"}, CorrelationFacts((ONE,)), {"erp-one/1": []}),
    Case(
        "first of a shipment",
        {"order": "1", "shipment": "S", "lines": LINES},
        CorrelationFacts((ONE,)),
        {"erp-one/1": [5]},
        True,
    ),
    Case("by shipment", {"shipment": "S"}, CorrelationFacts((), (ONE, TWO)), {"erp-one/1": [], "erp-one/2": []}),
    Case(
        "lines by order",
        {"shipment": "S", "lines": MIXED},
        CorrelationFacts((ONE, TWO)),
        {"erp-one/1": [5], "erp-one/2": [7]},
        True,
    ),
    Case(
        "joins a shipment",
        {"shipment": "S", "lines": MIXED},
        CorrelationFacts((ONE, TWO), (ONE,)),
        {"erp-one/1": [5], "erp-one/2": [7]},
        True,
    ),
    Case(
        "known link again",
        {"order": "1", "shipment": "S", "lines": LINES},
        CorrelationFacts((ONE,), (ONE,)),
        {"erp-one/1": [5]},
    ),
    Case("unknown order", {"order": "1"}, CorrelationFacts(), ("order 1 is not known", "number:1")),
    Case(
        "unknown in that ERP",
        {"order": "1", "erp": "erp-two"},
        CorrelationFacts((ONE,)),
        ("order 1 is not known", "order:erp-two/1"),
    ),
    Case(
        "not promised",
        {"order": "1"},
        CorrelationFacts((order("erp-one/1", "released"),)),
        ("order 1 is not known", "number:1"),
    ),
    Case("unknown shipment", {"shipment": "S"}, CorrelationFacts(), ("shipment S is not known", "shipment:S")),
    Case(
        "shipment without lines",
        {"order": "1", "shipment": "S"},
        CorrelationFacts((ONE,)),
        ("shipment S is not known: the first event that names it says which lines it carries", "shipment:S"),
    ),
    Case(
        "another order's shipment",
        {"order": "2", "shipment": "S"},
        CorrelationFacts((TWO,), (ONE,)),
        ("shipment S does not carry order 2", None),
    ),
    Case(
        "two ERPs",
        {"order": "1"},
        CorrelationFacts((ONE, order("erp-two/1", "released"))),
        ("order 1 exists in several ERPs: name the erp", None),
    ),
    Case(
        "two ERPs, named",
        {"order": "1", "erp": "erp-one"},
        CorrelationFacts((ONE, order("erp-two/1"))),
        {"erp-one/1": []},
    ),
    Case(
        "foreign",
        {"order": "1"},
        CorrelationFacts((ONE,)),
        ("ups takes no part in that order", "party:ups:erp-one/1"),
        partner="ups",
    ),
    Case(
        "foreign shipment",
        {"shipment": "S"},
        CorrelationFacts((), (ONE,)),
        ("ups takes no part in an order on shipment S", "shipment:S"),
        kind="in_transit",
    ).by("ups", Role.CARRIER),
    Case(
        "not the owner",
        {"order": "1"},
        CorrelationFacts((ONE,)),
        ("picked of a distribution_centre order is owned by wms; it was reported by carrier", None),
        role=Role.CARRIER,
        partner="dhl",
    ),
    Case(
        "not of this variant",
        {"order": "1"},
        CorrelationFacts((order("erp-one/1", variant=DROP),)),
        ("picked is not a milestone of a direct_drop order", None),
    ),
]


_RETURNED = {"rma": "R", "lines": LINES}
CASES += [
    Case(
        "tender", {"order": "1", "carrier": "ups"}, CorrelationFacts((ONE,)), {"erp-one/1": []}, kind="tender_rejected"
    ).by("tms", Role.TMS),
    Case(
        "short pick", {"order": "1", "lines": LINES}, CorrelationFacts((ONE,)), {"erp-one/1": [5]}, kind="short_picked"
    ),
    Case(
        "short pick of a shipment that is not known",
        {"order": "1", "shipment": "S", "lines": LINES},
        CorrelationFacts((ONE,)),
        {"erp-one/1": [5]},
        kind="short_picked",
    ),
    Case(
        "short pick of a shipment of two orders",
        {"order": "1", "shipment": "S", "lines": LINES},
        CorrelationFacts((ONE,), (ONE, TWO)),
        {"erp-one/1": [5]},
        kind="short_picked",
    ),
    Case(
        "consolidated",
        {"order": "1", "shipment": "S9", "lines": LINES, "merges": ["S1"]},
        CorrelationFacts((ONE,)),
        {"erp-one/1": [5]},
        True,
        kind="consolidated",
    ).by("dhl", Role.CARRIER),
    Case("returned", {"order": "1", **_RETURNED}, CorrelationFacts((ONE,)), {"erp-one/1": [5]}, kind="return_received"),
    Case(
        "returned on another order's shipment",
        {"order": "1", "shipment": "S", **_RETURNED},
        CorrelationFacts((ONE,), (TWO,)),
        {"erp-one/1": [5]},
        kind="return_received",
    ),
    Case(
        "returned, said by a stranger",
        {"order": "1", **_RETURNED},
        CorrelationFacts((ONE,)),
        ("wms-other takes no part in that order", "party:wms-other:erp-one/1"),
        kind="return_received",
    ).by("wms-other", Role.WMS),
    Case(
        "returned, said by a carrier",
        {"order": "1", **_RETURNED},
        CorrelationFacts((ONE,)),
        (
            "return_received of a distribution_centre order is owned by supplier, wms; it was reported by carrier",
            None,
        ),
        kind="return_received",
    ).by("dhl", Role.CARRIER),
    Case(
        "trouble says nothing of what a shipment carries",
        {"order": "1", "shipment": "S", "lines": LINES},
        CorrelationFacts((ONE,)),
        ("shipment S is not known: the first event that names it says which lines it carries", "shipment:S"),
        kind="exception",
    ),
    Case(
        "trouble on another order's shipment",
        {"order": "2", "shipment": "S", "lines": LINES},
        CorrelationFacts((TWO,), (ONE,)),
        ("shipment S does not carry order 2", None),
        kind="exception",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_table(case: Case) -> None:
    event = Milestone.model_validate({"kind": case.kind, "occurred_at": "2026-05-05T12:00:00Z", **case.says})
    found = correlate(event, case.partner, case.role, case.facts)
    if isinstance(case.expected, tuple):
        assert isinstance(found, Unplaced)
        assert (found.reason, found.waiting_for) == case.expected
    else:
        assert isinstance(found, Placement)
        assert {key: [line.quantity for line in lines] for key, lines in found.orders.items()} == case.expected
        assert found.links == case.links


UPS = replace(TWO, parties=("wms", "ups", "tms"))
INBOUND = order("erp-one/po:1", variant=DROP, parties=("acme", "wms", "dhl"))
INBOUND = replace(INBOUND, number="PO-1", purchase=True)
OTHER_INBOUND = replace(INBOUND, key="erp-two/po:1", parties=("squatter", "wms-2"))
THEN = datetime(2026, 5, 4, tzinfo=UTC)
LAST_YEAR = replace(ONE, released_at=THEN - timedelta(days=400), closed_at=THEN - timedelta(days=365))
TODAY = replace(TWO, released_at=THEN, shipped_at=THEN + timedelta(hours=30))
RELAXED = {"erp-one/2": Chronology(before_release=Impossible.FLAG)}
STRICT = {"erp-one/2": Chronology(backwards=Impossible.QUARANTINE)}
_IN_TWO = (ONE, order("erp-two/1", parties=("wms-2",)))
_YEAR_AGO: dict[str, object] = {"shipment": "S", "occurred_at": "2025-05-05T12:00:00Z"}
_FIRST: dict[str, object] = {"order": "1", "shipment": "S", "lines": LINES}
EARLY = "delivered of 2025-05-05 12:00 UTC is too long before the release of 2026-05-04 00:00 UTC"


def _carrier(
    name: str, says: dict[str, object], facts: CorrelationFacts, expected: Any, kind: str = "delivered"
) -> Case:
    return Case(name, says, facts, expected, kind=kind).by("dhl", Role.CARRIER)


IDENTITY = [
    _carrier("two carriers, one number", {"shipment": "S"}, CorrelationFacts((), (ONE, UPS)), {"erp-one/1": []}),
    _carrier("the other of them", {"shipment": "S"}, CorrelationFacts((), (ONE, UPS)), {"erp-one/2": []}).by(
        "ups", Role.CARRIER
    ),
    Case(
        "an ASN has an outbound shipment's number",
        {"shipment": "S"},
        CorrelationFacts((), (ONE, INBOUND)),
        {"erp-one/1": []},
    ),
    Case(
        "trouble by the warehouse",
        {"shipment": "S"},
        CorrelationFacts((), (ONE, INBOUND)),
        {"erp-one/1": []},
        kind="exception",
    ),
    Case("an ASN came first", _FIRST, CorrelationFacts((ONE,), (INBOUND, OTHER_INBOUND)), {"erp-one/1": [5]}, True),
    Case("another's supplier squats it", _FIRST, CorrelationFacts((ONE,), (OTHER_INBOUND,)), {"erp-one/1": [5]}, True),
    Case(
        "only an ASN has the number",
        {"shipment": "S"},
        CorrelationFacts((), (INBOUND,)),
        ("what arrives for a purchase order is told by a goods receipt", None),
    ),
    _carrier(
        "inbound or outbound",
        {"shipment": "S"},
        CorrelationFacts((), (ONE, INBOUND)),
        ("shipment S is both on an order and on a purchase order: name the order", None),
    ),
    _carrier(
        "inbound by name",
        {"shipment": "S", "order": "PO-1"},
        CorrelationFacts((), (ONE, INBOUND)),
        {"erp-one/po:1": []},
    ),
    _carrier(
        "outbound by name", {"shipment": "S", "order": "1"}, CorrelationFacts((ONE,), (ONE, INBOUND)), {"erp-one/1": []}
    ),
    Case("a number of two ERPs, of which one is its own", {"order": "1"}, CorrelationFacts(_IN_TWO), {"erp-one/1": []}),
    Case(
        "a number of two ERPs, of which both are its own",
        {"order": "1"},
        CorrelationFacts((ONE, order("erp-two/1"))),
        ("order 1 exists in several ERPs: name the erp", None),
    ),
    Case(
        "another order of the warehouse under the same number",
        {"order": "2", "shipment": "S", "lines": LINES},
        CorrelationFacts((TWO,), (ONE,)),
        {"erp-one/2": [5]},
        True,
    ),
    _carrier("a year old", _YEAR_AGO, CorrelationFacts((), (TODAY,)), (EARLY, None)),
    _carrier(
        "a year old, of the order of then", _YEAR_AGO, CorrelationFacts((), (LAST_YEAR, TODAY)), {"erp-one/1": []}
    ),
    _carrier(
        "today, and an order of last year",
        {"shipment": "S"},
        CorrelationFacts((), (LAST_YEAR, TODAY)),
        {"erp-one/2": []},
    ),
    _carrier("late for an order that ended", {"shipment": "S"}, CorrelationFacts((), (LAST_YEAR,)), {"erp-one/1": []}),
    _carrier(
        "a year old, by order", {**_YEAR_AGO, "order": "2", "lines": LINES}, CorrelationFacts((TODAY,)), (EARLY, None)
    ),
    _carrier(
        "a year old, where policy flags it", _YEAR_AGO, CorrelationFacts((), (TODAY,), RELAXED), {"erp-one/2": []}
    ),
    _carrier(
        "before it left", {"shipment": "S"}, CorrelationFacts((), (TODAY,)), {"erp-one/2": []}, "out_for_delivery"
    ),
    _carrier(
        "before it left, where policy quarantines it",
        {"shipment": "S", "occurred_at": "2026-05-05T05:40:00Z"},
        CorrelationFacts((), (TODAY,), STRICT),
        ("delivered of 2026-05-05 05:40 UTC is before the goods left: 2026-05-05 06:00 UTC", None),
    ),
]


@pytest.mark.parametrize("case", IDENTITY, ids=lambda case: case.name)
def test_a_shipment_is_who_may_say_it_its_number_and_when(case: Case) -> None:
    test_the_table(case)
