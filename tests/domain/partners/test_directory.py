"""Which connection answers for a target, and which secrets it uses when."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.partners.calendars import is_calendar
from domain.partners.credentials import accepted_at, references_of, rotated, secrets_at
from domain.partners.differences import FieldChange, differences
from domain.partners.directory import EMPTY, PartnerDirectory
from domain.partners.environment import of_settings
from domain.partners.ownership import speaking_role
from schemas.base import Role, System
from schemas.orders.milestones import MilestoneKind
from schemas.partners.registry import Credentials, document_of
from schemas.settings import Endpoint, QueueLimit, Settings
from tests.domain.partners.samples import API, partner, system

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


def name(directory: PartnerDirectory, kind: System, target: str) -> str | None:
    """The connection that answers."""
    found = directory.resolve(kind, target)
    return found.name if found else None


def test_a_target_of_its_own_goes_before_any() -> None:
    directory = PartnerDirectory.of(
        [
            partner(),
            system("wms", "others", targets=["*"]),
            system("erp", "erp-one"),
            system("erp", "erp-two", targets=["erp-old", "erp-two"]),
            system("tms", "desk", "draft", targets=["*"]),
        ]
    )
    assert name(directory, System.WMS, "RDC-EMEA") == "north-3pl/api"
    assert name(directory, System.WMS, "RDC-AFR") == "others/api"
    assert name(directory, System.ERP, "erp-one") == "erp-one/api"
    assert name(directory, System.ERP, "erp-old") == "erp-two/api"
    assert name(directory, System.ERP, "erp-three") is None
    assert name(directory, System.TMS, "EMEA") is None, "a draft takes no calls"
    assert EMPTY.resolve(System.WMS, "RDC-EMEA") is None


def test_a_paused_connection_keeps_its_calls_to_itself() -> None:
    held = partner(connections=[{**API, "state": "paused"}])
    directory = PartnerDirectory.of([held, system("wms", "others", targets=["*"])])
    found = directory.resolve(System.WMS, "RDC-EMEA")
    assert found is not None
    assert (found.name, found.paused) == ("north-3pl/api", True)


@pytest.mark.parametrize(
    ("state", "answers"), [("draft", False), ("testing", False), ("shadow", False), ("live", True), ("paused", True)]
)
def test_what_is_not_live_yet_answers_nobody(state: str, answers: bool) -> None:
    directory = PartnerDirectory.of([partner(connections=[{**API, "state": state}])])
    assert (directory.resolve(System.WMS, "RDC-EMEA") is not None) is answers


def test_regions_are_targets_of_transport_and_planning() -> None:
    desk = partner(roles=["tms", "carrier"], connections=[API], sites=None)
    assert name(PartnerDirectory.of([desk]), System.TMS, "EMEA") == "north-3pl/api"


def test_a_partner_is_found_by_what_others_call_it() -> None:
    directory = PartnerDirectory.of([partner()])
    found = directory.called("isa", "ZZ:NORTHLOG")
    assert found is not None
    assert found.partner == "north-3pl"
    assert directory.called("gln", "ZZ:NORTHLOG") is None


def test_the_settings_are_partners_without_their_secrets() -> None:
    config = Settings(
        erp={
            "*": Endpoint(url="https://me:pass-word@erp.test/{id}?key=k-e-y", token="t-o-k-e-n"),
            "erp-one": Endpoint(url="http://one", master_data=True),
        },
        limits={"erp": QueueLimit(per_second=3, concurrent=2)},
    )
    [erp] = of_settings(config)
    assert (erp.partner, erp.roles, [it.name for it in erp.connections]) == ("env-erp", (Role.ERP,), ["any", "erp-one"])
    assert erp.limits is not None
    assert (erp.limits.per_second, erp.limits.concurrent) == (3, 2)
    said = str(document_of(erp))
    assert "https://erp.test/{id}" in said
    assert "env:SYNCLINE_ERP" in said
    assert not [secret for secret in ("pass-word", "k-e-y", "t-o-k-e-n") if secret in said]


def test_secrets_change_over_with_an_overlap() -> None:
    old = Credentials(scheme="bearer", secrets={"token": "env:OLD"})
    start, end = NOW + timedelta(hours=1), NOW + timedelta(hours=3)
    both = rotated(old, {"token": "env:NEW"}, start, end)
    used = [secrets_at(both, at)["token"] for at in (NOW, start, end)]
    assert used == ["env:OLD", "env:NEW", "env:NEW"]
    accepted = [[it["token"] for it in accepted_at(both, at)] for at in (NOW, end - timedelta(seconds=1), end)]
    assert accepted == [["env:NEW", "env:OLD"], ["env:NEW", "env:OLD"], ["env:NEW"]]
    assert list(references_of(both)) == ["env:NEW", "env:OLD"]
    again = rotated(both, {"token": "env:THIRD"}, NOW, NOW)
    assert secrets_at(again, NOW - timedelta(seconds=1))["token"] == "env:OLD", "what is used now stays until then"


def test_what_differs_is_named_by_its_field() -> None:
    before, after = (
        document_of(partner(connections=[{**API, "state": state}], **more))
        for state, more in (("draft", {}), ("live", {"region": None, "sites": ["RDC-EMEA", "RDC-AFR"]}))
    )
    changes = {it.field: it for it in differences(before, after)}
    assert changes.keys() == {"region", "sites", "connections[api].state"}
    assert changes["connections[api].state"] == FieldChange("connections[api].state", None, "live")
    assert list(differences(before, before)) == []
    assert [it.field for it in differences({}, {"connections": [{"name": "b"}]})] == ["connections[b]"]


@pytest.mark.parametrize(
    ("kind", "roles", "role"),
    [
        (MilestoneKind.PICKED, (Role.CARRIER, Role.WMS), Role.WMS),
        (MilestoneKind.IN_TRANSIT, (Role.WMS, Role.CARRIER), Role.CARRIER),
        (MilestoneKind.IN_TRANSIT, (Role.WMS,), Role.WMS),
    ],
)
def test_a_partner_speaks_in_the_role_that_owns_the_milestone(
    kind: MilestoneKind, roles: tuple[Role, ...], role: Role
) -> None:
    assert speaking_role(kind, roles) is role


def test_calendars_are_countries_and_their_regions() -> None:
    known = [code for code in ("DE", "DE-BE", "US-CA", "DE-XX", "XX", "de", "") if is_calendar(code)]
    assert known == ["DE", "DE-BE", "US-CA"]
