"""Tenders at the stand-in: what is booked, what is left, and what is said of it."""

from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import pytest

from connectors.karrio.adapter import KARRIO
from connectors.karrio.client import KarrioTms
from connectors.karrio.mapping import MAX_REFERENCE, bounded, reference_of
from connectors.ports import Call, ConnectorError, Refused, TmsPort, Unavailable
from connectors.routing import link_of
from schemas.messaging.instructions import ReturnCollection, Tender, TenderAmendment, TenderVoid
from schemas.orders.release import Party
from tests.connectors.karrio.stand_in import KNOWN, KarrioStandIn

DAY = date(2026, 6, 1)
PARTY = Party(id="C-1", name="Acme", country="DE", address="Hauptstr. 1, 10115 Berlin")


def port(stand_in: KarrioStandIn, **settings: Any) -> KarrioTms:
    """The connector on a stand-in."""
    connection = stand_in.connection
    changed = replace(connection, settings={**connection.settings, **settings})
    made: KarrioTms = KARRIO.ports[TmsPort](link_of(KARRIO, changed, httpx.MockTransport(stand_in.answer)))
    return made


def call(what: str, *, order: str = "SO-1", repeated: bool = False) -> Call:
    """A call as the executor makes it."""
    return Call("EMEA", f"erp-one/{order}/{what}", repeated=repeated)


def tender(order: str = "SO-1", **changed: Any) -> Tender:
    """Some packs for a customer."""
    said: dict[str, Any] = {"ship_from": PARTY, "ship_to": PARTY, "packs": 3, "promised_on": DAY, "revision": 1}
    return Tender(order=order, **(said | changed))


def live(stand_in: KarrioStandIn) -> list[str]:
    """What a carrier would come for."""
    return [id for id, it in stand_in.shipments.items() if it["status"] == "created"]


async def test_a_tender_of_a_higher_revision_replaces_the_booking() -> None:
    stand_in = KarrioStandIn()
    done = await port(stand_in).tender(tender(), call("again"))
    assert live(stand_in) == [done.reference]
    assert stand_in.shipments[KNOWN]["status"] == "cancelled"


async def test_an_older_tender_and_one_before_a_void_change_nothing() -> None:
    stand_in = KarrioStandIn()
    desk = port(stand_in)
    await desk.tender(tender(revision=5), call("newer"))
    before = live(stand_in)
    assert (await desk.tender(tender(revision=4), call("older"))).superseded
    assert live(stand_in) == before
    await desk.void(TenderVoid(order="SO-1", revision=6, reason="off"), call("void"))
    assert (await desk.tender(tender(revision=5), call("late"))).superseded
    assert live(stand_in) == []


async def test_orders_whose_number_begins_alike_are_left_alone() -> None:
    stand_in = KarrioStandIn()
    stand_in.shipments[KNOWN]["reference"] = "erp-one/SO-10"
    done = await port(stand_in).tender(tender(), call("tender_transport"))
    await port(stand_in).void(TenderVoid(order="SO-1", revision=9, reason="off"), call("void"))
    assert live(stand_in) == [KNOWN]
    assert stand_in.shipments[done.reference]["status"] == "cancelled"


async def test_an_attempt_that_ended_halfway_is_gone_on_with() -> None:
    stand_in, transport = KarrioStandIn(), list[httpx.Request]()

    async def failing(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/purchase") and not transport:
            transport.append(request)
            raise httpx.ConnectError("no route")
        return await stand_in.answer(request)

    desk: KarrioTms = KARRIO.ports[TmsPort](link_of(KARRIO, stand_in.connection, httpx.MockTransport(failing)))
    with pytest.raises(Unavailable):
        await desk.tender(tender(), call("t"))
    assert live(stand_in) == [KNOWN], "the old one stays until there is a new one"
    await desk.tender(tender(), call("t", repeated=True))
    assert len(stand_in.shipments) == 2, "another draft was made"
    assert len(live(stand_in)) == 1


async def test_a_purchase_that_is_still_under_way_is_waited_for() -> None:
    """The first attempt was given up while Karrio was at the carrier; it is done during the second."""
    stand_in = KarrioStandIn()
    bought, reached = list[httpx.Request](), list[httpx.Request]()

    async def slow(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/purchase"):
            bought.append(request)
            raise httpx.ReadTimeout("it takes long")
        if bought and request.method == "GET" and request.url.path.endswith("shp_1"):
            reached.append(request)
            if len(reached) == 3:  # one look after the time-out, then the second of the next attempt
                await stand_in.answer(bought[0])
        return await stand_in.answer(request)

    async def no_pause(_: float) -> None:
        return None

    link = link_of(KARRIO, stand_in.connection, httpx.MockTransport(slow))
    desk = replace(KARRIO.ports[TmsPort](link), pause=no_pause)
    with pytest.raises(Unavailable):
        await desk.tender(tender(), call("t"))
    done = await desk.tender(tender(), call("t", repeated=True))
    assert len(bought) == 1, "the carrier would come twice"
    assert live(stand_in) == [done.reference]


async def test_of_two_drafts_of_a_call_one_is_bought() -> None:
    stand_in = KarrioStandIn()
    desk = port(stand_in)
    order = desk._order("erp-one/SO-1", call("t"), 1, 3, (), notes={}, shipper={}, recipient={})
    for _ in range(2):
        await desk.shipments.create(order.body, call("t"))
    done = await desk.tender(tender(), call("t"))
    assert live(stand_in) == [done.reference]
    assert [it["status"] for it in stand_in.shipments.values()].count("draft") == 0


async def test_what_was_picked_up_stays_and_counts() -> None:
    stand_in = KarrioStandIn()
    stand_in.shipments[KNOWN]["status"] = "in_transit"
    desk = port(stand_in)
    with pytest.raises(Refused, match="picked_up"):
        await desk.void(TenderVoid(order="SO-1", revision=2, reason="off"), call("void"))
    await desk.amend(TenderAmendment(order="SO-1", packs=50, revision=3), call("amend"))
    [new] = live(stand_in)
    assert len(stand_in.shipments[new]["parcels"]) == 8, "42 of 50 packs have left"
    await desk.amend(TenderAmendment(order="SO-1", packs=42, revision=4), call("amend/4"))
    assert live(stand_in) == []


async def test_a_carrier_that_is_faster_than_the_change_keeps_the_goods() -> None:
    stand_in = KarrioStandIn()

    async def picking_up(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(f"{KNOWN}/cancel"):
            stand_in.shipments[KNOWN]["status"] = "in_transit"
        return await stand_in.answer(request)

    desk: KarrioTms = KARRIO.ports[TmsPort](link_of(KARRIO, stand_in.connection, httpx.MockTransport(picking_up)))
    with pytest.raises(Refused, match="picked_up"):
        await desk.amend(TenderAmendment(order="SO-1", packs=50, revision=3), call("amend"))
    assert live(stand_in) == [], "two would come"


async def test_no_rate_in_time_is_refused_and_leaves_no_draft() -> None:
    stand_in = KarrioStandIn()
    with pytest.raises(Refused, match="no_rate_in_time"):
        await port(stand_in).tender(tender(promised_on=date(2026, 5, 20)), call("t"))
    assert live(stand_in) == [KNOWN]
    assert "draft" not in {it["status"] for it in stand_in.shipments.values()}


async def test_our_names_of_carriers_are_ours_on_both_ways() -> None:
    stand_in = KarrioStandIn()
    desk = port(stand_in, carriers={"acme-road": "north"})
    done = await desk.tender(tender(carrier="acme-road"), call("t"))
    assert done.carrier == "acme-road"
    assert stand_in.shipments[done.reference]["carrier_ids"] == ["north"]


async def test_addresses_are_taken_apart_by_the_pattern_and_sites_have_their_own() -> None:
    stand_in = KarrioStandIn()
    pattern = r"(?P<street>.+), (?P<postal_code>\d+) (?P<city>.+)"
    desk = port(stand_in, address_pattern=pattern)
    done = await desk.tender(tender(ship_from=Party(id="LYS", country="FR")), call("t"))
    booked = stand_in.shipments[done.reference]
    assert (booked["recipient"]["postal_code"], booked["recipient"]["city"]) == ("10115", "Berlin")
    assert booked["recipient"]["address_line1"] == "Hauptstr. 1"
    assert booked["shipper"]["city"] == "Lyon"


async def test_a_return_label_is_told_outward() -> None:
    stand_in = KarrioStandIn()
    back = ReturnCollection(order="SO-1", rma="RMA-1", ship_from=PARTY, site="LYS", packs=2)
    plain = await port(stand_in).collect_return(back, call("collect"))
    assert stand_in.shipments[plain.reference]["recipient"]["city"] == "Lyon"
    label = await port(stand_in, return_labels=True).collect_return(back, call("collect/2"))
    booked = stand_in.shipments[label.reference]
    assert (booked["is_return"], booked["shipper"]["city"]) == (True, "Lyon")
    with pytest.raises(Refused, match="no address of the site MUC") as refused:
        await port(stand_in).collect_return(back.model_copy(update={"site": "MUC"}), call("collect/3"))
    assert refused.value.origin == "platform"


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (
            400,
            {"errors": [{"code": "validation", "message": "recipient.city: Max Mustermann"}]},
            Refused,
            "recipient.city",
        ),
        (424, {"messages": [{"code": "BAD_ZIP", "message": "Max"}]}, Refused, "BAD_ZIP"),
        (424, {"messages": [{"code": "timeout", "message": "Max"}]}, Unavailable, "timeout"),
        (
            404,
            {"errors": [{"code": "not_found", "message": "No active carrier connection found"}]},
            Refused,
            "no_carrier",
        ),
        (404, {"errors": [{"code": "not_found", "message": "Shipment not found"}]}, Unavailable, "HTTP 404"),
        (500, {"errors": [{"code": "x", "message": "Max"}]}, Unavailable, "HTTP 500"),
        (
            429,
            {"errors": [{"code": "throttled", "message": "Expected available in 2 seconds."}]},
            Unavailable,
            "HTTP 429",
        ),
    ],
)
async def test_failures_say_what_karrio_said_and_nothing_personal(
    status: int, body: dict[str, Any], kind: type[ConnectorError], said: str
) -> None:
    stand_in = KarrioStandIn()

    async def failing(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(status, json=body, headers={"Retry-After": "2"} if status == 429 else {})
        return await stand_in.answer(request)

    desk: KarrioTms = KARRIO.ports[TmsPort](link_of(KARRIO, stand_in.connection, httpx.MockTransport(failing)))
    with pytest.raises(ConnectorError, match=said) as error:
        await desk.tender(tender(), call("t"))
    assert type(error.value) is kind
    assert "Max" not in str(error.value)
    if status == 429:
        assert isinstance(error.value, Unavailable)
        assert error.value.retry_after_s == 2


def test_a_reference_names_erp_order_and_site_and_never_grows_too_long() -> None:
    assert reference_of("erp-one/SO-1/tender_transport/2", "SO-1", "PAR") == "erp-one/SO-1@PAR"
    long = f"erp-one/SO-1/{'R' * 120}"
    assert len(bounded(long)) <= MAX_REFERENCE
    assert bounded(long) != bounded(f"{long}x")
