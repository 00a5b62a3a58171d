"""The stand-in ERP's master data: everything is known but what is new, and faults befall it as they do others."""

from schemas.base import System
from simulators.faults import Faults
from tests.simulators.network import Systems


async def test_everything_is_known_but_what_is_new(sims: Systems) -> None:
    path = "/erp/erp-main/v1/master/item"
    assert (await sims.client.get(f"{path}/A%2F1")).json()["id"] == "A/1"
    assert (await sims.client.get(f"{path}/NEW-1")).status_code == 404
    assert (await sims.client.put("/erp/erp-main/master/item/NEW-1")).status_code == 201
    assert (await sims.client.get(f"{path}/NEW-1")).json()["active"] is True
    assert (await sims.client.get("/erp/erp-two/v1/master/item/NEW-1")).status_code == 404, "each ERP has its own"
    asked = (await sims.client.get("/erp/erp-main/master")).json()["times"]
    assert asked == {"item/A/1": 1, "item/NEW-1": 2}


async def test_an_outage_befalls_it(sims: Systems) -> None:
    await sims.client.put(f"/{System.ERP}/faults", content=Faults(outage=True).model_dump_json())
    assert (await sims.client.get("/erp/erp-main/v1/master/item/A")).status_code == 503
