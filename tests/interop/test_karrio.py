"""A real Karrio as the transport desk: what our adapter did is counted in Karrio's own records.

Answers are lost after Karrio has committed, calls come twice and at once. `make interop ARGS=--record` writes the
exchanges of one run, without secrets, for `tests/connectors/karrio/`.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from connectors.adapters import AdapterLink
from connectors.connections import ConnectionSettings
from connectors.karrio.adapter import KARRIO
from connectors.karrio.client import KarrioTms
from connectors.karrio.polling import TrackerPoll
from connectors.karrio.tracking import of_webhook
from connectors.karrio.webhooks import WebhookCare, WebhookState
from connectors.ports import Call, Refused, TmsPort, Unavailable
from connectors.routing import link_of
from schemas.authentication import BearerToken
from schemas.base import System
from schemas.messaging.instructions import Accepted, ReturnCollection, Tender, TenderAmendment, TenderVoid
from schemas.orders.milestones import MilestoneKind
from schemas.orders.release import Party
from tests.connectors.karrio.recording import RECORDED, Recorder
from tests.interop.figures import note
from tests.interop.systems.karrio import RealKarrio, asking
from tests.interop.systems.protocol import StartedSystem
from tests.stack.standins import until

pytestmark = pytest.mark.interop
SETTINGS = {
    "pack_weight_kg": "2.5",
    "packs_per_parcel": 50,
    "sites": {"LYS": {"name": "Lyon", "address_line1": "1 quai", "city": "Lyon", "country_code": "FR"}},
}
ORDERS = count(1)
FIGURES = Counter({"orders compared": 0, "answers lost": 0, "missing": 0, "duplicate": 0})
CUSTOMER = Party(id="C-1", name="Größe 東京", country="JP", address="1 丸の内, Tokyo")
ATTEMPTS = 5
"""As many as a busy machine may need; an attempt too many is none that counts."""
FAILURES = 6
"""After so many in a row, Karrio switches a webhook off."""


@dataclass
class LosingTransport(httpx.AsyncBaseTransport):
    """Drops the answer of the first request whose path ends so, after Karrio has done it."""

    ends: str = ""
    method: str = "POST"
    inner: httpx.AsyncBaseTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        self.inner = self.inner or httpx.AsyncHTTPTransport()
        answer = await self.inner.handle_async_request(request)
        if self.ends and request.method == self.method and request.url.path.endswith(self.ends):
            self.ends = ""
            FIGURES["answers lost"] += 1
            await answer.aread()
            raise httpx.ReadError("connection reset")
        return answer

    async def aclose(self) -> None:
        """See httpx."""
        if self.inner:
            await self.inner.aclose()


async def executed(ask: Callable[[Any, Call], Awaitable[Accepted]], message: Any, call: Call) -> Accepted:
    """A call as the executor makes it: again under its key while Karrio is away. On SQLite it answers 500 now and then,
    when another process holds the database."""
    for _ in range(ATTEMPTS):
        try:
            return await ask(message, call)
        except Unavailable:
            call = replace(call, repeated=True)
            await asyncio.sleep(0.2)
    return await ask(message, call)


@dataclass
class Desk:
    """Our adapter, and Karrio's own records beside it."""

    link: AdapterLink
    port: KarrioTms
    transport: LosingTransport
    books: httpx.Client

    def shipments(self, order: str) -> list[dict[str, Any]]:
        """What Karrio has of an order."""
        found = self.books.get("/v1/shipments", params={"reference": f"erp-one/{order}", "limit": 100}).json()
        return [it for it in found["results"] if it["reference"].split("/")[1].split("@")[0] == order]

    def live(self, order: str, wanted: int = 1) -> list[dict[str, Any]]:
        """What a carrier would come for. It is counted against what is wanted."""
        found = [it for it in self.shipments(order) if it["status"] == "created"]
        FIGURES["orders compared"] += 1
        FIGURES["missing"] += max(0, wanted - len(found))
        FIGURES["duplicate"] += max(0, len(found) - wanted)
        return found


def made(started: StartedSystem, transport: httpx.AsyncBaseTransport) -> AdapterLink:
    """Our side of a connection to it."""
    login = BearerToken(token=SecretStr(started.secrets["key"]), word="Token")
    return link_of(KARRIO, ConnectionSettings("tms/*", System.TMS, started.url, "karrio", login, SETTINGS), transport)


@pytest.fixture(scope="module")
def karrio() -> Iterator[RealKarrio]:
    """A real Karrio."""
    system = RealKarrio()
    system.install()
    yield system
    system.stop()


@pytest.fixture(scope="module")
def started(karrio: RealKarrio) -> Iterator[StartedSystem]:
    """It listens; at the end, what was counted is noted."""
    began = karrio.start()
    yield began
    note("karrio", began.version, "tenders, amendments, voids, returns, tracking", FIGURES)


@pytest_asyncio.fixture
async def desk(started: StartedSystem) -> AsyncIterator[Desk]:
    """Our adapter on it."""
    transport = LosingTransport()
    link = made(started, transport)
    with asking(started.url, started.secrets["key"]) as books:
        yield Desk(link, KARRIO.ports[TmsPort](link), transport, books)
    await link.client.aclose()


def call(order: str, operation: str, *, repeated: bool = False) -> Call:
    """A call as the executor makes it; more time, since the machine may be busy."""
    return Call("EMEA", f"erp-one/{order}/{operation}", timeout_s=20.0, repeated=repeated)


def tender(order: str, **changed: Any) -> Tender:
    """Some packs for a customer, by next week."""
    soon = (datetime.now(UTC) + timedelta(days=7)).date()
    said: dict[str, Any] = {"ship_from": CUSTOMER, "ship_to": CUSTOMER, "packs": 42, "promised_on": soon, "revision": 1}
    return Tender(order=order, **(said | changed))


def number() -> str:
    """An order of its own for each test."""
    return f"SO-{next(ORDERS)}"


@pytest.mark.parametrize("lost", ["/v1/shipments", "/purchase"])
async def test_a_tender_whose_answer_is_lost_is_booked_once(desk: Desk, lost: str) -> None:
    order, desk.transport.ends = number(), lost
    first = await executed(desk.port.tender, tender(order), call(order, "tender_transport"))
    again = await executed(desk.port.tender, tender(order), call(order, "tender_transport", repeated=True))
    assert len(desk.shipments(order)) == 1
    [booked] = desk.live(order)
    assert (first.reference, first.carrier) == (booked["id"], booked["carrier_id"])
    assert (again.reference, again.replayed) == (booked["id"], True)


async def test_two_at_once_leave_one_booking(desk: Desk) -> None:
    for _ in range(5):
        order = number()
        both = (executed(desk.port.tender, tender(order), call(order, "tender_transport")) for _ in range(2))
        await asyncio.gather(*both)
        await executed(desk.port.tender, tender(order), call(order, "tender_transport", repeated=True))
        assert len(desk.live(order)) == 1
        assert {it["status"] for it in desk.shipments(order)} <= {"created", "cancelled"}, "a draft is left"


async def test_the_carrier_that_is_wanted_gets_it(desk: Desk) -> None:
    order = number()
    done = await executed(desk.port.tender, tender(order, carrier="south"), call(order, "tender_transport"))
    assert done.carrier == "south"
    with pytest.raises(Refused, match="no_carrier_connection"):
        await executed(desk.port.tender, tender(order, carrier="west", revision=2), call(order, "tender_transport/2"))
    with pytest.raises(Refused, match="no_rate_in_time"):
        await executed(
            desk.port.tender,
            tender(order, promised_on=datetime.now(UTC).date(), revision=3),
            call(order, "tender_transport/3"),
        )
    assert [it["carrier_id"] for it in desk.live(order)] == ["south"]


@pytest.mark.parametrize("lost", ["", "/v1/shipments", "/purchase", "/cancel"])
async def test_an_amendment_replaces_the_booking(desk: Desk, lost: str) -> None:
    order = number()
    await executed(desk.port.tender, tender(order), call(order, "tender_transport"))
    desk.transport.ends = lost
    fewer = TenderAmendment(order=order, packs=100, revision=2, reason="more")
    done = await executed(desk.port.amend, fewer, call(order, "amend_tender"))
    again = await executed(desk.port.amend, fewer, call(order, "amend_tender", repeated=True))
    [booked] = desk.live(order)
    assert (done.reference, again.reference, again.replayed) == (booked["id"], booked["id"], True)
    assert [it["weight"] for it in booked["parcels"]] == [125.0, 125.0]
    late = await executed(desk.port.tender, tender(order), call(order, "another"))
    assert late.superseded
    assert len(desk.live(order)) == 1


@pytest.mark.parametrize("lost", ["", "/graphql", "/cancel"])
async def test_a_void_cancels_and_says_why(desk: Desk, lost: str) -> None:
    order = number()
    await executed(desk.port.tender, tender(order), call(order, "tender_transport"))
    desk.transport.ends = lost
    void = TenderVoid(order=order, revision=2, reason="Kunde will nicht")
    await executed(desk.port.void, void, call(order, "void_tender"))
    assert (await executed(desk.port.void, void, call(order, "void_tender", repeated=True))).replayed
    [left] = desk.shipments(order)
    assert (left["status"], desk.live(order, 0)) == ("cancelled", [])
    assert left["metadata"]["syncline_reason"] == "Kunde will nicht"
    assert (await executed(desk.port.tender, tender(order), call(order, "late"))).superseded, "it came before the void"
    assert (await executed(desk.port.tender, tender(order, revision=3), call(order, "anew"))).carrier
    assert len(desk.live(order)) == 1


async def test_a_return_is_collected_once(desk: Desk) -> None:
    order = number()
    back = ReturnCollection(order=order, rma="RMA-1", ship_from=CUSTOMER, site="LYS", packs=2)
    done = await executed(desk.port.collect_return, back, call(order, "collect_return"))
    assert (await executed(desk.port.collect_return, back, call(order, "collect_return", repeated=True))).replayed
    [booked] = desk.live(order)
    assert (booked["id"], booked["recipient"]["city"]) == (done.reference, "Lyon")


class Receiver(BaseHTTPRequestHandler):
    """Takes webhooks, or fails; what it got stands in `bodies`."""

    bodies: list[dict[str, Any]] = []  # noqa: RUF012 - of the one server of this module
    fails = False

    def do_POST(self) -> None:
        """Take one."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.bodies.append(body)
        self.send_response(500 if type(self).fails else 200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[str]:
    """The address of a receiver of webhooks."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hooks"
    server.shutdown()
    thread.join()
    server.server_close()


def event(minute: int, status: str | None, code: str) -> dict[str, Any]:
    """A tracking event."""
    at = f"2026-05-04T10:{minute:02}:00Z"
    return {"date": at[:10], "time": at[11:16], "timestamp": at, "status": status, "code": code, "location": "Lyon"}


async def test_a_webhook_that_was_switched_off_is_noticed_and_what_it_missed_is_polled(
    desk: Desk, karrio: RealKarrio, receiver: str
) -> None:
    order, care = number(), WebhookCare(desk.link.client, receiver)
    assert (await care.repair(call("", ""))).state is WebhookState.MISSING
    assert (await care.repair(call("", ""))).state is WebhookState.WORKS
    done = await executed(desk.port.tender, tender(order), call(order, "tender_transport"))
    tracker = karrio.track(done.reference)

    def tell(*events: dict[str, Any]) -> None:
        desk.books.post(f"/v1/trackers/{tracker}/inject-events", json={"events": events}).raise_for_status()

    tell(event(0, "picked_up", "PU"))
    tell(event(5, "in_transit", "IT"))
    await until(lambda: any(len(it["data"]["events"]) == 3 for it in Receiver.bodies), within_s=30.0)
    settings = desk.port.settings
    heard = {it.id: it.data for body in Receiver.bodies for it in of_webhook(body, "karrio", settings).milestones}
    assert sorted(it.kind for it in heard.values()) == [MilestoneKind.IN_TRANSIT, MilestoneKind.SHIPPED]
    Receiver.fails = True
    for minute in range(10, 10 + FAILURES):
        tell(event(minute, "in_transit", f"IT-{minute}"))

    async def disabled() -> bool:
        return (await care.look(call("", ""))).state is WebhookState.DISABLED

    await until(disabled, within_s=30.0)
    tell(event(30, "delivered", "DL"), event(2, None, "XX"))
    poll = TrackerPoll(desk.link.client, settings, "karrio")
    missed = [it async for it in poll.reports(datetime.now(UTC), heard.__contains__, call("", ""))]
    assert (await care.repair(call("", ""))).is_gap
    assert (await care.look(call("", ""))).state is WebhookState.WORKS
    [report] = missed
    assert [it.said for it in report.quarantined] == ["XX"]
    assert len(report.milestones) == FAILURES + 1
    assert report.milestones[-1].data.kind is MilestoneKind.DELIVERED
    assert {(it.data.erp, it.data.order) for it in report.milestones} == {("erp-one", order)}
    assert not set(heard) & {it.id for it in report.milestones}, "a repeat was told again"


@pytest.mark.skipif(not os.environ.get("SYNCLINE_INTEROP_RECORD"), reason="writes fixtures")
async def test_record_an_exchange(started: StartedSystem) -> None:
    recorder = Recorder(httpx.AsyncHTTPTransport())
    link = made(started, recorder)
    port, order = KARRIO.ports[TmsPort](link), "SO-900"
    offered = tender(order)
    await port.tender(offered, call(order, "tender_transport"))
    await port.tender(offered, call(order, "tender_transport", repeated=True))
    await port.amend(TenderAmendment(order=order, packs=40, revision=2, reason="fewer"), call(order, "amend_tender"))
    await port.void(TenderVoid(order=order, revision=3, reason="withdrawn"), call(order, "void_tender"))
    await link.client.aclose()
    recorder.write(RECORDED, offered.model_dump(mode="json", exclude_none=True))
