"""Who may do what: every operation, without a key, with another role, with another partner's order."""

import httpx
import pytest

from gateway.http.auth import CALLER_TTL_S
from store.partners import partners
from tests.gateway.api.test_commands import ASKED
from tests.gateway.api.test_planning import ACCEPT, DECISION, RULE
from tests.gateway.harness import PARTNERS, Gateway
from tests.gateway.messages import as_bytes, event, release
from tests.gateway.trouble import CASE, open_case, propose
from tests.promising.test_api import QUESTION

BARE = {"partner": "south", "name": "South", "roles": ["carrier"]}
JSON = {"Content-Type": "application/json"}
SUPPORT = {"helpdesk", "root"}
OWNERS = {"erp-one"} | SUPPORT
PLANNERS = {"planner"} | SUPPORT
PARTIES = {"erp-one", "wms-dc1", "tms", "dhl", "planner"} | SUPPORT
OPERATIONS: dict[str, tuple[str, str, bytes, set[str]]] = {
    "release": ("POST", "/v1/orders", as_bytes(release("PO-7")), {"erp-one", "erp-two"}),
    "show": ("GET", "/v1/orders/PO-1", b"", PARTIES),
    "pages": ("GET", "/v1/orders/PO-1/pages/timeline", b"", PARTIES),
    "amend": ("POST", "/v1/orders/PO-1/amend", as_bytes(ASKED["amend"]), OWNERS),
    "cancel": ("POST", "/v1/orders/PO-1/cancel", as_bytes(ASKED["cancel"]), OWNERS),
    "hold": ("POST", "/v1/orders/PO-1/hold", as_bytes(ASKED["hold"]), OWNERS | PLANNERS),
    "resume": ("POST", "/v1/orders/PO-1/resume", as_bytes(ASKED["resume"]), OWNERS | PLANNERS),
    "act": ("POST", "/v1/orders/PO-1/act", as_bytes(ASKED["act"]), SUPPORT),
    "returns": ("POST", "/v1/orders/PO-1/returns", as_bytes(ASKED["returns"]), OWNERS),
    "cases": ("GET", "/v1/cases", b"", set(PARTNERS)),
    "case": ("GET", f"/v1/cases/{CASE}", b"", PARTIES),
    "acknowledge": ("POST", f"/v1/cases/{CASE}/acknowledge", as_bytes({"id": "1"}), SUPPORT),
    "assign": ("POST", f"/v1/cases/{CASE}/assign", as_bytes({"id": "1", "to": "ann"}), SUPPORT),
    "resolve": ("POST", f"/v1/cases/{CASE}/resolve", as_bytes({"id": "1", "reason": "r"}), SUPPORT),
    "proposals": ("GET", "/v1/proposals", b"", PLANNERS),
    "decision": ("POST", DECISION, as_bytes(ACCEPT), PLANNERS),
    "availability": ("GET", "/v1/availability?item=A", b"", OWNERS | {"erp-two"} | PLANNERS),
    "promises": ("POST", "/v1/promises", as_bytes(QUESTION), OWNERS | {"erp-two"} | PLANNERS),
    "policies": ("GET", "/v1/policies", b"", {"root"}),
    "put policy": ("PUT", "/v1/policies", as_bytes(RULE), {"root"}),
    "partners": ("GET", "/v1/partners", b"", SUPPORT),
    "partner": ("GET", "/v1/partners/dhl", b"", SUPPORT),
    "apply": ("POST", "/v1/partners?dry_run=true", as_bytes({"partners": [BARE]}), {"root"}),
    "put partner": ("PUT", "/v1/partners/south", as_bytes(BARE), {"root"}),
    "report": ("POST", "/v1/events", as_bytes(event("{partner}")), {"wms-dc1", "tms", "dhl", "ups", "acme"}),
    "quarantine": ("GET", "/v1/quarantine", b"", SUPPORT),
    "replay": ("POST", "/v1/quarantine/replay", as_bytes({"ids": [1]}), SUPPORT),
    "notices": ("GET", "/v1/notices", b"", SUPPORT),
    "retry": ("POST", "/v1/notices/retry", as_bytes({}), SUPPORT),
    "metrics": ("GET", "/metrics", b"", SUPPORT),
    "openapi": ("GET", "/openapi.json", b"", set(PARTNERS)),
    "docs": ("GET", "/docs", b"", set(PARTNERS)),
    "problems": ("GET", "/problems/invalid", b"", set(PARTNERS)),
}
every_operation = pytest.mark.parametrize("operation", OPERATIONS)
HIDDEN = {
    *((operation, stranger) for operation in ("show", "pages", "case") for stranger in ("erp-two", "ups", "acme")),
    *((operation, "erp-two") for operation in ("amend", "cancel", "hold", "resume", "returns")),
}
"""Operations that a partner may do, but not on this order."""


async def _call(gateway: Gateway, operation: str, headers: dict[str, str], partner: str = "") -> httpx.Response:
    method, path, body, _ = OPERATIONS[operation]
    content = body.replace(b"{partner}", partner.encode())
    match = {"If-Match": '"0"'}
    return await gateway.client.request(method, path, content=content, headers={**JSON, **match, **headers})


@every_operation
async def test_without_a_key_there_is_nothing(gateway: Gateway, operation: str) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer sk_dhl_guessed"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic c2s6c2s="},
        {"X-API-Key": "sk_root_" + "A" * 43},
        {"X-API-Key": "sk_" + "x" * 5000},
        {"Cookie": "syncline_session=sk_root_none"},
        {"Cookie": "syncline_session=ss_" + "A" * 43},
    ):
        answer = await _call(gateway, operation, headers)
        assert answer.status_code == 401, headers
        assert answer.json()["type"] == "/problems/unauthenticated"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@every_operation
async def test_each_role_does_its_own(gateway: Gateway, operation: str) -> None:
    assert (await gateway.post("/v1/orders", "erp-one", release())).status_code == 201
    await open_case(gateway.database)
    await propose(gateway.database)
    allowed = OPERATIONS[operation][3]
    for partner in PARTNERS:
        answer = await _call(gateway, operation, gateway.auth(partner), partner)
        if partner in allowed:
            assert answer.status_code < 400, (operation, partner, answer.text)
        else:
            assert answer.status_code == (404 if (operation, partner) in HIDDEN else 403), (operation, partner)
            assert set(answer.json()) == {"type", "title", "status", "detail", "instance", "findings"}
            assert "EMEA" not in answer.text


async def test_a_foreign_order_is_not_told_from_a_missing_one(gateway: Gateway) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    for path in ("/v1/orders/{}", "/v1/orders/{}?erp=erp-one"):
        there, missing = [await gateway.get(path.format(number), "acme") for number in ("PO-1", "PO-0")]
        assert there.status_code == missing.status_code == 404
        assert there.json()["detail"] == missing.json()["detail"]


async def test_either_header_carries_the_key(gateway: Gateway) -> None:
    key = gateway.keys["root"]
    for headers in ({"Authorization": f"bearer {key}"}, {"X-API-Key": key}):
        assert (await _call(gateway, "metrics", headers)).status_code == 200, headers


async def test_a_revoked_key_is_refused_when_the_memory_of_it_ends(gateway: Gateway) -> None:
    now = [1000.0]
    gateway.set_clock(lambda: now[0])
    assert (await gateway.get("/metrics", "root")).status_code == 200
    async with gateway.database.transaction() as connection:
        assert await partners.revoke_keys(connection, "root") == 1

    now[0] += CALLER_TTL_S - 0.1
    assert (await gateway.get("/metrics", "root")).status_code == 200
    now[0] += 0.2
    assert (await gateway.get("/metrics", "root")).status_code == 401


async def test_an_expired_key_is_refused(gateway: Gateway) -> None:
    async with gateway.database.connection() as connection:
        await connection.execute("UPDATE api_key SET expires_at = now() - interval '1 second' WHERE partner = 'root'")
    assert (await gateway.get("/metrics", "root")).status_code == 401


async def test_health_needs_no_key(gateway: Gateway) -> None:
    assert (await gateway.client.get("/health/live")).json() == {"status": "up"}
    assert (await gateway.client.get("/health/ready")).json() == {"database": "up", "temporal": "up"}
