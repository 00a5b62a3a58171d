"""The relay: every message finds its orders once, or is kept with the reason why it did not."""

import asyncio
import json
from typing import Any

import pytest

from dispatch import relay
from dispatch.events.correlation import Unplaced
from schemas.base import Contract, Origin, Variant
from schemas.orders.release import CancelRequest
from schemas.workflows.commands import AmendRequest, NoteRequest, ReplanDecision, ReturnRequest
from schemas.workflows.returns import ReturnStart
from store.engine import Connection
from store.messaging import inbox, quarantine
from store.orders import returns
from tests.dispatch.conftest import Desk, Died, NotingHandoff, event
from tests.stack.standins import until

LINES = [{"line": 1, "quantity": 40}, {"line": 2, "quantity": 60}]


async def test_an_event_reaches_its_order_with_all_it_says(desk: Desk) -> None:
    key = await desk.order("SO-1")
    [row] = await desk.say("wms-lys", event("picked", order="SO-1", shipment="S-1", lines=LINES, reason="as planned"))
    assert row["state"] == "routed"
    [(to, [told])] = desk.handoff.signals
    assert to == key
    assert (told.id, told.kind, told.shipment, told.partner, told.role) == (
        "/partners/wms-lys#e1",
        "picked",
        "S-1",
        "wms-lys",
        "wms",
    )
    assert [(line.line, line.quantity) for line in told.lines] == [(1, 40), (2, 60)]
    assert (told.reason, told.inbox_id, told.received_at) == ("as planned", row["id"], row["received_at"])


async def test_a_repeat_is_superseded_in_one_batch_and_in_a_later_one(desk: Desk) -> None:
    key = await desk.order("SO-1")
    said = event("picked", order="SO-1", shipment="S-1", lines=LINES)
    first, second = await desk.say("wms-lys", said, said)
    [third] = await desk.say("wms-lys", said)
    assert [x["state"] for x in (first, second, third)] == ["routed", "superseded", "superseded"]
    assert second["reason"] == third["reason"] == f"repeats message {first['id']}"
    assert desk.handoff.heard(key) == ["e1"]


@pytest.mark.parametrize("at_once", [False, True])
async def test_what_is_corrected_takes_the_place_of_what_is_in_quarantine(desk: Desk, at_once: bool) -> None:
    """Also when both still wait as the order appears: the older one, which would come first, is gone."""
    wrong, right = (event("picked", order="SO-1", shipment="S-1", lines=LINES, reason=it) for it in ("wrong", "right"))
    first, second = (
        await desk.say("wms-lys", wrong, right)
        if at_once
        else [(await desk.say("wms-lys", it))[0] for it in (wrong, right)]
    )
    await desk.relay.once()
    first, second = [await desk.message(it["id"]) for it in (first, second)]
    assert (first["state"], first["reason"]) == ("superseded", f"replaced by message {second['id']}")
    assert second["state"] == "quarantined"
    await desk.order("SO-1")
    await desk.sweep()
    await desk.relay.once()
    assert [x.reason for _, told in desk.handoff.signals for x in told] == ["right"]
    assert (await desk.message(second["id"]))["state"] == "routed"


async def test_another_source_or_partner_takes_nobodys_place(desk: Desk) -> None:
    for partner, source in (("wms-lys", "wms-lys/a"), ("wms-lys", "wms-lys/b"), ("tms", "tms")):
        await desk.say(partner, event("picked", source=f"/partners/{source}", order="SO-1", lines=LINES))
    async with desk.database.connection() as connection:
        assert await inbox.counts(connection) == {"quarantined": 3}


async def test_the_same_id_of_another_source_is_another_event(desk: Desk) -> None:
    key = await desk.order("SO-1")
    for source in ("/partners/wms-lys/a", "/partners/wms-lys/b"):
        await desk.say("wms-lys", event("exception", source=source, order="SO-1"))
    assert desk.handoff.heard(key) == ["e1", "e1"]


@pytest.mark.parametrize(
    ("names", "waiting_for"),
    [
        ({"order": "SO-9", "erp": "erp-one"}, "order:erp-one/SO-9"),
        ({"order": "SO-9"}, "number:SO-9"),
        ({"shipment": "S-9"}, "shipment:S-9"),
        ({"order": "SO-1", "shipment": "S-9"}, "shipment:S-9"),
    ],
)
async def test_the_unknown_waits_and_is_revived_when_it_appears(
    desk: Desk, names: dict[str, str], waiting_for: str
) -> None:
    await desk.order("SO-1")
    [row] = await desk.say("tms", event("in_transit", "early", **names))
    assert (row["state"], row["origin"], row["waiting_for"]) == ("quarantined", "partner_message", waiting_for)
    await desk.sweep()
    assert (await desk.message(row["id"]))["state"] == "quarantined", "nothing has appeared yet"
    if "SO-9" in waiting_for:
        await desk.order("SO-9")
    else:
        await desk.say("wms-lys", event("picked", "link", order="SO-1", shipment="S-9", lines=LINES))
    await desk.sweep()
    await desk.relay.once()
    revived = await desk.message(row["id"])
    assert (revived["state"], revived["reason"], revived["waiting_for"]) == ("routed", None, None)
    assert "early" in [e.id.rsplit("#")[1] for _, events in desk.handoff.signals for e in events]


async def test_what_appears_while_a_message_is_parked_is_not_missed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_all = quarantine.put_all
    quarantined: list[list[quarantine.Quarantine]] = []

    async def meanwhile(connection: Connection, messages: list[quarantine.Quarantine]) -> None:
        if not quarantined:
            await desk.order("SO-9")
        quarantined.append(messages)
        await put_all(connection, messages)

    monkeypatch.setattr(quarantine, "put_all", meanwhile)
    [row] = await desk.say("tms", event("in_transit", order="SO-9"))
    assert (quarantined != [], row["state"]) == (True, "received"), "tried again at once, not at the next sweep"
    await desk.relay.once()
    assert (await desk.message(row["id"]))["state"] == "routed"


async def test_what_is_parked_again_and_again_is_not_tried_at_once_for_ever(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the reason: what it waits for is there, and it has no place all the same."""
    await desk.order("SO-9")
    quarantined = Unplaced("no place", Origin.PARTNER_MESSAGE, "order:erp-one/SO-9")
    monkeypatch.setattr(relay, "correlate", lambda *_: quarantined)
    [row] = await desk.say("tms", event("in_transit", order="SO-9"))
    for _ in range(5):
        await desk.relay.once()
    assert (await desk.message(row["id"]))["state"] == "quarantined"
    await desk.sweep()
    assert (await desk.message(row["id"]))["state"] == "received"


async def test_an_event_for_an_order_that_is_not_promised_yet_waits(desk: Desk) -> None:
    key = await desk.order("SO-1", promised=False)
    [row] = await desk.say("wms-lys", event("picked", order="SO-1"))
    assert (row["state"], row["waiting_for"]) == ("quarantined", "number:SO-1")
    await desk.sweep()
    assert (await desk.message(row["id"]))["state"] == "quarantined"
    await desk.promise(key)
    await desk.sweep()
    await desk.relay.once()
    assert desk.handoff.heard(key) == ["e1"]


async def test_a_foreign_partner_is_parked_until_it_takes_part(desk: Desk) -> None:
    key = await desk.order("SO-1")
    await desk.say("wms-lys", event("picked", "link", order="SO-1", shipment="S-1", lines=LINES))
    [row] = await desk.say("ups", event("in_transit", "theirs", shipment="S-1"))
    assert (row["state"], row["origin"]) == ("quarantined", "ownership")
    assert row["reason"] == "ups takes no part in an order on shipment S-1"
    await desk.sweep()
    assert (await desk.message(row["id"]))["state"] == "quarantined"
    await desk.rows(f"UPDATE order_view SET parties = parties || 'ups'::text WHERE key = '{key}' RETURNING 1")
    await desk.sweep()
    await desk.relay.once()
    assert desk.handoff.heard(key) == ["link", "theirs"]


async def test_a_report_by_who_does_not_own_it_is_parked_with_the_rule(desk: Desk) -> None:
    key = await desk.order("SO-1")
    [row] = await desk.say("wms-lys", event("delivered", order="SO-1"))
    assert (row["state"], row["origin"], row["waiting_for"]) == ("quarantined", "ownership", None)
    assert row["reason"] == "delivered of a distribution_centre order is owned by carrier, tms; it was reported by wms"
    assert desk.handoff.heard(key) == []
    drop = await desk.order("SO-2", variant=Variant.DIRECT_DROP)
    [row] = await desk.say("acme", event("picked", order="SO-2"))
    assert row["reason"] == "picked is not a milestone of a direct_drop order"
    assert desk.handoff.heard(drop) == []


async def test_a_partner_of_several_roles_reports_in_the_one_that_owns_the_milestone(desk: Desk) -> None:
    key = await desk.order("SO-1")
    await desk.rows("UPDATE partner SET roles = '{wms,carrier}' WHERE id = 'wms-lys' RETURNING 1")
    for kind in ("picked", "in_transit"):
        [row] = await desk.say("wms-lys", event(kind, kind, order="SO-1", shipment="S-1", lines=LINES))
        assert row["state"] == "routed", row["reason"]
    told = [event for to, events in desk.handoff.signals if to == key for event in events]
    assert [it.role for it in told] == ["wms", "carrier"]


async def test_a_partner_that_an_older_process_added_reports_in_its_usual_role(desk: Desk) -> None:
    await desk.order("SO-1")
    await desk.rows("UPDATE partner SET roles = '{}' WHERE id = 'wms-lys' RETURNING 1")
    [row] = await desk.say("wms-lys", event("picked", order="SO-1", shipment="S-1", lines=LINES))
    assert row["state"] == "routed", row["reason"]


async def test_an_inactive_partner_is_parked(desk: Desk) -> None:
    await desk.order("SO-1")
    await desk.rows("UPDATE partner SET active = false WHERE id = 'dhl' RETURNING 1")
    [row] = await desk.say("dhl", event("in_transit", order="SO-1"))
    assert (row["state"], row["reason"]) == ("quarantined", "the partner is not active")


async def test_a_shipment_of_several_orders_splits_its_lines_and_reaches_them_all(desk: Desk) -> None:
    one, two = await desk.order("SO-1"), await desk.order("SO-2")
    lines = [
        {"order": "SO-1", "line": 1, "quantity": 40},
        {"order": "SO-2", "line": 1, "quantity": 30},
        {"order": "SO-2", "line": 2, "quantity": 60},
    ]
    await desk.say("wms-lys", event("shipped", "s", shipment="S-1", lines=lines))
    told = {key: [(x.line, x.quantity) for x in events[0].lines] for key, events in desk.handoff.signals}
    assert told == {one: [(1, 40)], two: [(1, 30), (2, 60)]}
    await desk.say("dhl", event("in_transit", "t", shipment="S-1"))
    assert desk.handoff.heard(one) == desk.handoff.heard(two) == ["s", "t"]


async def test_an_order_that_joins_a_shipment_hears_what_comes_after(desk: Desk) -> None:
    one, two = await desk.order("SO-1"), await desk.order("SO-2")
    await desk.say("wms-lys", event("picked", "a", order="SO-1", shipment="S-1", lines=LINES))
    await desk.say("wms-lys", event("picked", "b", order="SO-2", shipment="S-1", lines=LINES))
    await desk.say("dhl", event("in_transit", "c", shipment="S-1"))
    assert "c" in desk.handoff.heard(one)
    assert "c" in desk.handoff.heard(two)


async def test_a_correction_names_what_it_corrects_and_says_the_same_of_it(desk: Desk) -> None:
    key = await desk.order("SO-1")
    await desk.say("wms-lys", event("picked", "wrong", order="SO-1", shipment="S-1", lines=LINES))
    await desk.say("wms-lys", event("picked", "right", order="SO-1", shipment="S-1", lines=LINES, corrects="wrong"))
    [row] = await desk.say(
        "wms-lys", event("packed", "astray", order="SO-1", shipment="S-1", lines=LINES, corrects="wrong")
    )
    assert (row["state"], row["waiting_for"]) == ("quarantined", None)
    assert row["reason"] == "it corrects a report of picked of S-1: report the same of that"
    [_, (to, [told])] = desk.handoff.signals
    assert to == key
    assert (told.id, told.corrects) == ("/partners/wms-lys#right", "/partners/wms-lys#wrong")


async def test_a_source_may_have_a_fragment(desk: Desk) -> None:
    """What a `#` belongs to is told apart: a correction names the event that it is of, and no event hides another."""
    key = await desk.order("SO-1")
    gate, plain = "/partners/wms-lys/dock#2", "/partners/wms-lys/dock"
    await desk.say("wms-lys", event("picked", "wrong", gate, order="SO-1", shipment="S-1", lines=LINES))
    await desk.say(
        "wms-lys", event("picked", "right", gate, order="SO-1", shipment="S-1", lines=LINES, corrects="wrong")
    )
    await desk.say("wms-lys", event("packed", "2#wrong", plain, order="SO-1", shipment="S-1", lines=LINES))
    heard = [told for to, events in desk.handoff.signals for told in events if to == key]
    assert [(it.kind, it.corrects == heard[0].id) for it in heard] == [
        *[("picked", False), ("picked", True), ("packed", False)]
    ]
    assert len({it.id for it in heard}) == len(heard)


async def test_a_number_of_two_erps_must_name_the_erp(desk: Desk) -> None:
    await desk.order("SO-1", "erp-one")
    two = await desk.order("SO-1", "erp-two")
    [row] = await desk.say("wms-lys", event("picked", order="SO-1"))
    assert (row["state"], row["waiting_for"]) == ("quarantined", None)
    assert row["reason"] == "order SO-1 exists in several ERPs: name the erp"
    await desk.say("wms-lys", event("picked", "named", order="SO-1", erp="erp-two"))
    assert desk.handoff.heard(two) == ["named"]


async def test_a_number_that_may_mean_two_orders_is_not_revived_for_ever(desk: Desk) -> None:
    await desk.order("SO-1", "erp-one")
    await desk.order("SO-1", "erp-two", promised=False)
    [row] = await desk.say("wms-lys", event("picked", order="SO-1"))
    await desk.sweep()
    assert (await desk.message(row["id"]))["state"] == "quarantined"


async def test_what_cannot_be_decoded_keeps_its_bytes(desk: Desk) -> None:
    raw = b'{"specversion": "1.0", \xff'
    [row] = await desk.say("dhl", raw)
    assert (row["state"], row["origin"]) == ("quarantined", "transformation")
    assert row["reason"].startswith("body: Invalid JSON")
    assert bytes(row["raw"]) == raw
    [row] = await desk.say("dhl", event("teleported", order="SO-1"))
    assert row["origin"] == "transformation"
    assert row["reason"].startswith("data.kind: ")


SHARED = [{"line": 1, "quantity": 40, "order": "SO-1"}, {"line": 2, "quantity": 60, "order": "SO-2"}]


@pytest.mark.parametrize(
    ("partner", "kind", "said", "packs"),
    [
        ("wms-lys", "shipped", {"order": "SO-1", "lines": LINES, "reason": "seen"}, ([40, 60], [])),
        ("dhl", "delivered", {"order": "SO-1", "lines": LINES, "reason": "seen"}, ([40, 60], [])),
        ("wms-lys", "shipped", {"lines": SHARED, "location": "NLRTM"}, ([40], [60])),
        ("dhl", "delivered", {"lines": LINES, "handling_units": ["376130321109103420"]}, ([40, 60], [40, 60])),
        ("wms-lys", "picked", {"sequence": 3, "corrects": "e0"}, ([], [])),
    ],
)
async def test_what_is_handed_over_again_is_what_was_handed_over(
    desk: Desk, partner: str, kind: str, said: dict[str, Any], packs: tuple[list[int], list[int]]
) -> None:
    keys = [await desk.order(number) for number in ("SO-1", "SO-2")]
    await desk.say("wms-lys", event("picked", "e0", shipment="S-1", lines=SHARED))
    desk.handoff.signals.clear()
    await desk.say(partner, event(kind, "e1", shipment="S-1", **said))
    first = dict(desk.handoff.signals)
    assert [[it.quantity for told in first.get(key, ()) for it in told.lines] for key in keys] == list(packs)
    desk.handoff.signals.clear()
    await desk.sweep(later=True)
    later = {to: [it for it in told if it.id.endswith("e1")] for to, told in desk.handoff.signals}
    assert first == {to: told for to, told in later.items() if told}


async def test_what_was_admitted_is_typed_and_not_judged_again(desk: Desk) -> None:
    key = await desk.order("SO-1")
    said = event("picked", "e1", order="SO-1", shipment="S-1", lines=LINES)
    newer = said.replace(b'"kind"', b'"colour": "of a newer gateway", "kind"')
    [row] = await desk.say("wms-lys", newer)
    assert (row["state"], desk.handoff.heard(key)) == ("routed", ["e1"])


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (b'"kind": "delivered", "kind"', "kind: this name appears twice in one object"),
        (b'"colour": "red", "kind"', "data.colour: is not a field of this contract"),
    ],
)
async def test_what_the_door_refused_passes_the_door_when_it_comes_back(desk: Desk, spoilt: bytes, reason: str) -> None:
    key = await desk.order("SO-1")
    said = event("picked", "e1", order="SO-1", shipment="S-1", lines=LINES)
    [refused] = await desk.accept("wms-lys", said.replace(b'"kind"', spoilt))
    async with desk.database.transaction() as connection:
        await quarantine.put(connection, refused, "as the gateway does", Origin.TRANSFORMATION)
    async with desk.database.transaction() as connection:
        assert await quarantine.replay(connection, [refused]) == 1
    await desk.relay.once()
    row = await desk.message(refused)
    assert (row["state"], row["reason"]) == ("quarantined", reason)
    assert desk.handoff.heard(key) == []


async def test_speaking_in_anothers_name_is_kept_and_takes_nothing_from_it(desk: Desk) -> None:
    key = await desk.order("SO-1")
    [forged] = await desk.say("dhl", event("delivered", "taken", source="/partners/wms-lys", order="SO-1"))
    assert (forged["state"], forged["reason"]) == ("quarantined", "source: must be /partners/dhl, or lie under it")
    [own] = await desk.say("wms-lys", event("picked", "taken", source="/partners/wms-lys", order="SO-1"))
    assert own["state"] == "routed", "the forged id does not make the true event a repeat"
    assert desk.handoff.heard(key) == ["taken"]


async def test_a_link_counts_for_the_event_that_depends_on_it_in_the_same_pass(desk: Desk) -> None:
    key = await desk.order("SO-1")
    scan = event("in_transit", "scan", shipment="S-1")
    link = event("picked", "link", order="SO-1", shipment="S-1", lines=LINES)
    await desk.accept("dhl", scan)
    await desk.accept("wms-lys", link)
    await desk.relay.once()
    assert sorted(desk.handoff.heard(key)) == ["link", "scan"]
    assert len(desk.handoff.signals) == 1, "one signal carries all events of an order"


async def test_a_process_that_dies_between_commit_and_signal_is_made_good(desk: Desk) -> None:
    key = await desk.order("SO-1")
    await desk.accept("wms-lys", event("picked", order="SO-1", shipment="S-1", lines=LINES))
    dying = desk.another_relay(NotingHandoff(dies=True))
    with pytest.raises(Died):
        await dying.once()
    await desk.sweep()
    assert desk.handoff.heard(key) == [], "it may still be on its way"
    await desk.sweep(later=True)
    [(_, [told])] = desk.handoff.signals
    assert (told.id, told.role, [x.line for x in told.lines]) == ("/partners/wms-lys#e1", "wms", [1, 2])


async def test_what_temporal_did_not_take_is_sent_again_and_only_until_it_is_answered_for(desk: Desk) -> None:
    key = await desk.order("SO-1")
    desk.handoff.down = True
    await desk.say("wms-lys", event("picked", order="SO-1"))
    desk.handoff.down = False
    await desk.sweep(later=True)
    assert desk.handoff.heard(key) == ["e1"]
    await desk.rows("UPDATE event_order SET state = 'applied' RETURNING 1")
    await desk.sweep(later=True)
    assert desk.handoff.heard(key) == ["e1"]


async def test_an_event_for_an_order_that_has_ended_is_superseded(desk: Desk) -> None:
    one, two = await desk.order("SO-1"), await desk.order("SO-2")
    desk.handoff.gone = {f"order/{one}"}
    await desk.close(one)
    [row] = await desk.say("dhl", event("in_transit", order="SO-1"))
    assert (row["state"], row["reason"]) == ("superseded", "the order has ended (closed)")
    states = await desk.rows("SELECT order_key, state FROM event_order")
    assert states == [{"order_key": one, "state": "superseded"}]
    assert desk.handoff.heard(two) == []


async def test_two_relays_at_once_place_each_event_once(desk: Desk) -> None:
    keys = [await desk.order(f"SO-{n}") for n in range(4)]
    said = [
        event("picked", f"e{n}", order=f"SO-{n % 4}", shipment=f"S-{n % 4}", lines=LINES if n < 4 else [])
        for n in range(120)
        for _ in range(2)
    ]
    await desk.accept("wms-lys", *said)
    other = desk.another_relay(desk.handoff)
    for _ in range(2):
        while any(await asyncio.gather(desk.relay.once(), other.once())):
            pass
        await desk.sweep()  # one relay may see an event before the other has committed the link that it depends on
    heard = [name for key in keys for name in desk.handoff.heard(key)]
    assert sorted(heard) == sorted(f"e{n}" for n in range(120))
    [counts] = await desk.rows(
        "SELECT count(*) FILTER (WHERE state = 'routed') AS routed, "
        "count(*) FILTER (WHERE state = 'superseded') AS repeats FROM inbox_message WHERE kind = 'event'"
    )
    assert counts == {"routed": 120, "repeats": 120}


async def test_a_release_that_the_gateway_could_not_hand_over_is_handed_over(desk: Desk) -> None:
    key = await desk.order("SO-1", promised=False)
    await desk.relay.once()
    await until(lambda: desk.handoff.released == [key])
    await desk.relay.once()
    assert desk.handoff.released == [key], "not again at once"
    await desk.rows("UPDATE inbox_message SET not_before = now() RETURNING 1")
    await desk.relay.once()
    await until(lambda: desk.handoff.released == [key, key])


COMMANDS: dict[str, Contract] = {
    "amend": AmendRequest.model_validate({"id": "c1", "reason": "r", "lines": [{"line": 1, "quantity": 3}]}),
    "cancel": CancelRequest(id="c1", reason="r"),
    "return": ReturnRequest.model_validate({"id": "c1", "reason": "r", "lines": [{"line": 1, "quantity": 3}]}),
    "acknowledge": NoteRequest(id="c1"),
}


async def _settled(desk: Desk, message: int, state: str, reason: str | None = None) -> None:
    """Wait until a message is in this state for this reason."""

    async def as_wanted() -> bool:
        row = await desk.message(message)
        return (row["state"], row["reason"]) == (state, reason)

    await until(as_wanted)


@pytest.mark.parametrize("verb", COMMANDS)
async def test_a_command_that_was_left_behind_is_carried_out_and_its_message_settled(desk: Desk, verb: str) -> None:
    key = await desk.order("SO-1")
    key = f"{key}/delay/1" if verb == "acknowledge" else key
    first, second = await desk.ask(key, verb, COMMANDS[verb], times=2)
    await desk.relay.once()
    await _settled(desk, first, "applied")
    await _settled(desk, second, "superseded", f"repeats message {first}")
    [record] = desk.handoff.commands
    assert (record.key, record.verb, record.by, record.request) == (key, verb, "erp-one", COMMANDS[verb])


async def test_a_command_waits_for_temporal_and_is_not_lost(desk: Desk) -> None:
    key = await desk.order("SO-1")
    desk.handoff.down = True
    [message] = await desk.ask(key, "cancel", COMMANDS["cancel"])
    await desk.relay.once()
    await until(lambda: len(desk.handoff.commands) == 1)
    assert (await desk.message(message))["state"] == "received"
    desk.handoff.down = False
    await desk.rows("UPDATE inbox_message SET not_before = now() RETURNING 1")
    await desk.relay.once()
    await _settled(desk, message, "applied")


async def test_a_refused_command_keeps_the_reason(desk: Desk) -> None:
    key = await desk.order("SO-1")
    desk.handoff.refusal = "too late: the goods have left"
    [message] = await desk.ask(key, "cancel", COMMANDS["cancel"])
    await desk.relay.once()
    await _settled(desk, message, "superseded", "too late: the goods have left")


async def test_a_decision_is_on_its_way_until_the_order_has_answered_for_it(desk: Desk) -> None:
    key = await desk.order("SO-1")
    desk.handoff.slow = True
    decision = ReplanDecision.model_validate({"id": "d1", "proposal": "p", "verdict": "accept", "reason": "r"})
    [message] = await desk.ask(key, "replan", decision)
    await desk.relay.once()
    await _settled(desk, message, "routed")


RETURNED: dict[str, Any] = {"order": "SO-1", "rma": "RMA-1", "lines": [{"line": 1, "quantity": 3}]}


async def _authorise(desk: Desk, key: str) -> None:
    start = ReturnStart.model_validate(
        {
            "order": key,
            "rma": "RMA-1",
            "reason": "broken",
            "lines": [{"line": 1, "quantity": 3}],
            "items": {1: "A"},
            "site": "LYS",
            "region": "EMEA",
            "accepted_at": "2026-05-05T12:00:00Z",
        }
    )
    await returns.authorise(desk.database, start)


async def test_what_happens_to_returned_goods_goes_to_the_return_even_after_the_order(desk: Desk) -> None:
    key = await desk.order("SO-1")
    desk.handoff.gone = {f"order/{key}"}
    await desk.close(key)
    await desk.accept("wms-lys", event("return_received", "back", **RETURNED))
    await desk.accept("wms-lys", event("return_inspected", "seen", disposition="restock", **RETURNED))
    await desk.accept("dhl", event("returning", "late", order="SO-1"))
    await desk.relay.once()
    [(to, told)] = desk.handoff.signals
    assert to == f"return/{key}/RMA-1"
    assert [(e.kind, e.rma, e.disposition) for e in told] == [
        ("return_received", "RMA-1", None),
        ("return_inspected", "RMA-1", "restock"),
    ]
    states = await desk.rows("SELECT event_id, state, reason FROM event_order ORDER BY event_id")
    assert [(row["event_id"].rsplit("#")[1], row["state"], row["reason"]) for row in states] == [
        ("late", "superseded", "the order has ended (closed)"),
        ("back", "pending", None),
        ("seen", "pending", None),
    ]


async def test_goods_that_are_back_before_their_return_is_known_wait_for_it(desk: Desk) -> None:
    key = await desk.order("SO-1")
    desk.handoff.gone = {f"return/{key}/RMA-1"}
    await desk.say("wms-lys", event("return_received", **RETURNED))
    assert await desk.rows("SELECT state FROM event_order") == [{"state": "pending"}]
    desk.handoff.gone = set()
    await desk.sweep(later=True)
    assert desk.handoff.heard(f"return/{key}/RMA-1") == ["e1"]


@pytest.mark.parametrize("known", [True, False])
async def test_goods_of_a_return_that_has_ended_or_never_appears_are_superseded(desk: Desk, known: bool) -> None:
    key = await desk.order("SO-1")
    if known:
        await _authorise(desk, key)
    desk.handoff.gone = {f"return/{key}/RMA-1"}
    [row] = await desk.say("wms-lys", event("return_received", **RETURNED))
    if not known:
        await desk.rows("UPDATE event SET received_at = received_at - interval '2 days' RETURNING 1")
        await desk.sweep(later=True)
        row = await desk.message(row["id"])
    reason = "the return has ended (refused)" if known else "no return RMA-1 is known"
    assert (row["state"], row["reason"]) == ("superseded", reason)


async def test_events_carry_everything_that_was_said_and_nothing_that_was_not(desk: Desk) -> None:
    await desk.order("SO-1")
    await desk.say(
        "tms",
        event("tender_accepted", "t", order="SO-1", carrier="ups"),
        event("cleared", "c", order="SO-1", cause="customs"),
        event("consolidated", "m", order="SO-1", shipment="S-9", lines=LINES, merges=["S-1", "S-2"]),
    )
    told = {e.kind.value: e for _, events in desk.handoff.signals for e in events}
    assert (told["tender_accepted"].carrier, told["cleared"].cause) == ("ups", "customs")
    assert told["consolidated"].merges == ("S-1", "S-2")
    assert {"eta", "lines", "reason", "merges", "rma", "cause", "shipment"}.isdisjoint(
        told["tender_accepted"].model_fields_set
    )
    desk.handoff.signals.clear()
    await desk.sweep(later=True)
    again = {e.kind.value: e for _, events in desk.handoff.signals for e in events}
    assert again == told
    assert [again[kind].model_fields_set for kind in told] == [told[kind].model_fields_set for kind in told]


def test_an_event_is_what_a_partner_would_send() -> None:
    assert json.loads(event("picked", order="SO-1"))["data"]["kind"] == "picked"
