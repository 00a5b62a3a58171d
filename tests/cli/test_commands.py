"""The command line: what it asks of the API, what it prints, and what it says when it is refused."""

import json
import os
import stat
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.partners.master_data import MasterKind, MasterName
from schemas.planning.feeds import FeedRun
from schemas.planning.governor import StockReplan
from schemas.settings import Settings
from stack.layout import ADMIN_KEY, WHEREABOUTS, LocalStack, StackOptions, Whereabouts, local_admin_key
from store.audit import audit_trail
from store.audit.anchors import Anchors
from store.planning import governor, planning
from store.seals import Seals
from tests.cli.conftest import Terminal
from tests.gateway.harness import MASTER
from tests.gateway.trouble import CASE, PROPOSAL
from tests.owner import OFFERING, Owner
from tests.promising.stocked import book, put_stock
from tests.store.test_planning import ItemDelta, buffered

WHY = ("--reason", "because")


def _asked(terminal: Terminal) -> dict[str, Any]:
    """The last command that reached the workflows: what was asked, of what, by whom."""
    record = terminal.gateway.handoff.commands[-1]
    said = record.request.model_dump(mode="json", exclude_unset=True)
    return {"key": record.key, "verb": record.verb, "by": record.by, **said}


async def test_an_order_is_shown_with_its_trouble_and_what_it_waits_for(terminal: Terminal) -> None:
    text = await terminal("order", "show", "PO-1")
    for expected in (
        "PO-1 (erp-one)",
        "waits for pick-up, due 2026-03-06 12:00",
        "last failure: tms refused tender_transport",
        CASE,
        "no carrier has accepted",
        PROPOSAL,
        "five days late",
    ):
        assert expected in text
    terminal.gateway.handoff.up = False
    assert "waits for" not in await terminal("order", "show", "PO-1")
    assert "no order PO-9" in await terminal("order", "show", "PO-9", code=1)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (
            ("amend", "--quantity", "1=5", "--quantity", "2=3", "--add", "2=ITEM-2", "--on", "2026-03-20"),
            {
                "lines": [{"line": 1, "quantity": 5}, {"line": 2, "quantity": 3, "item": "ITEM-2"}],
                "requested_on": "2026-03-20",
            },
        ),
        (("cancel",), {}),
        (("hold",), {}),
        (("resume",), {}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
async def test_an_order_is_changed_over_the_api(
    terminal: Terminal, words: tuple[str, ...], asked: dict[str, Any]
) -> None:
    text = await terminal("order", words[0], "PO-1", *words[1:], *WHY, "--id", "x-1")
    assert f"erp-one/PO-1 promised: {words[0]} done" in text
    common = {"key": "erp-one/PO-1", "verb": words[0], "by": "root", "id": "x-1", "reason": "because"}
    assert _asked(terminal) == {**common, **asked}


async def test_a_new_address_comes_from_a_file(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "clinic.json"
    file.write_text(json.dumps({"id": "C9", "country": "ZA", "name": "Other Clinic"}))
    await terminal("order", "amend", "PO-1", "--ship-to", str(file), *WHY)
    assert _asked(terminal)["ship_to"] == {"id": "C9", "country": "ZA", "name": "Other Clinic"}


async def test_a_request_without_an_id_gets_one_of_its_own(terminal: Terminal) -> None:
    for _ in range(2):
        await terminal("order", "hold", "PO-1", *WHY)
    first, second = (record.request.id for record in terminal.gateway.handoff.commands)
    assert first != second


async def test_cases_are_listed_shown_and_taken_on(terminal: Terminal) -> None:
    for query in ((), ("--queue", "transport"), ("--kind", "tender_reject"), ("--order", "PO-1", "--all")):
        assert CASE in await terminal("case", "list", *query)
    assert CASE not in await terminal("case", "list", "--queue", "claims")
    shown = await terminal("case", "show", CASE)
    assert "ups declined" in shown
    assert "can be done: re_tender" in shown
    assert "on the desk of transport, ann has it" in await terminal("case", "ack", CASE)
    assert (_asked(terminal)["verb"], _asked(terminal)["reason"]) == ("acknowledge", "seen")
    await terminal("case", "assign", CASE, "ann")
    assert (_asked(terminal)["verb"], _asked(terminal)["to"]) == ("assign", "ann")
    await terminal("case", "resolve", CASE, *WHY)
    assert (_asked(terminal)["key"], _asked(terminal)["verb"]) == (CASE, "resolve")


async def test_an_action_of_a_case_goes_to_its_order(terminal: Terminal) -> None:
    await terminal("case", "act", CASE, "split", "--site", "DC2", "--line", "1=4", *WHY)
    asked = _asked(terminal)
    assert (asked["key"], asked["verb"], asked["action"]) == ("erp-one/PO-1", "act", "split")
    assert (asked["case"], asked["site"], asked["lines"]) == (CASE, "DC2", [{"line": 1, "quantity": 4}])
    assert "name the case as" in await terminal("case", "act", "PO-1", "retry", *WHY, code=1)


async def test_a_proposal_about_an_item_at_a_site_is_decided_and_a_forecast_judged(terminal: Terminal) -> None:
    replan = StockReplan(
        item="A", site="DC1", packs=-12, day=date(2026, 3, 14), slipped_days=5, causes=(), summary="PO 1 is late"
    )
    async with terminal.gateway.database.connection() as connection:
        await governor.propose(connection, "EMEA", [replan], datetime.now(UTC), 3600.0)
    assert "PO 1 is late" in await terminal("proposal", "list")
    text = await terminal("proposal", "decide", "stock/1", "override", "--packs", "-5", *WHY)
    assert "A at DC1: overridden" in text
    week = ("--from", "2026-03-02", "--to", "2026-03-09")
    assert "wmape: no packs were wanted" in await terminal("forecast", "accuracy", "A", "DC1", *week)


async def test_a_proposal_is_listed_and_decided(terminal: Terminal) -> None:
    assert "five days late" in await terminal("proposal", "list")
    assert "five days late" not in await terminal("proposal", "list", "--region", "APAC")
    text = await terminal("proposal", "decide", PROPOSAL, "override", "--on", "2026-03-11", "--expedite", *WHY)
    assert "erp-one/PO-1 promised: replan done" in text
    asked = _asked(terminal)
    assert (asked["proposal"], asked["verdict"], asked["promised_on"], asked["expedite"]) == (
        PROPOSAL,
        "override",
        "2026-03-11",
        True,
    )


async def test_what_planning_refused_is_listed_and_moved_on(terminal: Terminal) -> None:
    async with terminal.gateway.database.transaction() as connection:
        await buffered(connection, [ItemDelta("ITEM-X"), ItemDelta("ITEM-Y")])
        await planning.freeze(connection, FeedRun(region="EMEA"))
        for n in (1, 2):
            await planning.mark_refused(connection, f"EMEA/0/1/{n}", "unknown_item")
    text = await terminal("planning", "refused")
    assert "ITEM-X" in text
    assert "unknown_item" in text
    assert "replay: EMEA/0/1/1" in await terminal("planning", "replay", "EMEA/0/1/1", *WHY)
    assert "drop: EMEA/0/1/2" in await terminal("planning", "drop", "EMEA/0/1/2", *WHY)
    assert "drop: none of them is refused" in await terminal("planning", "drop", "EMEA/0/1/2", *WHY)


async def test_a_return_is_authorised(terminal: Terminal) -> None:
    text = await terminal("return", "authorise", "PO-1", "--rma", "R-1", "--line", "1=2", "--no-collect", *WHY)
    assert "R-1 of erp-one/PO-1: authorised, 1 pack" in text
    assert (_asked(terminal)["lines"], _asked(terminal)["collect"]) == ([{"line": 1, "quantity": 2}], False)


async def test_policies_are_loaded_from_a_file(terminal: Terminal, tmp_path: Path) -> None:
    rules = [
        {"id": "few", "about": "order", "scope": {"region": "EMEA"}, "body": {"tender_limit": 2}},
        {"id": "quiet", "about": "channel", "scope": {"queue": "transport"}, "body": {"digest_s": 600.0}},
    ]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(rules))
    loaded = await terminal("policy", "load", str(file))
    assert "few is in force, version 1" in loaded
    assert "quiet is in force, version 1" in loaded
    assert "tender_limit" in await terminal("policy", "list", "--about", "order")
    file.write_text(json.dumps({**rules[0], "body": {"tender_limit": 0}}))
    assert "body.tender_limit: " in await terminal("policy", "load", str(file), code=1)
    file.write_text("rules:")
    assert "is not JSON" in await terminal("policy", "load", str(file), code=1)


async def test_a_refusal_says_why_and_what_to_do(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.gateway.handoff.refusal = "the goods have left: intercept [them] instead"
    text = await terminal("order", "cancel", "PO-1", *WHY, code=1)
    assert "error: the goods have left: intercept [them] instead Nothing was changed. See where the order is" in text
    terminal.gateway.handoff.refusal = ""
    assert "Look for it" in await terminal("order", "cancel", "PO-9", *WHY, code=1)
    assert "write lines as LINE=QUANTITY" in await terminal("order", "amend", "PO-1", "--quantity", "x", *WHY, code=1)
    assert "name at least one change" in await terminal("order", "amend", "PO-1", *WHY, code=1)
    monkeypatch.setenv("SYNCLINE_API_KEY", terminal.gateway.keys["dhl"])
    assert "Use a key whose role may do this" in await terminal("order", "cancel", "PO-1", *WHY, code=1)
    monkeypatch.setenv("SYNCLINE_API_KEY", "")
    assert "Set SYNCLINE_API_KEY" in await terminal("order", "cancel", "PO-1", *WHY, code=1)
    monkeypatch.setenv("SYNCLINE_API_URL", "http://127.0.0.1:1")
    assert "no API answers at http://127.0.0.1:1" in await terminal("order", "cancel", "PO-1", *WHY, code=1)
    monkeypatch.setenv("SYNCLINE_API_URL", "")
    assert "no API is known" in await terminal("order", "cancel", "PO-1", *WHY, code=1)


async def test_the_local_stack_is_found_and_its_key_goes_nowhere_else(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening = os.environ["SYNCLINE_API_URL"]
    monkeypatch.setenv("SYNCLINE_API_KEY", "")
    LocalStack(StackOptions(ephemeral=True), tmp_path, lambda _: None).keep_admin_key(terminal.gateway.keys["root"])
    assert stat.S_IMODE((tmp_path / ADMIN_KEY).stat().st_mode) == 0o600
    assert local_admin_key(tmp_path) == terminal.gateway.keys["root"]
    (tmp_path / WHEREABOUTS).write_text(json.dumps(asdict(Whereabouts("", listening))))
    assert "Set SYNCLINE_API_KEY" in await terminal("case", "list", code=1), "that URL might be anybody's"

    monkeypatch.setenv("SYNCLINE_API_URL", "")
    assert CASE in await terminal("case", "list")


async def test_partners_inbox_database_and_audit_trail_are_looked_after(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "set SYNCLINE_AUDIT_KEY" in await terminal("partner", "add", "ups2", "carrier", "UPS", code=1)
    assert "set SYNCLINE_AUDIT_KEY" in await terminal("audit", "verify", code=1)
    monkeypatch.setenv("SYNCLINE_MASTER_SECRET", MASTER)
    assert "API key sk_ups2_" in await terminal("partner", "add", "ups2", "carrier", "UPS")
    assert "ups2 is known: role carrier becomes supplier." in await terminal(
        "partner", "add", "ups2", "supplier", "UPS", code=1
    )
    assert [row["role"] for row in await terminal.gateway.rows("SELECT role FROM partner WHERE id = 'ups2'")] == [
        "carrier"
    ]
    assert "API key sk_ups2_" in await terminal("partner", "add", "ups2", "supplier", "UPS", "--yes")
    assert "an id has 2 to 32 lower case letters" in await terminal("partner", "add", "Bad_Id", "carrier", "B", code=1)
    rotated = await terminal("partner", "rotate", "ups2", "--valid-from", "2099-01-01", "--overlap-hours", "1")
    assert "counts from 2099-01-01 00:00:00 UTC" in rotated and "Version 1 counts until 2099-01-01 01:00:00" in rotated
    assert "no partner is called ups9" in await terminal("partner", "rotate", "ups9", code=1)
    assert "1 until 2099-01-01 01:00" in await terminal("partner", "list")
    assert "2 keys and 2 webhook secrets of ups2 are revoked." in await terminal("partner", "revoke-keys", "ups2")
    assert "none of these messages is in quarantine" in await terminal("inbox", "replay", "999999", code=1)
    assert "waiting_for" in await terminal("inbox", "quarantine")
    assert "newest schema" in await terminal("db", "migrate")

    assert "say --without-anchors" in await terminal("audit", "verify", code=1)
    assert "whole: 5 entries, 0 of them held" in await terminal("audit", "verify", "--without-anchors")
    seals = Seals.of(Settings())
    async with terminal.gateway.database.connection() as connection:
        head = await audit_trail.head(connection)
    assert head is not None
    anchors = Anchors(tmp_path / "audit", seals)
    anchors.append(seals.own.anchor(5, head.hash, datetime.now(UTC)))
    assert "whole: 5 entries, 5 of them held by 1 anchors" in await terminal("audit", "verify")
    anchors.append(seals.own.anchor(6, "cut off", datetime.now(UTC)))
    assert "not whole: the end is missing, up to entry 6" in await terminal("audit", "verify", code=1)
    elsewhere = tmp_path / "elsewhere.jsonl"
    elsewhere.write_text(json.dumps({**asdict(anchors.known()[0]), "id": 2}, default=str) + "\n")
    assert "anchors are not whole" in await terminal("audit", "verify", "--anchors", str(elsewhere), code=1)


async def test_master_data_with_its_owner_and_age(terminal: Terminal) -> None:
    services = terminal.gateway.app.state.gateway
    settings = services.settings.model_copy(update={"erp": OFFERING})
    terminal.gateway.app.state.gateway = replace(services, settings=settings)
    await Owner().behind(terminal.gateway.database).check([MasterName("erp-one", MasterKind.ITEM, "A/1")])
    text = await terminal("master", "item", "A/1", "--erp", "erp-one")
    assert "item A/1 of erp-one, fresh, fetched 20" in text
    assert "│ active │ True │" in text
    assert "offers no master data" in await terminal("master", "item", "A/1", "--erp", "erp-two", code=1)


async def test_availability_is_shown_by_site(terminal: Terminal) -> None:
    assert "No stock of ITEM-1 is kept" in await terminal("availability", "ITEM-1")
    await put_stock(terminal.gateway.database, "s", 40, item="ITEM-1", site="DC1")
    shown = await terminal("availability", "ITEM-1", "--site", "DC1", "--days", "1")
    assert "ITEM-1 at DC1" in shown
    assert " 40 " in shown


async def test_stock_is_shown_by_site_with_what_is_under_way(terminal: Terminal) -> None:
    await book(terminal.gateway.database, "m", {"on_hand:DC1": {"A": -4}, "transit:DN-7": {"A": 4}})
    await put_stock(terminal.gateway.database, "s", 40, item="A", site="LYS")
    everywhere = await terminal("stock", "show", "A")
    assert "DC1" in everywhere
    assert "DN-7" in everywhere
    there = await terminal("stock", "show", "A", "--site", "LYS")
    assert "DC1" not in there
    assert "│ LYS │ 40 │" in there


async def test_a_site_of_no_region_is_listed_and_named(terminal: Terminal) -> None:
    await put_stock(terminal.gateway.database, "s", 40, item="A", site="DC-NEW")
    assert "DC-NEW" in await terminal("planning", "sites")
    assert "DC-NEW is in EMEA" in await terminal("planning", "region", "DC-NEW", "EMEA", *WHY)
    assert "DC-NEW" not in await terminal("planning", "sites")
    await terminal("planning", "region", "DC-NEW", "APAC", *WHY, code=1)
