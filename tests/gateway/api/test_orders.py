"""An order as its parties see it."""

from datetime import UTC, datetime

from tests.gateway.harness import Gateway
from tests.gateway.messages import release

ORDER = "/v1/orders/PO-1"


async def _with_effect(gateway: Gateway) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    async with gateway.database.connection() as connection:
        await connection.execute(
            "INSERT INTO effect (key, order_key, system, operation, shipment, outcome, attempts, error, accepted_at) "
            "VALUES ('k', 'erp-one/PO-1', 'tms', 'tender_transport', '', 'planned', 2, 'HTTP 500', %s)",
            (datetime.now(UTC),),
        )


async def test_the_erp_and_support_see_the_effects(gateway: Gateway) -> None:
    await _with_effect(gateway)
    for caller in ("erp-one", "helpdesk", "root"):
        order = (await gateway.get(ORDER, caller)).json()
        assert order["key"] == "erp-one/PO-1"
        assert [effect["error"] for effect in order["effects"]] == ["HTTP 500"]


async def test_other_parties_see_the_order_without_effects_and_addresses(gateway: Gateway) -> None:
    await _with_effect(gateway)
    for caller in ("wms-dc1", "tms", "dhl"):
        answer = await gateway.get(ORDER, caller)
        assert answer.status_code == 200
        assert "effects" not in answer.json()
        assert "HTTP 500" not in answer.text
        assert "Hidden" not in answer.text


async def test_somebody_elses_order_is_not_there_and_the_attempt_is_audited(gateway: Gateway) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    hidden = await gateway.get(ORDER, "ups")
    absent = await gateway.get("/v1/orders/PO-2", "ups")

    assert hidden.status_code == absent.status_code == 404
    assert {**hidden.json(), "instance": ""} == {**absent.json(), "instance": ""}
    assert await gateway.rows("SELECT actor, action, subject FROM audit_entry") == [
        {"actor": "ups", "action": "access_denied", "subject": "erp-one/PO-1"}
    ]


async def test_a_number_that_several_erps_use_must_be_qualified(gateway: Gateway) -> None:
    for erp in ("erp-one", "erp-two"):
        await gateway.post("/v1/orders", erp, release())

    ambiguous = await gateway.get(ORDER, "dhl")
    assert ambiguous.status_code == 409
    assert "erp-one, erp-two" in ambiguous.json()["detail"]
    assert (await gateway.get(ORDER + "?erp=erp-two", "dhl")).json()["erp"] == "erp-two"
    assert (await gateway.get(ORDER, "erp-one")).json()["erp"] == "erp-one"


async def test_names_that_cannot_be_names_are_refused(gateway: Gateway) -> None:
    for path in ("/v1/orders/a%00b", "/v1/orders/" + "x" * 41, "/v1/orders/%ff", ORDER + "?erp=NO%00"):
        assert (await gateway.get(path, "helpdesk")).status_code == 422, path


async def test_support_sees_what_the_order_waits_for(gateway: Gateway) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    seen = (await gateway.get(ORDER, "helpdesk")).json()
    assert (seen["awaited"], seen["due_at"]) == ("pick-up", "2026-03-06T12:00:00Z")
    assert seen["failure"] == "tms refused tender_transport"
    assert "awaited" not in (await gateway.get(ORDER, "dhl")).json()
    gateway.handoff.up = False
    without = await gateway.get(ORDER, "helpdesk")
    assert (without.status_code, "awaited" in without.json()) == (200, False)
