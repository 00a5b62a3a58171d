"""A warehouse in Tryton: calls that come early, late, half-way, or while somebody else is at work."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
from pydantic import ValidationError

from connectors.ports import Call, Refused, Unavailable, WmsPort
from connectors.registry import ADAPTERS
from connectors.routing import CallRouter
from connectors.tryton import warehouse
from connectors.tryton.codes import ADDRESS, SHIPMENT
from connectors.tryton.settings import TrytonSettings
from schemas.base import Origin, System
from schemas.messaging.instructions import WarehouseCancellation, WarehouseHold
from tests.activities.unkeyed import Killed
from tests.connectors.conformance.bench import SECRET
from tests.connectors.tryton.scenario import amendment, instruction
from tests.connectors.tryton.stand_in import TrytonStandIn
from tests.connectors.tryton.wiring import OneTryton

NUMBER = "SO-1"


@dataclass
class Way(httpx.AsyncBaseTransport):
    """Counts changes; the caller dies before the one with this number."""

    tryton: TrytonStandIn
    dies_at: int = -1
    changes: int = 0
    meanwhile: dict[str, str] = field(default_factory=dict)
    """By button: the state that somebody else brings every shipment to just before it is pushed."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        if request.method != "GET":
            if self.changes == self.dies_at:
                raise Killed
            self.changes += 1
            if state := self.meanwhile.pop(request.url.path.rpartition("/")[2], None):
                for row in self.tryton.rows[SHIPMENT].values():
                    row["state"] = state
        return await self.tryton.answer(request)


@pytest.fixture
def way() -> Way:
    """The way to a small Tryton that has the item of the scenario."""
    tryton = TrytonStandIn()
    tryton.add("product.product", code="SKU-1", default_uom=1, type="goods", quantity=tryton.stock)
    tryton.rows["party.party"][1]["code"] = "C-001"
    return Way(tryton)


@pytest.fixture
async def port(way: Way) -> AsyncIterator[WmsPort]:
    """The connector."""
    async with CallRouter(OneTryton(key=SECRET), ADAPTERS, way) as router:
        yield router.port(WmsPort, System.WMS)


def call(what: str, *, repeated: bool = False) -> Call:
    """A call about the order."""
    return Call("LYS", f"erp-one/{NUMBER}/{what}", repeated=repeated)


def only(way: Way) -> tuple[str, float]:
    """State and packs of the one shipment."""
    [shipment] = way.tryton.rows[SHIPMENT].values()
    moves = way.tryton.rows["stock.move"]
    return shipment["state"], sum(moves[it]["quantity"] for it in shipment["outgoing_moves"])


async def test_whoever_dies_before_any_of_its_changes_leaves_one_shipment(
    way: Way, port: WmsPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse, "LIST_LAG_S", 0.0)  # the stand-in shows at once what it has
    await port.instruct(instruction(NUMBER, 2), call("instruct"))
    await port.amend(amendment(NUMBER, 5, 3), call("amend"))
    in_all = way.changes
    assert in_all > 8, "address, shipment, buttons, notes"
    for dies_at in range(in_all):
        again = Way(TrytonStandIn(), dies_at)
        again.tryton.rows["product.product"][1]["code"] = "SKU-1"
        again.tryton.rows["party.party"][1]["code"] = "C-001"
        async with CallRouter(OneTryton(key=SECRET), ADAPTERS, again) as router:
            await both(router.port(WmsPort, System.WMS), again)
        assert only(again) == ("assigned", 5), dies_at
        assert len(again.tryton.rows[ADDRESS]) == 2, "one address was created"
        assert len(again.tryton.rows["ir.note"]) == 2


async def both(port: WmsPort, way: Way) -> None:
    """An instruction and an amendment; a caller that dies is followed by the next."""

    async def instruct(*, repeated: bool) -> None:
        await port.instruct(instruction(NUMBER, 2), call("instruct", repeated=repeated))

    async def amend(*, repeated: bool) -> None:
        await port.amend(amendment(NUMBER, 5, 3), call("amend", repeated=repeated))

    for ask in (instruct, amend):
        try:
            await ask(repeated=False)
        except Killed:
            way.dies_at = -1
            await ask(repeated=True)


async def test_what_comes_before_the_instruction_counts(way: Way, port: WmsPort) -> None:
    await port.amend(amendment(NUMBER, 5, 3), call("amend"))
    await port.hold(WarehouseHold(order=NUMBER, revision=4, on=True), call("hold"))
    await port.instruct(instruction(NUMBER, 2), call("instruct"))
    assert only(way) == ("draft", 5)
    await port.hold(WarehouseHold(order=NUMBER, revision=5, on=False), call("resume"))
    assert only(way) == ("assigned", 5)


async def test_after_a_cancellation_nothing_is_wanted(way: Way, port: WmsPort) -> None:
    await port.cancel(WarehouseCancellation(order=NUMBER, revision=1, reason="off"), call("cancel"))
    assert (await port.instruct(instruction(NUMBER, 2), call("instruct"))).superseded
    assert SHIPMENT not in way.tryton.rows or not way.tryton.rows[SHIPMENT]


async def test_short_stock_is_refused_though_the_answer_is_a_success(way: Way, port: WmsPort) -> None:
    way.tryton.stock = 1.0
    with pytest.raises(Refused, match="short stock") as refused:
        await port.instruct(instruction(NUMBER, 2), call("instruct"))
    assert refused.value.origin is Origin.WMS_API
    way.tryton.stock = 9.0
    await port.instruct(instruction(NUMBER, 2), call("instruct"))
    assert only(way) == ("assigned", 2)


async def test_what_is_picked_or_has_left_is_refused(way: Way, port: WmsPort) -> None:
    await port.instruct(instruction(NUMBER, 2), call("instruct"))
    [shipment] = way.tryton.rows[SHIPMENT].values()
    shipment["state"] = "picked"
    with pytest.raises(Refused, match="is picked"):
        await port.amend(amendment(NUMBER, 5, 3), call("amend"))
    shipment["state"] = "shipped"
    with pytest.raises(Refused, match="is shipped"):
        await port.cancel(WarehouseCancellation(order=NUMBER, revision=4, reason="off"), call("cancel"))


async def test_a_shipment_that_somebody_else_moves_is_come_back_to(way: Way, port: WmsPort) -> None:
    """Tryton answers 400, as to a broken rule."""
    await port.instruct(instruction(NUMBER, 2), call("instruct"))
    way.meanwhile["cancel"] = "done"
    with pytest.raises(Unavailable, match="moved at the same time"):
        await port.cancel(WarehouseCancellation(order=NUMBER, revision=4, reason="off"), call("cancel"))


def test_codes_are_read_from_a_mapping_and_from_text() -> None:
    assert TrytonSettings.model_validate({"warehouses": "LYS=WH, PAR=P2"}) == TrytonSettings(
        warehouses={"LYS": "WH", "PAR": "P2"}
    )
    for broken in ("LYS", "=WH", "ly=WH"):
        with pytest.raises(ValidationError):
            TrytonSettings.model_validate({"warehouses": broken})


async def test_an_unknown_party_or_item_is_refused_by_its_name(way: Way, port: WmsPort) -> None:
    del way.tryton.rows["product.product"][2]
    with pytest.raises(Refused, match="unknown item SKU-1"):
        await port.instruct(instruction(NUMBER, 2), call("instruct"))
    del way.tryton.rows["party.party"][1]
    with pytest.raises(Refused, match="unknown party C-001"):
        await port.instruct(instruction(NUMBER, 2), call("instruct"))
