"""The pages of partners: everybody who is connected, what describes one, and no secret."""

import html

import pytest

from schemas.settings import Endpoint
from tests.gateway.api.test_partners import LIVE, apply
from tests.gateway.harness import Gateway, gateway_on


async def text(gateway: Gateway, path: str, partner: str = "helpdesk", status: int = 200) -> str:
    """A page as it is read."""
    page = await gateway.get(path, partner)
    assert page.status_code == status, page.text
    return " ".join(html.unescape(page.text).split())


async def test_the_list_has_everybody_who_is_connected(database_url: str) -> None:
    async with gateway_on(database_url, erp={"*": Endpoint(url="http://erp.test", token="t0p-s3cr3t")}) as gateway:
        await apply(gateway, LIVE)
        page = await text(gateway, "/tower/partners")
        for said in ("north-3pl", "api · live", "instructions · draft", "env-erp", "any · live", "Its keys only"):
            assert said in page, said
        own = await text(gateway, "/tower/partners/env-erp")
        assert "http://erp.test" in own
        assert "env:SYNCLINE_ERP" in own
        assert "t0p-s3cr3t" not in page + own


async def test_one_partner_is_shown_with_its_terms_and_versions(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await apply(gateway, {**LIVE, "name": "<b>North</b>"})
    await gateway.post("/v1/partners/north-3pl/pause", "root", {"reason": "their works"})
    page = await text(gateway, "/tower/partners/north-3pl")
    for said in ("RDC-EMEA", "gln 4012345000009", "Paused", "their works", "connections[api].state", "DE-BE"):
        assert said in page, said
    raw = (await gateway.get("/tower/partners/north-3pl", "helpdesk")).text
    assert "<b>North" not in raw


async def test_partners_are_for_support_and_an_unknown_one_is_said_so(gateway: Gateway) -> None:
    for path in ("/tower/partners", "/tower/partners/dhl"):
        assert "looked after by support" in await text(gateway, path, "planner", 403)
        await text(gateway, path, "root")
    assert "Nothing in the registry has described it yet" in await text(gateway, "/tower/partners/dhl")
    assert "nobody" in await text(gateway, "/tower/partners/nobody", "root", 404)
