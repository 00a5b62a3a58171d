"""The registry of partners over HTTP: what is refused, what becomes a version, who may do what."""

import json
from typing import Any

import httpx
import pytest

from schemas.settings import Endpoint
from tests.domain.partners.samples import API, NORTH
from tests.gateway.harness import Gateway, gateway_on
from tests.gateway.messages import release

LIVE: dict[str, Any] = {**NORTH, "connections": [{**API, "credentials": None}, *NORTH["connections"][1:]]}
LIVE["connections"][0] = {name: value for name, value in LIVE["connections"][0].items() if value is not None}


async def put(gateway: Gateway, body: dict[str, Any], match: str | None = None, by: str = "root") -> httpx.Response:
    """Put a partner."""
    headers = {**gateway.auth(by), "Content-Type": "application/json", **({} if match is None else {"If-Match": match})}
    return await gateway.client.put(f"/v1/partners/{body['partner']}", content=json.dumps(body), headers=headers)


async def apply(gateway: Gateway, *partners: dict[str, Any], query: str = "") -> httpx.Response:
    """Apply partners."""
    return await gateway.post(f"/v1/partners{query}", "root", {"partners": list(partners), "reason": "because"})


def wrong(answer: httpx.Response) -> dict[str, str]:
    """Findings: rules by field."""
    assert answer.status_code == 422, answer.text
    return {it["field"]: it["rule"] for it in answer.json()["findings"]}


async def test_a_partner_is_put_with_the_version_it_was_changed_from(gateway: Gateway) -> None:
    assert (await put(gateway, LIVE)).status_code == 428
    assert (await put(gateway, LIVE, "newest")).status_code == 422
    first = await put(gateway, LIVE, '"0"')
    assert (first.status_code, first.headers["etag"], first.json()["outcome"]) == (200, '"1"', "created")
    shown = await gateway.get("/v1/partners/north-3pl", "helpdesk")
    assert shown.headers["etag"] == '"1"'
    assert shown.json()["definition"]["identifiers"]["isa"] == ["ZZ:NORTHLOG"]
    again = await put(gateway, LIVE, '"1"')
    assert (again.headers["etag"], again.json()["outcome"]) == ('"1"', "unchanged")
    changed = await put(gateway, {**LIVE, "name": "North"}, '"1"')
    assert changed.headers["etag"] == '"2"'
    assert changed.json()["changes"] == [{"field": "name", "before": "North Logistics", "after": "North"}]
    stale = await put(gateway, LIVE, '"1"')
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/changed")
    assert wrong(await put(gateway, {**LIVE, "calendar": "XX"}, '"2"')).keys() == {"calendar"}
    elsewhere = await gateway.client.put(
        "/v1/partners/south",
        content=json.dumps(LIVE),
        headers={**gateway.auth("root"), "Content-Type": "application/json", "If-Match": '"0"'},
    )
    assert wrong(elsewhere).keys() == {"partner"}


async def test_all_are_applied_or_none_and_everything_that_is_wrong_is_said(gateway: Gateway) -> None:
    broken = {**NORTH, "partner": "south", "name": None, "units": {"CT": 0}}
    clash = {**LIVE, "partner": "west", "connections": [{**API, "adapter": "sap"}]}
    said = wrong(await apply(gateway, LIVE, broken, clash))
    assert said["partners[1].name"] == "Input should be a valid string"
    assert "partners[1].units.CT" in said
    assert said["partners[2].identifiers.gln"] == "is that of north-3pl already"
    assert "there are: standard" in said["partners[2].connections[0].adapter"]
    assert said["partners[2].connections[0].credentials.secrets.token"] == "the variable NORTH_TOKEN is not set here"
    assert await gateway.rows("SELECT * FROM partner_version") == []
    assert (await gateway.get("/v1/partners/north-3pl", "root")).status_code == 404


async def test_a_dry_run_says_what_would_change_and_changes_nothing(gateway: Gateway) -> None:
    planned = (await apply(gateway, LIVE, query="?dry_run=true")).json()
    assert (planned["dry_run"], planned["partners"][0]["outcome"]) == (True, "created")
    assert "connections[api]" in {it["field"] for it in planned["partners"][0]["changes"]}
    assert await gateway.rows("SELECT * FROM partner_version") == []
    assert await gateway.rows("SELECT * FROM partner WHERE id = 'north-3pl'") == []
    done = (await apply(gateway, LIVE)).json()
    assert (done["dry_run"], done["partners"][0]["version"]) == (False, 1)
    assert (await apply(gateway, {**LIVE, "version": 0})).status_code == 412
    assert (await apply(gateway, {**LIVE, "version": 1})).status_code == 200


async def test_each_version_is_kept_with_who_when_and_why(gateway: Gateway) -> None:
    await apply(gateway, LIVE)
    await apply(gateway, {**LIVE, "region": "APAC"})
    [newest, oldest] = (await gateway.get("/v1/partners/north-3pl/versions", "helpdesk")).json()["versions"]
    assert (newest["version"], newest["applied_by"], newest["reason"], newest["fields"]) == (
        2,
        "root",
        "because",
        ["region"],
    )
    assert "partner" in oldest["fields"]
    before = await gateway.get("/v1/partners/north-3pl?version=1", "helpdesk")
    assert (before.json()["definition"]["region"], before.headers["etag"]) == ("EMEA", '"1"')
    assert (await gateway.get("/v1/partners/north-3pl?version=3", "helpdesk")).status_code == 404
    assert (await gateway.get("/v1/partners/dhl/versions", "helpdesk")).status_code == 404
    audited = await gateway.rows("SELECT actor, subject, detail FROM audit_entry WHERE action = 'partner_applied'")
    assert [(it["actor"], it["subject"], it["detail"]["version"]) for it in audited] == [
        ("root", "north-3pl", 1),
        ("root", "north-3pl", 2),
    ]
    assert audited[1]["detail"]["fields"] == ["region"]


async def test_a_connection_is_paused_and_resumed(gateway: Gateway) -> None:
    await apply(gateway, LIVE)
    path = "/v1/partners/north-3pl"
    held = await gateway.post(f"{path}/pause", "root", {"connection": "api", "reason": "works"})
    assert held.json()["changes"] == [{"field": "connections[api].state", "before": "live", "after": "paused"}]
    for verb, body, status in (
        ("pause", {"connection": "api"}, 409),
        ("pause", {"connection": "instructions"}, 409),
        ("resume", {"connection": "nothing"}, 409),
        ("resume", {}, 200),
        ("resume", {}, 409),
    ):
        assert (await gateway.post(f"{path}/{verb}", "root", body)).status_code == status, (verb, body)
    assert (await gateway.post("/v1/partners/nobody/pause", "root", {})).status_code == 404
    shown = (await gateway.get(path, "root")).json()
    assert (shown["version"], shown["definition"]["connections"][0]["state"]) == (3, "live")


async def test_one_list_has_partners_of_the_registry_of_settings_and_with_keys_only(database_url: str) -> None:
    erp = {"*": Endpoint(url="http://user:hidden@erp.test", token="hidden")}
    async with gateway_on(database_url, erp=erp) as gateway:
        await apply(gateway, LIVE)
        await gateway.rows("UPDATE partner SET roles = '{}' WHERE id = 'dhl' RETURNING 1")
        listing = await gateway.get("/v1/partners", "helpdesk")
        found = {it["partner"]: it for it in listing.json()["partners"]}
        assert (found["north-3pl"]["source"], found["north-3pl"]["version"], found["north-3pl"]["keys"]) == (
            "registry",
            1,
            0,
        )
        assert [(it["name"], it["state"]) for it in found["north-3pl"]["connections"]][:2] == [
            ("api", "live"),
            ("instructions", "draft"),
        ]
        assert found["dhl"]["roles"] == ["carrier"], "as an older process adds one"
        assert (found["dhl"]["source"], found["dhl"]["keys"], found["dhl"]["secrets"]) == ("keys", 1, "1")
        assert found["env-erp"]["connections"][0] == {
            "name": "any",
            "system": "erp",
            "targets": ["*"],
            "adapter": "standard",
            "state": "live",
        }
        shown = await gateway.get("/v1/partners/env-erp", "helpdesk")
        assert (shown.json()["source"], "etag" in shown.headers) == ("environment", False)
        assert "hidden" not in listing.text + shown.text
        assert "must not begin with env-" in str(wrong(await put(gateway, {**LIVE, "partner": "env-erp"}, '"0"')))
        assert (await gateway.get("/v1/partners/dhl", "helpdesk")).headers["etag"] == '"0"'


async def test_a_described_partner_calls_in_each_of_its_roles(gateway: Gateway) -> None:
    """Keys and roles are those of the same partner: there is one notion of it."""
    await gateway.post("/v1/orders", "erp-one", release())
    described = {"partner": "dhl", "name": "DHL", "roles": ["carrier", "planning"]}
    assert (await gateway.get("/v1/proposals", "dhl")).status_code == 403
    assert (await put(gateway, described, '"0"')).status_code == 200
    now = [10_000.0]
    gateway.set_clock(lambda: now[0])
    assert (await gateway.get("/v1/proposals", "dhl")).status_code == 200
    assert (await gateway.get("/v1/policies", "dhl")).status_code == 403


async def test_a_secret_that_was_written_down_is_neither_kept_nor_repeated(
    gateway: Gateway, capfd: pytest.CaptureFixture[str]
) -> None:
    value = "sk-live-4f9a8b7c6d"
    spoilt = {**LIVE, "connections": [{**API, "credentials": {"scheme": "bearer", "secrets": {"token": value}}}]}
    answers = [await apply(gateway, spoilt), await put(gateway, spoilt, '"0"'), await apply(gateway, spoilt)]
    assert all(it.status_code == 422 and value not in it.text for it in answers)
    for table in ("partner_version", "audit_entry", "inbox_message"):
        assert value not in str(await gateway.rows(f"SELECT * FROM {table}"))
    assert value not in "".join(capfd.readouterr())
