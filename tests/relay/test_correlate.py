"""Where an event belongs, as a table: facts in, orders or the reason for parking out."""

from dataclasses import dataclass, field, replace

import pytest

from gateway.correlate import Facts, Parked, Placement, correlate
from schemas.base import Role
from schemas.milestones import Milestone
from store.events import OrderFacts

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
    facts: Facts
    expected: dict[str, list[int]] | tuple[str, str | None]
    links: bool = False
    role: Role = Role.WMS
    partner: str = "wms"
    kind: str = field(default="picked")

    def by(self, partner: str, role: Role) -> "Case":
        """The same, said by somebody else."""
        return replace(self, partner=partner, role=role)


CASES = [
    Case("by order", {"order": "1"}, Facts((ONE,)), {"erp-one/1": []}),
    Case(
        "first of a shipment", {"order": "1", "shipment": "S", "lines": LINES}, Facts((ONE,)), {"erp-one/1": [5]}, True
    ),
    Case("by shipment", {"shipment": "S"}, Facts((), (ONE, TWO)), {"erp-one/1": [], "erp-one/2": []}),
    Case(
        "lines by order",
        {"shipment": "S", "lines": MIXED},
        Facts((ONE, TWO)),
        {"erp-one/1": [5], "erp-one/2": [7]},
        True,
    ),
    Case(
        "joins a shipment",
        {"shipment": "S", "lines": MIXED},
        Facts((ONE, TWO), (ONE,)),
        {"erp-one/1": [5], "erp-one/2": [7]},
        True,
    ),
    Case(
        "known link again", {"order": "1", "shipment": "S", "lines": LINES}, Facts((ONE,), (ONE,)), {"erp-one/1": [5]}
    ),
    Case("unknown order", {"order": "1"}, Facts(), ("order 1 is not known", "number:1")),
    Case(
        "unknown in that ERP",
        {"order": "1", "erp": "erp-two"},
        Facts((ONE,)),
        ("order 1 is not known", "order:erp-two/1"),
    ),
    Case(
        "not promised", {"order": "1"}, Facts((order("erp-one/1", "released"),)), ("order 1 is not known", "number:1")
    ),
    Case("unknown shipment", {"shipment": "S"}, Facts(), ("shipment S is not known", "shipment:S")),
    Case(
        "shipment without lines",
        {"order": "1", "shipment": "S"},
        Facts((ONE,)),
        ("shipment S is not known: the first event that names it says which lines it carries", "shipment:S"),
    ),
    Case(
        "another order's shipment",
        {"order": "2", "shipment": "S"},
        Facts((TWO,), (ONE,)),
        ("shipment S does not carry order 2", None),
    ),
    Case(
        "two ERPs",
        {"order": "1"},
        Facts((ONE, order("erp-two/1", "released"))),
        ("order 1 exists in several ERPs: name the erp", None),
    ),
    Case("two ERPs, named", {"order": "1", "erp": "erp-one"}, Facts((ONE, order("erp-two/1"))), {"erp-one/1": []}),
    Case(
        "foreign",
        {"order": "1"},
        Facts((ONE,)),
        ("ups takes no part in that order", "party:ups:erp-one/1"),
        partner="ups",
    ),
    Case(
        "not the owner",
        {"order": "1"},
        Facts((ONE,)),
        ("picked of a distribution_centre order is owned by wms; it was reported by carrier", None),
        role=Role.CARRIER,
        partner="dhl",
    ),
    Case(
        "not of this variant",
        {"order": "1"},
        Facts((order("erp-one/1", variant=DROP),)),
        ("picked is not a milestone of a direct_drop order", None),
    ),
]


_RETURNED = {"rma": "R", "lines": LINES}
CASES += [
    Case("tender", {"order": "1", "carrier": "ups"}, Facts((ONE,)), {"erp-one/1": []}, kind="tender_rejected").by(
        "tms", Role.TMS
    ),
    Case("short pick", {"order": "1", "lines": LINES}, Facts((ONE,)), {"erp-one/1": [5]}, kind="short_picked"),
    Case(
        "short pick of a shipment that is not known",
        {"order": "1", "shipment": "S", "lines": LINES},
        Facts((ONE,)),
        {"erp-one/1": [5]},
        kind="short_picked",
    ),
    Case(
        "short pick of a shipment of two orders",
        {"order": "1", "shipment": "S", "lines": LINES},
        Facts((ONE,), (ONE, TWO)),
        {"erp-one/1": [5]},
        kind="short_picked",
    ),
    Case(
        "consolidated",
        {"order": "1", "shipment": "S9", "lines": LINES, "merges": ["S1"]},
        Facts((ONE,)),
        {"erp-one/1": [5]},
        True,
        kind="consolidated",
    ).by("dhl", Role.CARRIER),
    Case("returned", {"order": "1", **_RETURNED}, Facts((ONE,)), {"erp-one/1": [5]}, kind="return_received"),
    Case(
        "returned on another order's shipment",
        {"order": "1", "shipment": "S", **_RETURNED},
        Facts((ONE,), (TWO,)),
        {"erp-one/1": [5]},
        kind="return_received",
    ),
    Case(
        "returned, said by a stranger",
        {"order": "1", **_RETURNED},
        Facts((ONE,)),
        ("wms-other takes no part in that order", "party:wms-other:erp-one/1"),
        kind="return_received",
    ).by("wms-other", Role.WMS),
    Case(
        "returned, said by a carrier",
        {"order": "1", **_RETURNED},
        Facts((ONE,)),
        (
            "return_received of a distribution_centre order is owned by supplier, wms; it was reported by carrier",
            None,
        ),
        kind="return_received",
    ).by("dhl", Role.CARRIER),
    Case(
        "trouble says nothing of what a shipment carries",
        {"order": "1", "shipment": "S", "lines": LINES},
        Facts((ONE,)),
        ("shipment S is not known: the first event that names it says which lines it carries", "shipment:S"),
        kind="exception",
    ),
    Case(
        "trouble on another order's shipment",
        {"order": "2", "shipment": "S", "lines": LINES},
        Facts((TWO,), (ONE,)),
        ("shipment S does not carry order 2", None),
        kind="exception",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_table(case: Case) -> None:
    event = Milestone.model_validate({"kind": case.kind, "occurred_at": "2026-05-05T12:00:00Z", **case.says})
    found = correlate(event, case.partner, case.role, case.facts)
    if isinstance(case.expected, tuple):
        assert isinstance(found, Parked)
        assert (found.reason, found.waiting_for) == case.expected
    else:
        assert isinstance(found, Placement)
        assert {key: [line.quantity for line in lines] for key, lines in found.orders.items()} == case.expected
        assert found.links == case.links
