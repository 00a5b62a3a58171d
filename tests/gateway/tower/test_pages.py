"""The API reference, the OpenAPI document, and the way in for a browser."""

import base64
import hashlib
import re
from typing import Any

import httpx
import pytest
from fastapi.openapi.models import OpenAPI
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from gateway.http.problems import KINDS
from tests.gateway.harness import Gateway

PUBLIC = {"/health/live", "/health/ready", "/v1/partners/{partner}/webhook"}


@pytest.fixture
async def document(gateway: Gateway) -> dict[str, Any]:
    answer = await gateway.get("/openapi.json", "planner")
    found: dict[str, Any] = answer.json()
    return found


def _references(node: Any) -> set[str]:
    if isinstance(node, dict):
        return {str(node["$ref"])} if "$ref" in node else set().union(*map(_references, node.values()))
    return set().union(*map(_references, node)) if isinstance(node, list) else set()


async def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OpenAPI.model_validate(document)
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    assert _references(document) <= {f"#/components/schemas/{name}" for name in schemas}


async def test_every_operation_says_what_it_takes_and_how_it_refuses(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            named = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))
            assert operation["summary"]
            assert operation["description"]
            assert ("requestBody" in operation) == (method in ("post", "put")), path
            assert (operation.get("security") == []) == (path in PUBLIC)
            for status, response in operation["responses"].items():
                if status[0] in "45" and not path.startswith("/health"):
                    assert list(response["content"]) == ["application/problem+json"], (path, status)
            if not path.startswith("/health"):
                assert {"401", "429", "503"} <= set(operation["responses"]), path


async def test_bodies_are_the_contracts(document: dict[str, Any]) -> None:
    release = document["components"]["schemas"]["ReleaseRequest"]
    assert set(release["required"]) >= {"number", "lines", "variant", "ship_to"}
    body = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    assert set(body) == {
        "application/json",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
    }


async def test_the_reference_shows_every_operation_and_needs_nothing_from_elsewhere(
    gateway: Gateway, document: dict[str, Any]
) -> None:
    page = await gateway.get("/docs", "planner")
    assert page.status_code == 200
    for path in document["paths"]:
        assert path.replace("{", "&#123;") in page.text or path in page.text
    for kind in KINDS:
        assert f'id="problem-{kind.slug}"' in page.text
    targets = set(re.findall(r'href="#([^"]+)"', page.text))
    assert targets <= set(re.findall(r'id="([^"]+)"', page.text))
    assert not re.search(r'<script|<link|src=|https?://|url\(|style="', page.text)


@pytest.mark.parametrize("path", ["/docs", "/login"])
async def test_the_policy_names_the_style_that_is_on_the_page(gateway: Gateway, path: str) -> None:
    page = await gateway.get(path, "planner")
    [style] = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["Content-Security-Policy"]


async def test_a_problem_type_leads_to_its_explanation(gateway: Gateway) -> None:
    answer = await gateway.get("/problems/rate-limited", "dhl")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/docs#problem-rate-limited")


async def test_a_browser_without_a_key_is_shown_the_way_in(gateway: Gateway) -> None:
    answer = await gateway.client.get("/docs", headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=/docs")
    form = await gateway.client.get(answer.headers["Location"])
    assert form.status_code == 200
    assert 'action="/login"' in form.text


async def _enter(gateway: Gateway, key: str, target: str) -> httpx.Response:
    return await gateway.client.post("/login", data={"key": key, "next": target})


async def test_a_key_becomes_a_session(gateway: Gateway) -> None:
    answer = await _enter(gateway, gateway.keys["helpdesk"], "/docs")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/docs")
    assert (await gateway.client.get("/docs")).status_code == 200, "the client keeps the cookie"


async def test_a_wrong_key_is_told_so(gateway: Gateway) -> None:
    answer = await _enter(gateway, "sk_wrong_key", '/docs"><b>')
    assert answer.status_code == 401
    assert "not known" in answer.text
    assert "<b>" not in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "", "/\r\nX: y", "/a\\b", "javascript:x"],
)
async def test_the_way_in_leads_only_into_this_site(gateway: Gateway, target: str) -> None:
    answer = await _enter(gateway, gateway.keys["root"], target)
    assert answer.headers["Location"] == "/docs"


async def test_a_form_has_a_size(gateway: Gateway) -> None:
    assert (await _enter(gateway, "x" * 5000, "/docs")).status_code == 422


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def test_people_are_shown_pages_and_programs_problems(gateway: Gateway) -> None:
    front = await gateway.client.get("/", headers=BROWSER)
    assert (front.status_code, front.headers["Location"]) == (303, "/tower")
    assert (await gateway.client.get("/")).json()["type"] == "/problems/not-found"
    for path, status in (("/nowhere<b>", 404), ("/v1/orders/PO-1", 401), ("/v1/events", 405)):
        shown = await gateway.client.get(path, headers=BROWSER)
        assert shown.status_code == status
        assert shown.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
        assert shown.headers["X-Request-Id"] in shown.text
        assert "<b>" not in shown.text
        told = await gateway.client.get(path, headers={"Accept": "*/*"})
        assert told.headers["Content-Type"] == "application/problem+json"
    assert 'href="/login"' in (await gateway.client.get("/v1/orders/PO-1", headers=BROWSER)).text
    posted = await gateway.client.post("/v1/events", headers=BROWSER)
    assert posted.headers["Content-Type"] == "application/problem+json", "a form of ours reads what it is told"
