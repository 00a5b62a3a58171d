"""An order's days are those of its customer, a site's deadlines pass over its days off: decided from data, over both
changes of the clocks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain import zones
from domain.inventory.promise import promise
from domain.inventory.promising import delivered_on as stocked_on
from domain.orders import amending, lifecycle
from domain.orders.deadlines import alarms
from domain.orders.opening import opening
from domain.orders.state import OrderState
from domain.procurement import inbound, inbound_trouble, replenishing
from domain.procurement.purchase_order import PurchaseFile
from domain.records.record import record
from schemas.base import Variant
from schemas.days import EVERY_DAY, WHOLE_WEEK, Days, Way
from schemas.inventory.promising import Terms
from schemas.messaging.effects import Operation
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import LinePromise, Promise
from schemas.procurement.replenishment import ReplenishmentProposal
from schemas.workflows.commands import Amendment
from schemas.workflows.lifecycle import AcceptedRelease
from tests.domain import purchases
from tests.domain.builders import DUE, FULL, NOON, after, event, opened, start
from tests.payloads import said
from tests.store.rows import RELEASE
from tests.written import Said

NEW_YORK = ZoneInfo("America/New_York")
WEEKDAYS = (1, 2, 3, 4, 5)


def days(name: str, working: tuple[int, ...] = WHOLE_WEEK, off: tuple[date, ...] = ()) -> Days:
    """The days of a place."""
    return zones.days(zones.zone_at(name, NOON), working, off, NOON)


THERE = days("America/New_York")


def for_new_york(promised_on: date = DUE) -> OrderState:
    """An order for a customer in New York, as its workflow begins."""
    lines = tuple(LinePromise(line=n, promised_on=promised_on) for n in (1, 2))
    promised = Promise(promised_on=promised_on, lines=lines)
    return lifecycle.open_order(start().model_copy(update={"there": THERE, "promise": promised})).state


def local(day: date, time: str) -> datetime:
    """A moment by the clocks of New York."""
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=NEW_YORK).astimezone(UTC)


@pytest.mark.parametrize("day", [date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 2), date(2027, 3, 14), DUE])
def test_an_eta_and_a_delivery_late_in_the_evening_keep_the_day(day: date) -> None:
    state = after(for_new_york(day), event(M.SHIPPED, 1, lines=FULL))
    expected = lifecycle.apply(state, event(M.DELAYED, 2, eta=local(day, "23:30:00")))
    assert expected.state.promised_on == day
    assert not expected.effects
    assert expected.state.delay_minutes == 0
    for late, on in (("04:30:00", day + timedelta(days=1)), ("22:00:00", day + timedelta(days=2))):
        told = lifecycle.apply(state, event(M.DELAYED, 2, eta=local(on, late))).effects
        assert [said(it).promised_on for it in told if it.operation is Operation.REDATE_PROMISE] == [on]
    evening = event(M.DELIVERED, 0).model_copy(update={"occurred_at": local(day, "20:00:00")})
    delivered = lifecycle.apply(state, evening)
    assert [it.delivered_on for it in Said(record(delivered.state, [delivered], before=state)).lines] == [day, day]


@pytest.mark.parametrize(
    ("day", "ends"),
    [
        (date(2026, 10, 31), "2026-11-01T03:59:59.999999+00:00"),
        (date(2026, 11, 1), "2026-11-02T04:59:59.999999+00:00"),
        (date(2027, 3, 13), "2027-03-14T04:59:59.999999+00:00"),
        (date(2027, 3, 14), "2027-03-15T03:59:59.999999+00:00"),
    ],
)
def test_a_delivery_is_waited_for_until_the_customers_day_has_ended(day: date, ends: str) -> None:
    due = {alarm.name: alarm.due for alarm in alarms(for_new_york(day))}
    assert due["delivery"] == datetime.fromisoformat(ends) + timedelta(hours=1)
    assert due["pick-up"] == datetime.fromisoformat(ends) - timedelta(days=3)


def test_nothing_is_waited_for_from_a_site_on_its_days_off() -> None:
    closed = start().model_copy(
        update={"here": days("Europe/Paris", WEEKDAYS), "accepted_at": NOON + timedelta(days=4)}
    )
    due = {alarm.name: alarm.due for alarm in alarms(lifecycle.open_order(closed).state)}
    assert due["pick"] == datetime(2026, 5, 15, 22, tzinfo=UTC), "the 16th is a Saturday: by the end of Friday in Paris"
    assert due["pick-up"] == datetime(2026, 5, 17, 23, 59, 59, 999999, tzinfo=UTC), "and that is Monday"
    hurried = closed.model_copy(update={"accepted_at": datetime(2026, 5, 22, 20, tzinfo=UTC)})
    due = {alarm.name: alarm.due for alarm in alarms(lifecycle.open_order(hurried).state)}
    assert due["pick"] == datetime(2026, 5, 25, 0, tzinfo=UTC), "two hours of Friday, and two of Monday"


def test_a_promise_is_made_ready_on_working_days_and_delivered_on_one() -> None:
    here, there = days("Europe/Paris", WEEKDAYS, (date(2026, 5, 8),)), days("Europe/Paris", WEEKDAYS)
    release = RELEASE.model_copy(update={"requested_on": date(2026, 5, 4)})
    thursday = date(2026, 5, 7)
    assert promise(release, thursday).promised_on == date(2026, 5, 11)
    assert promise(release, thursday, Way(here)).promised_on == date(2026, 5, 14), "it leaves on Monday"
    assert promise(release, date(2026, 5, 5), Way(here, there=there)).promised_on == date(2026, 5, 11), (
        "not on Saturday"
    )
    saturday = RELEASE.model_copy(update={"requested_on": date(2026, 5, 23)})
    given = promise(saturday, thursday, Way(here, there=there))
    assert (given.promised_on, given.reason) == (date(2026, 5, 25), "1 of 1 line is wanted on a day off")


def test_goods_are_under_way_on_the_days_on_which_their_carrier_drives() -> None:
    no_sunday = days("Europe/Paris", (1, 2, 3, 4, 5, 6))
    wish = RELEASE.model_copy(update={"requested_on": date(2026, 5, 4)})
    thursday, way = date(2026, 5, 7), Way(carriage=no_sunday)
    assert promise(wish, thursday).promised_on == date(2026, 5, 11), "one day to make it ready, three under way"
    assert promise(wish, thursday, way).promised_on == date(2026, 5, 12), "but for Sunday"
    assert promise(wish, date(2026, 5, 9), way).promised_on == date(2026, 5, 14), "ready on Sunday, it leaves on Monday"
    sunday = wish.model_copy(update={"requested_on": date(2026, 5, 24)})
    assert promise(sunday, thursday, way).promised_on == date(2026, 5, 25), "nobody brings it on Sunday"
    off_monday = Way(carriage=no_sunday, there=days("Europe/Paris", (2, 3, 4, 5, 6, 7)))
    assert promise(sunday, thursday, off_monday).promised_on == date(2026, 5, 26), "and nobody takes it in on Monday"
    never = Way(carriage=days("UTC", (1,)), there=days("UTC", (2,)))
    assert promise(sunday, thursday, never).promised_on == date(2026, 6, 2), "who never meet have the customer's day"
    terms = Terms(site="LYS", released_on=thursday, lead_days=4, handling_days=1, replenish_days=7, carriage=no_sunday)
    assert stocked_on(thursday, "LYS", terms) == date(2026, 5, 12), "with stock as without"


def test_nothing_is_waited_for_from_a_carrier_on_its_days_off() -> None:
    drives = days("America/New_York", (1, 2, 3, 4, 5))
    begun = start().model_copy(update={"carrier": "dhl", "carriers": {"dhl": drives, "ups": days("UTC", (1,))}})
    state = lifecycle.open_order(begun).state
    ends = datetime(2026, 5, 16, 4, tzinfo=UTC)
    assert due_of(state, "pick-up") == ends, "the 17th is a Sunday: by the end of Friday in New York"
    friday = datetime(2026, 5, 16, 3, 30, tzinfo=UTC)
    for carrier, due in (("dhl", "2026-05-18T05:30"), ("ups", "2026-05-18T02:00"), ("gls", "2026-05-16T05:30")):
        tender = state.transport.tender.model_copy(update={"carrier": carrier, "pending_since": friday})
        asked = state.with_changes(transport={"tender": tender})
        assert due_of(asked, "tender answer/1") == datetime.fromisoformat(due).replace(tzinfo=UTC), carrier
    told = begun.model_dump_json(exclude_defaults=True)
    assert OrderState.model_validate_json(state.model_dump_json(exclude_defaults=True)).start == begun, told


def due_of(state: OrderState, name: str) -> datetime:
    """When an alarm goes off."""
    return next(alarm.due for alarm in alarms(state) if alarm.name == name)


def test_a_supplier_is_waited_for_on_its_working_days() -> None:
    off = days("Asia/Tokyo", WEEKDAYS, (date(2026, 5, 19),))
    begun = purchases.start().model_copy(update={"theirs": off})
    state = PurchaseFile(start=begun, documents={"order": purchases.order()})
    due = {it.awaited: it.at for it in inbound_trouble.deadlines(state)}
    assert due["the advance ship notice"] == datetime(2026, 5, 18, 15, tzinfo=UTC), "by the end of the 18th in Tokyo"


@pytest.mark.parametrize("day", [date(2026, 10, 31), date(2026, 11, 1), date(2027, 3, 13), date(2027, 3, 14)])
def test_a_corrected_delivery_is_told_when_the_customers_day_is_another(day: date) -> None:
    state = after(for_new_york(day), event(M.SHIPPED, 1, lines=FULL))

    def told(first: datetime, second: datetime) -> int:
        known, effects = state, 0
        for n, at in enumerate((first, second)):
            report = event(M.DELIVERED, 2, name=f"{n}").model_copy(update={"occurred_at": at})
            decision = lifecycle.apply(known, report)
            known, effects = decision.state, len(decision.effects)
        return effects

    evening = local(day, "18:30:00")  # UTC has begun another day by the second report
    assert told(evening, local(day, "20:30:00")) == 0, "the same day there"
    assert told(local(day, "23:30:00"), local(day + timedelta(days=1), "00:30:00")) == 1, "another day there"


@pytest.mark.parametrize(
    ("zone", "now", "begins"),
    [
        ("America/New_York", "2026-05-06T03:59:59+00:00", date(2026, 5, 5)),
        ("America/New_York", "2026-05-06T04:00:00+00:00", date(2026, 5, 6)),
        ("America/New_York", "2026-03-08T04:59:59+00:00", date(2026, 3, 7)),
        ("America/New_York", "2026-03-09T03:59:59+00:00", date(2026, 3, 8)),
        ("America/New_York", "2026-03-09T04:00:00+00:00", date(2026, 3, 9)),
        ("America/New_York", "2026-11-02T04:59:59+00:00", date(2026, 11, 1)),
        ("Asia/Tokyo", "2026-05-05T15:00:00+00:00", date(2026, 5, 6)),
    ],
)
def test_an_order_begins_on_the_day_that_it_is_at_its_site(zone: str, now: str, begins: date) -> None:
    moment = datetime.fromisoformat(now)
    release = RELEASE.model_copy(update={"released_at": moment, "requested_on": moment.date()})
    accepted = AcceptedRelease(erp="erp-one", release=release, digest="d", inbox_id=1, received_at=moment)
    here = zones.days(zones.zone_at(zone, moment), WHOLE_WEEK, (), moment)
    assert opening(accepted, Way(here)).promise.promised_on == begins + timedelta(days=4)


def test_a_purchase_order_is_waited_for_by_the_days_of_its_site_and_its_supplier() -> None:
    begun = purchases.start().model_copy(
        update={
            "here": days("America/New_York", WEEKDAYS),
            "theirs": days("Asia/Tokyo", WEEKDAYS),
            "accepted_at": datetime(2026, 5, 8, 3, tzinfo=UTC),  # Friday noon in Tokyo
        }
    )
    state = PurchaseFile(start=begun, documents={"order": purchases.order()})
    due = {it.awaited: it.at for it in inbound_trouble.deadlines(state)}
    assert due["the supplier's confirmation"] == datetime(2026, 5, 12, 3, tzinfo=UTC), "two working days there"
    assert due["the advance ship notice"] == local(DUE, "00:00:00") - timedelta(days=1)
    advice = purchases.advised("ASN-1", eta=local(DUE, "23:30:00"), l1=100, l2=50)
    state = PurchaseFile(start=begun, documents={"order": purchases.order(), "advice": advice})
    assert {it.day for it in inbound.supplies(state) if it.packs} == {DUE}
    assert not inbound_trouble.findings(state), "an ETA late in the evening is of that day"
    due = {it.awaited: it.at for it in inbound_trouble.deadlines(state)}
    friday = local(DUE, "23:30:00") + timedelta(days=2)
    assert due["the receipt of ASN-1"] == friday


def test_goods_are_ordered_for_a_day_that_it_still_is_where_they_are_ordered() -> None:
    evening = datetime.fromisoformat("2026-05-20T20:00:00-05:00")
    assert purchases.order(ordered_at=evening, due_on=DUE).order
    with pytest.raises(ValueError, match="due before it was ordered"):
        purchases.order(ordered_at=evening, due_on=DUE - timedelta(days=1))
    asked = {"id": "R-1", "erp": "erp-one", "kind": "purchase", "item": "A", "site": "LYS", "region": "EMEA"}
    wish = {**asked, "supplier": "acme", "quantity": 1, "proposed_at": evening}
    assert replenishing.check(ReplenishmentProposal.model_validate({**wish, "wanted_on": DUE})) is None
    assert replenishing.check(ReplenishmentProposal.model_validate({**wish, "wanted_on": DUE - timedelta(days=1)}))


RELEASED = [("2026-05-05T05:00:00+03:00", 5), ("2026-05-05T02:00:00Z", 4), ("2026-05-04T20:00:00-05:00", 4)]


@pytest.mark.parametrize(("released", "first"), RELEASED)
def test_an_amendment_names_no_day_that_the_release_could_not(released: str, first: int) -> None:
    release = RELEASE.model_copy(update={"released_at": datetime.fromisoformat(released)})
    accepted = AcceptedRelease(erp="erp-one", release=release, digest="d", inbox_id=1, received_at=NOON)
    state = lifecycle.open_order(opening(accepted, Way(there=THERE))).state
    for day in (first - 1, first):
        wish = Amendment(id="a", reason="sooner", lines=(), requested_on=date(2026, 5, day))
        assert (amending.refusal(state, wish) is None) is (day == first)
        amended = release.model_copy(update={"requested_on": wish.requested_on})
        taken = [it for it in (amended,) if it.wanted_on(it.lines[0]) >= it.released_on]
        assert bool(taken) is (day == first), "what is worked into the release can be read again"


def test_days_travel_as_data_that_says_the_same_without_a_zone_database() -> None:
    again = OrderState.model_validate_json(for_new_york().model_dump_json(exclude_defaults=True))
    assert again.start.there == THERE
    plain = start().model_dump_json(exclude_defaults=True)
    assert "here" not in plain
    assert "there" not in plain, "where nothing is known, nothing travels"
    assert opened(Variant.DIRECT_DROP).start.there == EVERY_DAY
