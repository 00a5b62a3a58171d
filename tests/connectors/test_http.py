"""The HTTP client: what travels with every call, and what each answer means."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from connectors.connections import of_endpoint
from connectors.http.client import MAX_ANSWER_BYTES, SystemClient
from connectors.ports import Call, ConnectorError, Refused, Unavailable
from connectors.standard.clients import StandardErp
from connectors.standard.stock import StandardStock
from schemas.base import Origin, System
from schemas.messaging.instructions import Accepted, ErpCancellation
from schemas.settings import Endpoint

TOKEN = "secret-token"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MESSAGE = ErpCancellation(order="SO-1", reason="confidential reason")
CALL = Call("erp-one", "erp-one/SO-1/confirm_cancellation", TRACE, 2.0)
ENDPOINT = Endpoint(url="http://erp.test/{id}", token=TOKEN)
FINE = {"reference": "R-1"}

Answer = Callable[[httpx.Request], httpx.Response]


async def ask(answer: Answer, system: System = System.ERP) -> Accepted:
    """Confirm a cancellation to a system that answers so."""
    transport = httpx.MockTransport(answer)
    async with SystemClient(of_endpoint(system, ENDPOINT), transport) as client:
        return await StandardErp(client).confirm_cancellation(MESSAGE, CALL)


async def failure(answer: Answer, system: System = System.ERP) -> ConnectorError:
    """How it fails."""
    with pytest.raises(ConnectorError) as failed:
        await ask(answer, system)
    said = f"{failed.value} {failed.value!r} {failed.value.__cause__!r}"
    assert TOKEN not in said
    assert "confidential" not in said, "an error holds neither secrets nor what was sent or answered"
    assert failed.value.__cause__ is None
    return failed.value


async def test_what_travels_with_a_call() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={**FINE, "replayed": True, "carrier": "dhl", "new_field": 1})

    assert await ask(answer) == Accepted(reference="R-1", replayed=True, carrier="dhl")
    [request] = seen
    assert str(request.url) == "http://erp.test/erp-one/v1/orders/SO-1/cancellation"
    assert request.headers["idempotency-key"] == CALL.key
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.content == MESSAGE.model_dump_json().encode()
    assert request.headers["traceparent"] == TRACE, "without an SDK the message's own context travels on"
    assert request.extensions["timeout"]["read"] == CALL.timeout_s


@pytest.mark.parametrize("status", [400, 410, 413, 422])
@pytest.mark.parametrize(
    ("system", "origin"),
    [(System.ERP, Origin.ERP_RULE), (System.WMS, Origin.WMS_API), (System.TMS, Origin.TMS_API)],
)
async def test_a_refusal_is_final_and_has_its_origin(status: int, system: System, origin: Origin) -> None:
    body = {"code": "period_closed", "detail": "confidential detail"}
    error = await failure(lambda request: httpx.Response(status, json=body), system)
    assert isinstance(error, Refused)
    assert error.origin is origin
    assert str(error) == f"{system}: HTTP {status} period_closed"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"code": "a\\u0000b"}', "a?b"),
        (b'{"code": "a\\ud800b"}', "a?b"),
        (b'{"code": "a\\nb\\u202e"}', "a?b?"),
        (b'{"code": "gesperrt_\xc3\xa4"}', "gesperrt_ä"),
        (b'{"code": "' + b"x" * 900_000 + b'"}', "x" * 60),
        (b'{"code": "' + b"x" * 1_048_576 + b'"}', ""),
        (b'{"code": ["a"]}', ""),
        (b'{"code": ' * 100_000, ""),
        (b"[" * 50_000, ""),
        (b'{"code": ' + b"9" * 5_000 + b"}", ""),
        (b"\xff\xfe", ""),
    ],
)
async def test_a_refusal_counts_and_can_be_written_whatever_its_code(body: bytes, code: str) -> None:
    error = await failure(lambda _: httpx.Response(422, content=body))
    assert isinstance(error, Refused)
    assert str(error) == f"erp: HTTP 422 {code}".rstrip()


async def test_an_answer_that_comes_byte_by_byte_is_none() -> None:
    """Each byte is in time; the answer would never be."""

    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0.01)

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Drip()))
    async with SystemClient(of_endpoint(System.ERP, ENDPOINT), transport) as client:
        call = dataclasses.replace(CALL, timeout_s=0.05)
        with pytest.raises(Unavailable, match=r"^erp: no answer in 0\.05 s$"):
            await StandardErp(client).confirm_cancellation(MESSAGE, call)


PAGES: dict[str, Callable[[StandardStock], Awaitable[object]]] = {
    '{"figures": [{"place": "a%s", "item": "b", "packs": 1}]}': lambda port: port.stock("", 9, CALL),
    '{"figures": [{"place": "a", "item": "b%s", "packs": 1}]}': lambda port: port.stock("", 9, CALL),
    '{"orders": [{"order": "a%s", "status": "b"}]}': lambda port: port.orders("", 9, CALL),
    '{"orders": [{"order": "a", "status": "b%s"}]}': lambda port: port.orders("", 9, CALL),
    '{"keys": ["a%s"]}': lambda port: port.effects("", 9, CALL),
    '{"figures": [{"order": "a%s", "account": "b", "currency": "c", "amount": "1"}]}': lambda port: port.accounts(
        "", 9, CALL
    ),
    '{"figures": [{"order": "a", "account": "b%s", "currency": "c", "amount": "1"}]}': lambda port: port.accounts(
        "", 9, CALL
    ),
    '{"figures": [{"order": "a", "account": "b", "currency": "c%s", "amount": "1"}]}': lambda port: port.accounts(
        "", 9, CALL
    ),
    '{"figures": [{"item": "a%s", "site": "b", "packs": 1}]}': lambda port: port.demand("", 9, CALL),
    '{"figures": [{"item": "a", "site": "b%s", "packs": 1}]}': lambda port: port.demand("", 9, CALL),
    '{"orders": [{"order": "a%s"}]}': lambda port: port.targets("", 9, CALL),
    '{"orders": [{"order": "a", "lines": [{"line": 1, "item": "b%s", "quantity": 1}]}]}': lambda port: port.targets(
        "", 9, CALL
    ),
    '{"orders": [{"order": "a", "parts": [{"site": "b%s", "packs": 1}]}]}': lambda port: port.targets("", 9, CALL),
}
"""Pages of each list of a system's books, with a place for a blot."""


@pytest.mark.parametrize("page", PAGES)
async def test_a_list_with_what_cannot_be_written_is_no_list(page: str) -> None:
    async def ask(content: str) -> object:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content.encode()))
        async with SystemClient(of_endpoint(System.ERP, ENDPOINT), transport) as client:
            return await PAGES[page](StandardStock(client))

    assert await ask(page % "")
    for blot in ("\\u0000", "\\ud800", "x" * 1000):
        with pytest.raises(Unavailable, match="not of the contract"):
            await ask(page % blot)
    for number in ('"packs": 1', '"quantity": 1', '"amount": "1"'):
        if number in page:
            with pytest.raises(Unavailable):
                await ask((page % "").replace(number, number.replace("1", "1" + "0" * 40)))


async def test_a_page_may_be_as_long_as_its_orders_need() -> None:
    lines = [{"line": n, "item": f"ITEM-{n:08}", "quantity": 12, "revision": 3} for n in range(2_000)]
    page = {"orders": [{"order": f"SO-{n}", "lines": lines} for n in range(20)]}
    content = json.dumps(page).encode()
    assert len(content) > MAX_ANSWER_BYTES
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content))
    async with SystemClient(of_endpoint(System.ERP, ENDPOINT), transport) as client:
        found = await StandardStock(client).targets("", 20, CALL)
    assert found is not None
    assert len(found.orders) == 20


@pytest.mark.parametrize("status", [301, 401, 403, 404, 408, 409, 425, 429, 500, 502, 503, 504])
async def test_what_may_pass_is_tried_again(status: int) -> None:
    error = await failure(lambda request: httpx.Response(status, text="<html>confidential</html>"))
    assert isinstance(error, Unavailable)
    assert error.origin is Origin.ERP_API
    assert error.retry_after_s is None


@pytest.mark.parametrize(
    ("header", "wait_s"), [("3", 3.0), ("0.5", 0.5), ("99999", 120.0), ("-1", 0.0), ("soon", None), ("", None)]
)
async def test_retry_after_is_obeyed_within_reason(header: str, wait_s: float | None) -> None:
    error = await failure(lambda request: httpx.Response(429, headers={"Retry-After": header}))
    assert isinstance(error, Unavailable)
    assert error.retry_after_s == wait_s


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"OK",
        b"<html>confidential</html>",
        b"[]",
        b'{"ref": "x"}',
        b'{"reference": "' + b"x" * 1_048_576 + b'"}',
        b'{"reference": "' + b"x" * 900_000 + b'"}',
        b'{"reference": "' + b"x" * 201 + b'"}',
        b'{"reference": "a\\u0000b"}',
        b'{"reference": "a\\ud800b"}',
        b'{"reference": "a", "carrier": "a\\u0000b"}',
        b'{"reference": "a", "carrier": ""}',
        b"[" * 200_000,
        b'{"reference": ' * 100_000,
        b'{"reference": "\xff"}',
    ],
    ids=[
        "empty",
        "text",
        "html",
        "list",
        "another contract",
        "endless",
        "900 kB",
        "just too long",
        "NUL",
        "surrogate",
        "NUL carrier",
        "no carrier",
        "deep list",
        "deep object",
        "no UTF-8",
    ],
)
async def test_a_success_without_a_sensible_answer_is_no_success(content: bytes) -> None:
    error = await failure(lambda request: httpx.Response(200, content=content))
    assert isinstance(error, Unavailable)


@pytest.mark.parametrize(
    "fault",
    [httpx.ReadTimeout, httpx.ConnectTimeout, httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError],
)
async def test_silence_and_broken_connections_are_tried_again(fault: type[httpx.TransportError]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise fault("confidential: http://erp.test")

    error = await failure(answer)
    assert isinstance(error, Unavailable)
    assert str(error) == f"erp: {fault.__name__}"
