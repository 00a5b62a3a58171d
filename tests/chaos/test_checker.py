"""The checker itself: it must see what was lost, what was done twice, and what nobody had asked for."""

from itertools import count
from typing import Any

from demo.report import reconcile, sound
from schemas.messaging.instructions import Accepted
from simulators.systems.ledger import Ledger, LedgerCall, LedgerReport, deed

KEYS = {f"erp-one/SO-{n}/tender_transport" for n in range(3)}


def book(keys: list[str]) -> LedgerReport:
    """A system's ledger after these calls, each for the order that its key begins with."""
    ledger = Ledger()
    for key in keys:
        order = "/".join(key.split("/")[:2])
        what = deed("tms", "tender_transport", order)
        ledger.once(LedgerCall(key, meaning=hash(order)), what, lambda: Accepted(reference="R"))
    return ledger.report()


def clean(**effects: Any) -> dict[str, Any]:
    """A sound report, but for these effects."""
    return {
        "promises": {"oversold": 0},
        "stock": {"unbalanced": 0},
        "balance": {"items": 4, "differences": 1, "explained": 1},
        "effects": {"tms": reconcile(KEYS, book(sorted(KEYS))), **effects},
        "orders": {"open": 0},
        "unfinished": {"effects": 0, "steps": 0, "verdicts": 0},
        "messages": {"accepted": 3, "applied": 2, "superseded": 1, "quarantined": 0},
    }


def test_repeats_under_one_key_are_no_duplicates() -> None:
    assert sound(clean(tms=reconcile(KEYS, book(sorted(KEYS) * 3)))) == []


def test_a_key_for_each_attempt_is_found() -> None:
    attempts = count(1)
    keys = [f"{key}#{next(attempts)}" for key in sorted(KEYS) for _ in range(2)]
    assert sound(clean(tms=reconcile(set(keys), book(keys)))) == ["tms: 3 duplicate"]
    assert sound(clean(tms=reconcile(KEYS, book(keys)))) == ["tms: 3 missing", "tms: 9 duplicate"]


def test_what_was_lost_and_what_nobody_asked_for_is_found() -> None:
    some = sorted(KEYS)[1:]
    assert sound(clean(tms=reconcile(KEYS, book(some)))) == ["tms: 1 missing"]
    assert sound(clean(tms=reconcile(set(some), book(sorted(KEYS))))) == ["tms: 1 duplicate"]


def test_what_was_superseded_may_have_been_done_or_not() -> None:
    every = sorted(KEYS)
    for done in (every, every[1:]):
        assert sound(clean(tms=reconcile(set(every[1:]), book(done), {every[0]}))) == []
    assert sound(clean(tms=reconcile(set(every[1:]), book([every[0]] * 2 + every), {every[0]}))) == []


def test_open_orders_and_unsettled_messages_are_found() -> None:
    report = clean()
    report["orders"]["open"] = 2
    report["messages"]["accepted"] = 4
    assert sound(report) == [
        "2 orders did not end",
        "1 messages are neither applied, superseded nor quarantined",
    ]


def test_books_that_do_not_add_up_and_broken_promises_are_found() -> None:
    report = clean()
    report["stock"]["unbalanced"], report["promises"]["oversold"] = 3, 1
    report["balance"]["differences"] = 3
    assert sound(report) == [
        "3 places of the stock ledger do not add up",
        "2 differences with other systems' books are not explained",
        "1 items or supplies are promised beyond what there is",
    ]


def test_what_is_owed_or_provisional_at_the_end_is_found() -> None:
    report = clean()
    report["unfinished"] = {"effects": 3, "steps": 1, "verdicts": 2}
    assert sound(report) == ["3 effects are owed", "1 steps and 2 verdicts are provisional"]
