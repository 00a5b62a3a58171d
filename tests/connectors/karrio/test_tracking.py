"""Tracking as a real Karrio sent it, and what may befall it."""

import json
import random
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from connectors.connections import ConnectionSettings
from connectors.http.vendor import VendorClient
from connectors.karrio.codes import CAUSES, MILESTONES, OTHER_EVENTS, SILENT
from connectors.karrio.polling import PAGE, TrackerPoll
from connectors.karrio.settings import KarrioSettings
from connectors.karrio.tracking import OrderPlace, TrackingReport, of_tracker, of_webhook, place_of
from connectors.karrio.webhooks import WebhookCare, WebhookState, judge
from connectors.ports import Call, Unavailable
from schemas.base import System
from schemas.cases.exceptions import ExceptionKind
from schemas.orders.milestones import MilestoneKind

SETTINGS = KarrioSettings.model_validate({"pack_weight_kg": "1", "carriers": {"acme": "north"}})
ZONED = SETTINGS.model_copy(update={"time_zone": "Europe/Berlin"})
NOW = datetime(2026, 12, 2, tzinfo=UTC)


def event(status: str | None, code: str = "X", **changed: Any) -> dict[str, Any]:
    """An event, with the fields of a real one."""
    said = {"date": "2026-12-01", "time": "10:00", "timestamp": "2026-12-01T10:00:00.000Z", "status": status}
    return {**said, "code": code, "reason": None, "description": "d", "location": "Lyon, FR", **changed}


def tracker(*events: Any, **changed: Any) -> dict[str, Any]:
    """A tracker, with the fields of a real one that are read."""
    said = {
        "tracking_number": "105f876d9221",
        "carrier_id": "north",
        "estimated_delivery": None,
        "status": "in_transit",
    }
    return {**said, "events": list(events), **changed}


def webhook(*events: Any, **changed: Any) -> dict[str, Any]:
    """The body of a webhook."""
    return {"event": "tracker_updated", "data": tracker(*events, **changed)}


def read(body: Any, settings: KarrioSettings = SETTINGS) -> TrackingReport:
    """What it says."""
    return of_webhook(body, "karrio", settings)


def test_the_whole_list_again_in_any_order_is_a_repeat() -> None:
    first = read(webhook(event("created", "CREATED"), event("picked_up", "PU")))
    late = event("in_transit", "IT", timestamp="2026-12-01T09:00:00+02:00")
    events = [event("picked_up", "PU", description="translated"), late, event("created", "CREATED")]
    random.Random(7).shuffle(events)
    again = read(webhook(*events))
    assert {it.id for it in first.milestones} < {it.id for it in again.milestones}
    assert [it.data.kind for it in again.milestones] == [MilestoneKind.IN_TRANSIT, MilestoneKind.SHIPPED]
    assert again.milestones[0].data.occurred_at == datetime(2026, 12, 1, 7, tzinfo=UTC)
    assert again.milestones[0].data.carrier == "acme"
    assert len({it.id for it in read(webhook(late, late)).milestones}) == 1


def test_what_differs_is_another_event() -> None:
    base = event("in_transit", "IT")
    others = [{**base, "code": "IT2"}, {**base, "location": "Paris"}, {**base, "timestamp": "2026-12-01T10:00:01Z"}]
    assert len({it.id for it in read(webhook(base, *others)).milestones}) == 4
    other = read(webhook(base, tracking_number="other")).milestones
    assert other[0].id != read(webhook(base)).milestones[0].id


@pytest.mark.parametrize(
    ("body", "why", "said"),
    [
        (webhook(event("teleported", "T")), "unknown_status", "teleported"),
        (webhook(event(None, "XX")), "unknown_status", "XX"),
        (webhook(event("unknown", "U")), "unknown_status", "unknown"),
        (webhook(event("in_transit", timestamp=None)), "no_moment_with_offset", "10:00"),
        (webhook(event("in_transit", timestamp="2026-12-01T10:00:00")), "no_moment_with_offset", "10:00"),
        (webhook(event("in_transit", timestamp="yesterday")), "no_moment_with_offset", "10:00"),
        (webhook(event("in_transit"), tracking_number="105 f8/7"), "not_of_the_contract", "shipment"),
        (webhook("nothing"), "no_event", ""),
        ({"event": "tracker_updated", "data": None}, "no_tracker", ""),
        ({"event": "moon_landing", "data": {}}, "unknown_event", "moon_landing"),
        (["?"], "unknown_event", ""),
    ],
)
def test_what_nobody_knows_is_quarantined_by_itself(body: Any, why: str, said: str) -> None:
    report = read(body)
    assert [(it.why, it.said) for it in report.quarantined] == [(why, said)]
    assert report.milestones == ()
    assert report == read(body), "a repeat has another id"


def test_one_unknown_event_holds_up_no_other() -> None:
    report = read(webhook(event("teleported"), event("delivered", "DL")))
    assert [it.data.kind for it in report.milestones] == [MilestoneKind.DELIVERED]
    assert len(report.quarantined) == 1


def test_a_time_of_day_is_placed_by_the_zone_of_the_settings() -> None:
    said = event("in_transit", timestamp=None, time="11:00 AM")
    [found] = read(webhook(said), ZONED).milestones
    assert found.data.occurred_at == datetime(2026, 12, 1, 10, tzinfo=UTC)


def test_trouble_has_its_cause_and_a_delay_its_day() -> None:
    [found] = read(webhook(event("delivery_failed", "EX", reason="consignee_incorrect_address"))).milestones
    assert (found.data.kind, found.data.cause) == (MilestoneKind.EXCEPTION, ExceptionKind.ADDRESS)
    late = event("delivery_delayed", "LT")
    [found] = read(webhook(late, estimated_delivery="2026-12-05"), ZONED).milestones
    assert (found.data.kind, found.data.eta) == (MilestoneKind.DELAYED, datetime(2026, 12, 5, 22, 59, tzinfo=UTC))
    [found] = read(webhook(late)).milestones
    assert found.data.kind is MilestoneKind.EXCEPTION, "no day is guessed"


def test_events_that_say_nothing_new_have_no_milestone() -> None:
    assert all(read({"event": name, "data": {}}) == TrackingReport() for name in OTHER_EVENTS)


def test_each_status_is_either_a_milestone_or_silent() -> None:
    published = {"pending", "picked_up", "on_hold", "cancelled", "delivered", "in_transit", "delivery_failed"}
    published |= {"delivery_delayed", "out_for_delivery", "ready_for_pickup", "return_to_sender"}
    assert published <= set(MILESTONES) | SILENT
    assert not set(MILESTONES) & SILENT
    for status in MILESTONES:
        for reason in (None, *CAUSES):
            report = of_tracker(tracker(event(status, reason=reason)), "karrio", SETTINGS)
            assert len(report.milestones) == 1, (status, reason, report)


def test_the_order_is_found_in_the_reference() -> None:
    assert place_of("erp-one/SO-1") == place_of("erp-one/SO-1@PAR") == OrderPlace("erp-one", "SO-1")
    assert place_of("erp-one/SO-1/RMA-1") is place_of("somebody's own") is None


class Books:
    """Lists of a Karrio, and what it was told."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        self.lists, self.told, self.reads = lists, list[tuple[str, str, dict[str, Any]]](), 0
        self.gone_after_first_page = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        """See httpx.MockTransport."""
        name = request.url.path.split("/")[2]
        if request.method != "GET":
            self.told.append((request.method, request.url.path, json.loads(request.content)))
            return httpx.Response(200, json={})
        self.reads += 1
        start, limit = int(request.url.params.get("offset", 0)), int(request.url.params["limit"])
        page = self.lists[name][start : start + limit]
        if name == "trackers":
            del self.lists[name][: self.gone_after_first_page]
            self.gone_after_first_page = 0
        return httpx.Response(200, json={"results": page})

    def client(self) -> VendorClient:
        """A client of it."""
        settings = ConnectionSettings("karrio", System.TMS, "http://karrio.test", "karrio")
        return VendorClient(settings, httpx.MockTransport(self.answer))


URL = "https://syncline.example/hooks"


def hook(**changed: Any) -> dict[str, Any]:
    """A webhook as Karrio shows it."""
    said = {"id": "weh_1", "url": URL, "enabled_events": ["all"], "disabled": False}
    return {**said, "last_event_at": "2026-12-01T16:42:32.284291Z", **changed}


@pytest.mark.parametrize(
    ("webhooks", "state", "told"),
    [
        ([hook()], WebhookState.WORKS, None),
        ([hook(disabled=True), hook(id="weh_2")], WebhookState.WORKS, None),
        ([hook(disabled=True)], WebhookState.DISABLED, ("PATCH", "/v1/webhooks/weh_1")),
        ([hook(enabled_events=["tracker_created"])], WebhookState.NARROW, ("PATCH", "/v1/webhooks/weh_1")),
        ([hook(url="https://other.example")], WebhookState.MISSING, ("POST", "/v1/webhooks")),
    ],
)
async def test_a_webhook_that_does_not_deliver_is_noticed_and_repaired(
    webhooks: list[dict[str, Any]], state: WebhookState, told: tuple[str, str] | None
) -> None:
    books = Books(webhooks=webhooks)
    async with books.client() as client:
        found = await WebhookCare(client, URL).repair(Call("", ""))
    assert found == judge(webhooks, URL)
    assert (found.state, found.is_gap) == (state, told is not None)
    assert [it[:2] for it in books.told] == ([told] if told else [])
    if told:
        assert books.told[0][2].get("disabled", False) is False
        assert set(books.told[0][2]["enabled_events"]) == {"tracker_created", "tracker_updated"}


async def test_a_list_of_webhooks_that_is_none_says_nothing() -> None:
    books = Books(webhooks=[{"url": URL}])
    async with books.client() as client:
        with pytest.raises(Unavailable, match="not of the contract"):
            await WebhookCare(client, URL).look(Call("", ""))


async def test_what_was_missed_is_polled_and_what_is_settled_is_not_told_again() -> None:
    numbers = [f"T{n:03}" for n in range(3 * PAGE)]
    trackers = [tracker(event("picked_up", "PU"), event("delivered", "DL"), tracking_number=it) for it in numbers]
    shipments = [{"tracking_number": it, "reference": f"erp-one/SO-{it}"} for it in numbers]
    books = Books(trackers=trackers, shipments=shipments)
    books.gone_after_first_page = 5
    settled: set[str] = set()
    async with books.client() as client:
        poll = TrackerPoll(client, SETTINGS, "karrio")
        async for report in poll.reports(NOW, settled.__contains__, Call("", "")):
            settled |= {it.id for it in report.milestones}
        assert len(settled) == 2 * len(numbers), "one was lost"
        assert [it async for it in poll.reports(NOW, settled.__contains__, Call("", ""))] == []
        trackers[7]["events"].append(event("in_transit", "IT"))
        [report] = [it async for it in poll.reports(NOW, settled.__contains__, Call("", ""))]
    assert [it.data.kind for it in report.milestones] == [MilestoneKind.IN_TRANSIT]
