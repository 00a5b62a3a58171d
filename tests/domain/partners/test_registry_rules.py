"""What no registry may hold: each rule names the field, all of them at once."""

from typing import Any

import pytest

from domain.partners.registry_rules import Surroundings, findings
from schemas.parsing import InvalidMessage, check
from schemas.partners.registry import PartnerDefinition, document_of, duration_s
from tests.domain.partners.samples import API, HTTP, NORTH, partner, system

AROUND = Surroundings(
    unreadable=lambda reference: None if reference.endswith("_TOKEN") else "is not set here",
    regions=frozenset({"EMEA", "APAC"}),
    planning=frozenset({"EMEA"}),
)


def found(*changes: PartnerDefinition, kept: tuple[PartnerDefinition, ...] = ()) -> dict[str, str]:
    """What is wrong with these, beside those that are kept: rules by field."""
    named = {f"partners[{number}]": it for number, it in enumerate(changes)}
    return {it["field"]: it["rule"] for it in findings(named, {it.partner: it for it in kept}, AROUND)}


def test_the_sample_keeps_every_rule_and_says_the_same_again() -> None:
    north = partner()
    assert found(north) == {}
    document = document_of(north)
    assert check(PartnerDefinition, document) == north
    assert document_of(check(PartnerDefinition, document)) == document
    assert north.identifiers.gln == ("4012345000009",)
    assert [duration_s(it) for it in ("60s", "15m", "4h", "2d")] == [60, 900, 14_400, 172_800]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"time_zone": "Europe/Nowhere"}, "time_zone"),
        ({"region": "emea"}, "region"),
        ({"identifiers": {"gln": "4012345000008"}}, "identifiers.gln[0]"),
        ({"identifiers": {"gln": 4012345000009}}, "identifiers.gln"),
        ({"identifiers": {"isa": "NORTHLOG"}}, "identifiers.isa[0]"),
        ({"roles": []}, "roles"),
        ({"roles": ["wms", "wms"]}, "roles"),
        ({"sites": ["rdc"]}, "sites[0]"),
        ({"units": {"CT": 0}}, "units.CT"),
        ({"people": [{"name": "Desk", "email": "nobody"}]}, "people[0].email"),
        ({"service_levels": {"milestone": "quarter of an hour"}}, "service_levels.milestone"),
        ({"surname": "x"}, "surname"),
        (
            {"connections": [{**API, "credentials": {"scheme": "bearer", "secrets": {"token": "s3cr3t"}}}]},
            "connections[0].credentials.secrets.token",
        ),
    ],
)
def test_a_field_keeps_its_own_rule(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidMessage) as refused:
        partner(**changes)
    assert [it["field"] for it in refused.value.findings] == [field]
    assert "s3cr3t" not in str(refused.value)


def connection(**changes: Any) -> PartnerDefinition:
    """North with one connection, changed so."""
    return partner(connections=[{**API, **changes}])


@pytest.mark.parametrize(
    ("changed", "field", "rule"),
    [
        (partner(calendar="DE-XX"), "calendar", "public holidays"),
        (partner(calendar="XX"), "calendar", "public holidays"),
        (partner(region="AMER"), "region", "APAC, EMEA"),
        (partner(partner="env-wms"), "partner", "must not begin"),
        (partner(roles=["wms", "admin"]), "roles", "no other role"),
        (connection(adapter="sap"), "connections[0].adapter", "there are: standard"),
        (connection(adapter=None, format="x12/940"), "connections[0].state", "adapter over a channel"),
        (partner(connections=[{"name": "x", "state": "draft"}]), "connections[0].adapter", "name an adapter"),
        (connection(channel=None), "connections[0].channel", "needs a channel"),
        (connection(channel={**HTTP, "sftp": "x"}), "connections[0].channel", "exactly one"),
        (connection(channel={"sftp": "x"}), "connections[0].channel", "goes over http"),
        (connection(channel={"http": "erp.example.com"}), "connections[0].channel.http", "is no address"),
        (connection(channel={"http": "http://x:99999/"}), "connections[0].channel.http", "is no address"),
        (connection(channel={"http": "https://u:p@x/"}), "connections[0].channel.http", "no user"),
        (connection(channel={"http": "https://x/?key=1"}), "connections[0].channel.http", "no user"),
        (connection(options={"speed": 1}), "connections[0].options.speed", "no option of standard"),
        (connection(options={"master_data": 1}), "connections[0].options.master_data", "must be a bool"),
        (connection(system="erp"), "connections[0].system", "none of the partner's roles"),
        (partner(roles=["wms", "erp"], connections=[API]), "connections[0].system", "say which"),
        (partner(sites=None, connections=[API]), "connections[0].targets", "name them"),
        (
            connection(credentials={"scheme": "bearer", "secrets": {"token": "env:NOWHERE"}}),
            "connections[0].credentials.secrets.token",
            "is not set here",
        ),
        (
            connection(credentials={"scheme": "bearer", "secrets": {"key": "env:A_TOKEN"}}),
            "connections[0].credentials.secrets",
            "must name token",
        ),
        (
            connection(credentials={"scheme": "magic", "secrets": {}}),
            "connections[0].credentials.scheme",
            "there are: bearer",
        ),
        (
            connection(
                credentials={
                    "scheme": "bearer",
                    "secrets": {"token": "env:B_TOKEN"},
                    "valid_from": "2026-02-01T00:00:00Z",
                    "former": {"secrets": {"token": "env:A_TOKEN"}, "until": "2026-01-01T00:00:00Z"},
                }
            ),
            "connections[0].credentials.former.until",
            "nothing would count",
        ),
        (partner(connections=[API, API]), "connections[1].name", "two connections"),
        (system("planning", "plan", targets=["APAC"]), "connections[0].targets", "no planning feed"),
    ],
)
def test_each_rule_names_its_field(changed: PartnerDefinition, field: str, rule: str) -> None:
    wrong = found(changed)
    assert f"partners[0].{field}" in wrong, wrong
    assert rule in wrong[f"partners[0].{field}"]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    wrong = found(
        partner(calendar="XX", region="AMER", connections=[{**API, "adapter": "sap", "channel": {"http": "x"}}]),
        partner(partner="south", roles=["carrier"], connections=None),
    )
    assert wrong.keys() == {
        "partners[0].calendar",
        "partners[0].region",
        "partners[0].connections[0].adapter",
        "partners[0].connections[0].channel.http",
        "partners[1].identifiers.gln",
        "partners[1].identifiers.scac",
        "partners[1].identifiers.isa",
    }


def test_an_identifier_belongs_to_one_partner_and_can_be_handed_over() -> None:
    north, bare = partner(), {"roles": ["carrier"], "sites": None, "connections": None}
    south = partner(partner="south", **bare)
    assert "is that of north-3pl already" in found(south, kept=(north,))["partners[0].identifiers.gln"]
    assert found(south, partner(identifiers=None), kept=(north,)) == {}


def test_two_live_connections_of_one_kind_for_one_site_are_refused() -> None:
    north, other = partner(), system("wms", "south", targets=["RDC-EMEA"])
    assert "north-3pl/api is the live wms connection of RDC-EMEA already" in str(found(other, kept=(north,)))
    assert "targets" in str(found(north, other))
    twice = partner(connections=[API, {**API, "name": "second"}])
    assert found(twice)["partners[0].connections[1].state"].startswith("north-3pl/api is the live")
    assert "paused" not in str(found(system("wms", "south", "draft", targets=["RDC-EMEA"]), kept=(north,)))
    held = partner(connections=[{**API, "state": "paused"}])
    assert found(other, kept=(held,)), "a paused connection keeps its place"


def test_a_site_changes_over_in_one_step() -> None:
    north, south = partner(), system("wms", "south", targets=["RDC-EMEA"])
    assert found(south, partner(connections=[{**API, "state": "draft"}]), kept=(north,)) == {}
    assert found(system("erp", "south", targets=["RDC-EMEA"]), kept=(north,)) == {}, "another kind of system"


def test_one_partner_is_described_once() -> None:
    assert found(partner(), partner())["partners[1].partner"] == "north-3pl is described twice"
    assert NORTH["partner"] == "north-3pl"
