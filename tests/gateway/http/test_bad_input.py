"""Bad input, on every operation that takes a body: a problem that names field and rule, and nothing stored."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway.http.problems import ProblemDetail
from schemas.parsing import parse_strict
from tests.gateway.api.test_planning import ACCEPT
from tests.gateway.harness import Gateway
from tests.gateway.messages import as_bytes, event, release

BATCH = "application/cloudevents-batch+json"
OPERATIONS: dict[str, tuple[str, str, str, Any]] = {
    "release": ("/v1/orders", "erp-one", "application/json", release("PO-2")),
    "cancel": ("/v1/orders/PO-1/cancel", "erp-one", "application/json", {"id": "c-1", "reason": "no"}),
    "decision": ("/v1/proposals/p/decision", "planner", "application/json", ACCEPT),
    "note": ("/v1/cases/erp-one/PO-1/delay/1/assign", "helpdesk", "application/json", {"id": "n-1", "to": "ann"}),
    "event": ("/v1/events", "dhl", "application/cloudevents+json", event()),
    "batch": ("/v1/events", "dhl", BATCH, [event()]),
    "replay": ("/v1/quarantine/replay", "helpdesk", "application/json", {"ids": [1]}),
}
every_operation = pytest.mark.parametrize("operation", OPERATIONS)


def _first_member(body: Any) -> str:
    members: dict[str, Any] = body[0] if isinstance(body, list) else body
    return next(iter(members))


def _with_member(body: Any, name: str, value: str) -> bytes:
    """The body with one more member, spelled as JSON text."""
    return as_bytes(body).replace(b"{", f'{{"{name}": {value}, '.encode(), 1)


MUTATIONS: dict[str, tuple[Any, str]] = {
    "nothing": (lambda body: b"", "is not JSON"),
    "malformed": (lambda body: as_bytes(body)[:-2], "is not JSON"),
    "two values": (lambda body: as_bytes(body) * 2, "is not JSON"),
    "unknown field": (lambda body: _with_member(body, "surplus", "1"), "is not a field of this contract"),
    "NaN": (lambda body: _with_member(body, "n", "NaN"), "NaN is not a JSON number"),
    "Infinity": (lambda body: _with_member(body, "n", "-Infinity"), "-Infinity is not a JSON number"),
    "beyond a double": (lambda body: _with_member(body, "n", "1e999"), "beyond the range"),
    "beyond any integer": (lambda body: _with_member(body, "n", "9" * 5000), "too many digits"),
    "duplicate key": (lambda body: _with_member(body, _first_member(body), "1"), "appears twice"),
    "NUL": (lambda body: _with_member(body, "n", '"\\u0000"'), "NUL"),
    "raw NUL": (lambda body: as_bytes(body) + b"\x00", "NUL"),
    "lone surrogate": (lambda body: _with_member(body, "n", '"\\ud800"'), "surrogate"),
    "surrogate in a name": (lambda body: _with_member(body, "\\udfff", "1"), "surrogate"),
    "not UTF-8": (lambda body: as_bytes(body) + b"\xff", "is not UTF-8"),
    "byte order mark": (lambda body: b"\xef\xbb\xbf" + as_bytes(body), "byte order mark"),
    "deep": (lambda body: b"[" * 100_000, ""),
    "deep and closed": (lambda body: _with_member(body, "n", "[" * 40 + "]" * 40), "nested deeper"),
}


async def _send(gateway: Gateway, operation: str, body: bytes, **headers: str) -> httpx.Response:
    path, caller, media_type, _ = OPERATIONS[operation]
    wanted = {**gateway.auth(caller), "Content-Type": media_type, **headers}
    return await gateway.client.post(path, content=body, headers=wanted)


async def _refused(gateway: Gateway, answer: httpx.Response, status: int) -> ProblemDetail:
    """It is a problem of this status, and it left nothing behind."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert await gateway.inbox() == []
    assert await gateway.rows("SELECT key FROM order_view") == []
    return parse_strict(ProblemDetail, answer.content)


@every_operation
async def test_what_is_not_strict_json_is_refused(gateway: Gateway, operation: str) -> None:
    for mutation, (mutate, rule) in MUTATIONS.items():
        answer = await _send(gateway, operation, mutate(OPERATIONS[operation][3]))
        problem = await _refused(gateway, answer, 422)
        assert rule in problem.findings[0].rule, mutation


@every_operation
async def test_other_json_is_refused(gateway: Gateway, operation: str) -> None:
    for body in ("null", "1", '"x"', "[1]", "true", "{}", "[[]]"):
        problem = await _refused(gateway, await _send(gateway, operation, body.encode()), 422)
        assert problem.findings, body


@every_operation
async def test_twenty_megabytes_are_refused(gateway: Gateway, operation: str) -> None:
    answer = await _send(gateway, operation, b" " * 20_000_000)
    assert (await _refused(gateway, answer, 413)).type == "/problems/too-large"


@every_operation
async def test_a_large_body_of_unknown_length_is_refused_while_it_arrives(gateway: Gateway, operation: str) -> None:
    sent = 0

    async def large() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 65_536
            yield b" " * 65_536

    path, caller, media_type, _ = OPERATIONS[operation]
    headers = {**gateway.auth(caller), "Content-Type": media_type}
    answer = await gateway.client.post(path, content=large(), headers=headers)
    await _refused(gateway, answer, 413)
    assert sent <= 1_048_576 + 65_536


@every_operation
async def test_another_kind_of_body_is_refused(gateway: Gateway, operation: str) -> None:
    for headers in (
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "multipart/form-data"},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "br, gzip"},
    ):
        answer = await _send(gateway, operation, as_bytes(OPERATIONS[operation][3]), **headers)
        await _refused(gateway, answer, 415)


def _line(**changes: Any) -> dict[str, Any]:
    return release(lines=[{"line": 1, "item": "I", "quantity": 1, **changes}])


IMPOSSIBLE_RELEASES: tuple[tuple[dict[str, Any], str], ...] = (
    (_line(quantity=-1), "lines[0].quantity"),
    (_line(quantity=0), "lines[0].quantity"),
    (_line(quantity=1.5), "lines[0].quantity"),
    (_line(quantity="2"), "lines[0].quantity"),
    (_line(quantity=True), "lines[0].quantity"),
    (_line(unit="BARREL"), "lines[0].unit"),
    (_line(requested_on="2026-02-30"), "lines[0].requested_on"),
    (_line(requested_on="2026-01-01"), "lines"),
    (_line(gtin="4006381333932"), "lines[0].gtin"),
    (_line(colour="red"), "lines[0].colour"),
    (release(requested_on="2026-13-01"), "requested_on"),
    (release(requested_on="9999-12-31"), "requested_on"),
    (release(requested_on=1), "requested_on"),
    (release(released_at="2026-03-02T08:00:00"), "released_at"),
    (release(released_at="2026-03-02T25:00:00Z"), "released_at"),
    (release(released_at="0001-01-01T00:00:00+14:00"), "released_at"),
    (release(lines=[]), "lines"),
    (release(number="a/b"), "number"),
    (release(site=None), "site"),
    (release(ship_to={"id": "x", "country": "XX"}), "ship_to.country"),
)


async def test_an_impossible_release_is_refused(gateway: Gateway) -> None:
    for body, field in IMPOSSIBLE_RELEASES:
        problem = await _refused(gateway, await _send(gateway, "release", as_bytes(body)), 422)
        assert field in [finding.field for finding in problem.findings], body


IMPOSSIBLE_EVENTS: tuple[tuple[dict[str, Any], str], ...] = (
    (event(occurred_at="2026-02-30T00:00:00Z"), "data.occurred_at"),
    (event(occurred_at="1889-01-01T00:00:00Z"), "data.occurred_at"),
    (event(occurred_at="yesterday"), "data.occurred_at"),
    (event(occurred_at=1_700_000_000), "data.occurred_at"),
    (event(lines=[{"line": 1, "quantity": -2}]), "data.lines[0].quantity"),
    (event(lines=[{"line": 1, "quantity": 0.5}]), "data.lines[0].quantity"),
    (event(order=None, shipment=None), "data.order"),
    (event(kind="delayed"), "data.eta"),
    (event(location="NL"), "data.location"),
    (event(handling_units=["006141411234567891"]), "data.handling_units[0]"),
    ({**event(), "specversion": "0.3"}, "specversion"),
    ({**event(), "id": "e 1"}, "id"),
    ({**event(), "traceparent": "x"}, "traceparent"),
    ({**event(), "data_base64": "e30="}, "data_base64"),
)


async def test_an_impossible_event_is_refused(gateway: Gateway) -> None:
    for body, field in IMPOSSIBLE_EVENTS:
        problem = await _refused(gateway, await _send(gateway, "event", as_bytes(body)), 422)
        assert field in [finding.field for finding in problem.findings], body


async def test_a_problem_never_quotes_the_value(gateway: Gateway) -> None:
    body = release(ship_to={"id": "x", "country": "XX", "address": "1 Hidden Street\x00", "name": 7})
    answer = await _send(gateway, "release", json.dumps(body).encode())
    assert "Hidden" not in answer.text
