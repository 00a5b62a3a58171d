"""The connector against what a real Tryton 8.2 has answered (`make interop` records it anew with ARGS=--record)."""

import json

from connectors.registry import ADAPTERS
from connectors.routing import CallRouter
from tests.connectors.tryton.scenario import sales_calls, warehouse_calls
from tests.connectors.tryton.tape import RECORDED, Player
from tests.connectors.tryton.wiring import OneTryton

TAPE = json.loads(RECORDED.read_text())


async def test_a_warehouse_is_asked_the_same_and_its_answers_mean_the_same() -> None:
    player = Player(TAPE["warehouse"]["exchanges"])
    async with CallRouter(OneTryton(), ADAPTERS, player) as router:
        assert await warehouse_calls(router) == TAPE["warehouse"]["came_of"]
    assert player.left == []


async def test_an_erp_is_asked_the_same_and_its_answers_mean_the_same() -> None:
    player = Player(TAPE["sales"]["exchanges"])
    async with CallRouter(OneTryton(), ADAPTERS, player) as router:
        assert await sales_calls(router, *TAPE["sales"]["numbers"]) == TAPE["sales"]["came_of"]
    assert player.left == []


def test_the_real_one_says_what_the_stand_in_and_the_page_claim() -> None:
    exchanges = TAPE["warehouse"]["exchanges"]
    short = [
        it for it in exchanges if it["request"]["path"].endswith("assign_try") and it["said"]["state"] == "waiting"
    ]
    assert [it["status"] for it in short] == [200], "short stock is a success"
    assert any("short stock" in it for it in TAPE["warehouse"]["came_of"])
