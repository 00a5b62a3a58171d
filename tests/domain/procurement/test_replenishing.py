"""Proposals of planning: what is wrong with one by itself, and how many packs it is."""

from datetime import date
from typing import Any

import pytest

from domain.procurement import replenishing
from domain.procurement.replenishing import Failure
from schemas.base import Origin, Unit
from schemas.procurement.replenishment import Hop, ReplenishmentProposal, SourcedBy
from tests.domain.purchases import DUE, NOON


def proposal(**changes: Any) -> ReplenishmentProposal:
    body = {
        "id": "R-1",
        "erp": "erp-one",
        "kind": SourcedBy.PURCHASE,
        "item": "A",
        "site": "LYS",
        "region": "EMEA",
        "supplier": "acme",
        "quantity": 120,
        "wanted_on": DUE,
        "proposed_at": NOON,
    }
    return ReplenishmentProposal.model_validate({**body, **changes})


def test_a_good_proposal_passes() -> None:
    assert replenishing.check(proposal()) is None
    assert replenishing.check(proposal(kind="transfer", supplier=None, from_site="HAM")) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"supplier": None}, "supplier"),
        ({"from_site": "HAM"}, "from_site"),
        ({"kind": "transfer"}, "from_site"),
        ({"kind": "transfer", "from_site": "HAM"}, "supplier"),
        ({"kind": "transfer", "supplier": None, "from_site": "LYS"}, "from_site"),
        ({"wanted_on": date(2026, 5, 3)}, "wanted_on"),
    ],
)
def test_a_bad_one_names_its_field(changes: dict[str, Any], field: str) -> None:
    failure = replenishing.check(proposal(**changes))
    assert failure and (failure.hop, failure.origin) == (Hop.PROPOSAL, Origin.PARTNER_MESSAGE)
    assert failure.reason.startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("changes", "packs"),
    [
        ({}, 120),
        ({"unit": Unit.EACH, "units_per_pack": 12}, 10),
        ({"unit": Unit.EACH, "units_per_pack": 7}, None),
        ({"unit": Unit.EACH}, None),
        ({"units_per_pack": 12}, None),
    ],
)
def test_packs(changes: dict[str, Any], packs: int | None) -> None:
    made = replenishing.convert(proposal(**changes))
    if isinstance(made, Failure):
        assert packs is None and made.origin is Origin.TRANSFORMATION
    else:
        assert made.packs == packs
