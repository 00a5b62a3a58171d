"""Every refusal is a problem (RFC 9457), whoever makes it."""

import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.http.problems import KINDS, ProblemDetail
from schemas.parsing import parse_strict
from tests.gateway.harness import Gateway

DOCS = Path(__file__).parents[3] / "docs" / "problems.md"


def _problem(answer: httpx.Response) -> ProblemDetail:
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = parse_strict(ProblemDetail, answer.content)
    assert problem.status == answer.status_code
    assert problem.type in {kind.url for kind in KINDS}
    assert UUID(problem.instance.removeprefix("urn:uuid:")).hex == answer.headers["X-Request-Id"]
    return problem


async def test_the_frameworks_refusals_are_problems(gateway: Gateway) -> None:
    root = gateway.auth("root")
    assert _problem(await gateway.client.get("/nowhere", headers=root)).type == "/problems/not-found"
    assert _problem(await gateway.client.get("/v1/orders/", headers=root)).type == "/problems/not-found"
    wrong = await gateway.client.delete("/v1/events", headers=root)
    assert _problem(wrong).type == "/problems/method-not-allowed"
    assert wrong.headers["Allow"] == "POST"
    limit = _problem(await gateway.client.get("/v1/quarantine?limit=0", headers=root))
    assert [finding.field for finding in limit.findings] == ["query.limit"]


def _fail_with(gateway: Gateway, error: Exception) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def failing(_request: Request) -> Response:
        raise error

    gateway.app.router.routes.append(Route("/fails", failing))
    return failing


async def test_an_unexpected_error_tells_nothing(gateway: Gateway) -> None:
    _fail_with(gateway, ValueError("password=hunter2 of 1 Hidden Street"))
    with structlog.testing.capture_logs() as logs:
        answer = await gateway.client.get("/fails")

    assert _problem(answer).type == "/problems/internal"
    assert answer.status_code == 500
    assert "hunter2" not in answer.text + str(logs)
    failure = next(line for line in logs if line["event"] == "request failed")
    assert failure["error"] == "ValueError"
    assert failure["request_id"] == answer.headers["X-Request-Id"]
    assert re.fullmatch(r"test_problems\.py:\d+ failing", failure["where"][-1])


async def test_a_database_that_is_away_is_a_503(gateway: Gateway) -> None:
    _fail_with(gateway, psycopg.OperationalError("host db.internal refused"))
    answer = await gateway.client.get("/fails")
    assert _problem(answer).type == "/problems/unavailable"
    assert answer.headers["Retry-After"] == "2"
    assert "db.internal" not in answer.text


@pytest.mark.parametrize("path", ["/health/live", "/nowhere", "/metrics", "/login"])
async def test_every_answer_has_the_security_headers(gateway: Gateway, path: str) -> None:
    answer = await gateway.client.get(path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["traceparent"]


def test_every_kind_is_explained() -> None:
    assert re.findall(r"^## ([a-z-]+)$", DOCS.read_text(), re.MULTILINE) == [kind.slug for kind in KINDS]
