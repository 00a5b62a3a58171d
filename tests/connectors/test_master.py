"""Master data in the Syncline REST API: a record, none, or no answer; never somebody else's record."""

from collections.abc import Callable
from decimal import Decimal

import httpx
import pytest
from pydantic import SecretStr

from connectors.connections import of_endpoint
from connectors.http.client import SystemClient
from connectors.ports import Call, Unavailable
from connectors.standard.master import StandardMasterData
from schemas.base import System, Unit
from schemas.partners.master_data import Conversion, Item, MasterKind, MasterRecord
from schemas.settings import Endpoint

ENDPOINT = Endpoint(url="http://erp.test/{id}", token=SecretStr("secret"))


async def look_up(answer: Callable[[httpx.Request], httpx.Response], id: str = "A") -> MasterRecord | None:
    """Ask an ERP that answers so."""
    async with SystemClient(of_endpoint(System.ERP, ENDPOINT), httpx.MockTransport(answer)) as client:
        return await StandardMasterData(client).look_up(MasterKind.ITEM, id, Call("erp-one", "k"))


async def test_a_record_is_read_at_its_address() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"id": "A/1 ?#", "units": [{"unit": "KGM", "base": 2.5}], "news": True})

    assert await look_up(answer, "A/1 ?#") == Item(
        id="A/1 ?#", units=(Conversion(unit=Unit.KILOGRAM, base=Decimal("2.5")),)
    )
    [request] = seen
    assert (request.method, request.url.raw_path) == ("GET", b"/erp-one/v1/master/item/A%2F1%20%3F%23")
    assert request.headers["authorization"] == "Bearer secret"


async def test_404_says_that_there_is_none() -> None:
    assert await look_up(lambda _: httpx.Response(404)) is None


@pytest.mark.parametrize(
    "answer", [httpx.Response(503), httpx.Response(200, text="OK"), httpx.Response(200, json={"id": "B"})]
)
async def test_anything_else_is_no_answer(answer: httpx.Response) -> None:
    with pytest.raises(Unavailable):
        await look_up(lambda _: answer)
