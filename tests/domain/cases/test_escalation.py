"""The life of a case: tiers in order, one notice each, a clock that nothing resets, requests that people make."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cases import escalation
from domain.cases.case_file import CaseFile, answer, case_record
from domain.cases.escalation import KEPT_ENTRIES, CaseChange, CaseVerb
from schemas.base import Role
from schemas.cases.cases import CaseEntry, CaseNews, CaseState, Finding
from schemas.cases.exceptions import Action, CasePolicy, Channel, ExceptionKind, Tier
from schemas.workflows.commands import Command, NoteRequest
from tests.domain.builders import NOON

LATE = Finding(kind=ExceptionKind.DELAY, subject="DN-1", summary="2 days late")
LATER = Finding(kind=ExceptionKind.DELAY, subject="DN-2", summary="5 days late")
EMAIL, CHAT = Channel.EMAIL, Channel.CHAT
POLICY = CasePolicy(
    version=7,
    tiers=(
        Tier(after_s=0, queue="transport"),
        Tier(after_s=3600, queue="transport-manager", channels=(EMAIL, CHAT)),
        Tier(after_s=7200, queue="executive"),
    ),
    actions=(Action.RESCHEDULE,),
)


def fresh(policy: CasePolicy = POLICY, **changes: Any) -> CaseFile:
    """A case that was opened at noon."""
    fields = {
        "order": "erp-one/SO-1",
        "kind": ExceptionKind.DELAY,
        "number": 1,
        "findings": (LATE,),
        "opened_at": NOON,
        "policy": policy,
    }
    return CaseFile(**{**fields, **changes})


def opened(policy: CasePolicy = POLICY, **changes: Any) -> CaseFile:
    return escalation.open_case(fresh(policy, **changes)).file


def policy(**changes: Any) -> CasePolicy:
    return POLICY.model_copy(update=changes)


def at(seconds: float) -> Any:
    return NOON + timedelta(seconds=seconds)


def wish(name: str = "r1", seconds: float = 60, *, by: str = "ann", **fields: Any) -> Command[NoteRequest]:
    request = NoteRequest(id=name, **fields)
    return Command(request=request, by=by, role=Role.SUPPORT, inbox_id=5, accepted_at=at(seconds))


def ask(file: CaseFile, verb: CaseVerb, command: Command[NoteRequest]) -> CaseFile:
    assert escalation.refusal(file, verb, command) is None
    return escalation.ask(file, verb, command).file


def keys(change: CaseChange) -> list[tuple[str, str]]:
    return [(notice.key.removeprefix("erp-one/SO-1/delay/1/"), notice.to) for notice in change.notices]


def said(file: CaseFile) -> list[str]:
    return [entry.what for entry in file.history]


def test_opening_alerts_the_owner() -> None:
    change = escalation.open_case(fresh())
    assert keys(change) == [("0/email", "transport")]
    (notice,) = change.notices
    assert (notice.template, notice.kind, notice.case) == ("case_alert", "delay", "erp-one/SO-1/delay/1")
    assert notice.facts["summary"] == "2 days late"
    assert change.file.next_due == at(3600)
    assert said(change.file) == ["opened: 2 days late", "alerted transport"]
    assert answer(change.file).model_dump(exclude_unset=True) == {
        "case": "erp-one/SO-1/delay/1",
        "state": "open",
        "tier": 0,
        "queue": "transport",
        "assignee": "",
    }


def test_it_climbs_tier_by_tier() -> None:
    file = opened()
    assert escalation.pass_time(file, at(3599)) == CaseChange(file)
    second = escalation.pass_time(file, at(3600))
    assert keys(second) == [("1/email", "transport-manager"), ("1/chat", "transport-manager")]
    assert {notice.template for notice in second.notices} == {"case_escalated"}
    assert (second.file.tier, second.file.queue, second.file.next_due) == (1, "transport-manager", at(7200))
    assert escalation.pass_time(second.file, at(3600)) == CaseChange(second.file)
    third = escalation.pass_time(second.file, at(9000))
    assert keys(third) == [("2/email", "executive")]
    assert third.file.next_due is None
    assert escalation.pass_time(third.file, at(10**6)) == CaseChange(third.file)


def test_who_comes_late_catches_up_in_order() -> None:
    change = escalation.pass_time(opened(), at(10**6))
    assert [tier for tier, _ in keys(change)] == ["1/email", "1/chat", "2/email"]
    assert said(change.file)[-2:] == [
        "not solved after 1:00:00: escalated to transport-manager",
        "not solved after 2:00:00: escalated to executive",
    ]


def test_nobody_is_alerted_while_the_order_looks_after_itself() -> None:
    quiet = policy(tiers=(Tier(after_s=600, queue="transport"), *POLICY.tiers[1:]), tell_customer=True)
    change = escalation.open_case(fresh(quiet))
    assert change.notices == ()
    assert (change.file.tier, change.file.queue, change.file.next_due) == (0, "transport", at(600))
    healed = escalation.hear(change.file, CaseNews(findings=(), at=at(300)))
    assert healed.notices == ()
    assert keys(escalation.pass_time(change.file, at(600))) == [
        ("0/email", "transport"),
        ("customer/email", "customer"),
    ]


def test_what_nobody_takes_goes_to_the_next_queue_at_once() -> None:
    file = opened(policy(unassigned_after_s=900))
    assert file.next_due == at(900)
    change = escalation.pass_time(file, at(900))
    assert keys(change) == [("1/email", "transport-manager"), ("1/chat", "transport-manager")]
    assert said(change.file)[-1] == "nobody in transport took it: handed to transport-manager"
    assert change.file.next_due == at(7200), "the tier that it came to early is not reached again"


def test_the_unassigned_clock_starts_with_the_first_alert() -> None:
    quiet = policy(tiers=(Tier(after_s=600, queue="transport"), *POLICY.tiers[1:]), unassigned_after_s=900)
    file = escalation.pass_time(opened(quiet), at(600)).file
    assert file.next_due == at(1500)


@pytest.mark.parametrize("verb", [CaseVerb.ACKNOWLEDGE, CaseVerb.ASSIGN])
def test_a_case_that_somebody_took_climbs_at_the_time_of_its_tier(verb: CaseVerb) -> None:
    file = ask(opened(policy(unassigned_after_s=900)), verb, wish())
    assert file.next_due == at(3600)
    assert keys(escalation.pass_time(file, at(3600)))[0] == ("1/email", "transport-manager")


def test_a_repeated_alert_of_the_owner_is_for_cases_that_nobody_took() -> None:
    reminding = policy(tiers=(POLICY.tiers[0], Tier(after_s=60, queue="transport"), Tier(after_s=120, queue="boss")))
    file = opened(reminding)
    assert keys(escalation.pass_time(file, at(60))) == [("1/email", "transport")]
    taken = ask(file, CaseVerb.ACKNOWLEDGE, wish(seconds=30))
    silent = escalation.pass_time(taken, at(60))
    assert silent.notices == ()
    assert silent.file.next_due == at(120)
    assert keys(escalation.pass_time(silent.file, at(120))) == [("2/email", "boss")]


def test_people_take_and_resolve_it() -> None:
    seen = ask(opened(), CaseVerb.ACKNOWLEDGE, wish("a", 60))
    assert (seen.state, seen.acknowledged_at) == (CaseState.ACKNOWLEDGED, at(60))
    taken = ask(seen, CaseVerb.ASSIGN, wish("b", 90, to="bob"))
    assert (taken.state, taken.assignee, taken.acknowledged_at) == (CaseState.ASSIGNED, "bob", at(60))
    again = ask(taken, CaseVerb.ACKNOWLEDGE, wish("c", 95))
    assert (again.state, again.assignee) == (CaseState.ASSIGNED, "bob")
    done = ask(again, CaseVerb.RESOLVE, wish("d", 120, reason="carrier found it", by=""))
    assert (done.state, done.closed_at, done.next_due, done.offered) == (CaseState.RESOLVED, at(120), None, ())
    assert [(entry.what, entry.by) for entry in done.history[-4:]] == [
        ("acknowledged: seen", "ann"),
        ("assigned to bob: seen", "ann"),
        ("acknowledged: seen", "ann"),
        ("resolved: carrier found it", "support"),
    ]
    assert ask(opened(), CaseVerb.ASSIGN, wish()).assignee == "ann", "who asks without a name takes it"


def test_a_request_is_carried_out_once() -> None:
    file = ask(opened(), CaseVerb.ASSIGN, wish("a", to="bob"))
    assert escalation.ask(file, CaseVerb.ASSIGN, wish("a", to="eve")) == CaseChange(file)
    assert ask(file, CaseVerb.ACKNOWLEDGE, wish("a")) != file, "ids are those of one kind of request"


def test_requests_that_cannot_be_done_say_what_can() -> None:
    file = opened()
    assert "say in `reason`" in str(escalation.refusal(file, CaseVerb.RESOLVE, wish()))
    assert "say in `to`" in str(escalation.refusal(file, CaseVerb.ASSIGN, wish(by="")))
    closed = ask(file, CaseVerb.RESOLVE, wish("d", reason="done"))
    for verb in CaseVerb:
        refusal = str(escalation.refusal(closed, verb, wish("e", reason="again")))
        assert "resolved at 2026-05-04 12:01 UTC" in refusal
        assert "opens again by itself" in refusal
    assert escalation.refusal(closed, CaseVerb.RESOLVE, wish("d", reason="done")) is None, "a repeat is answered"
    assert escalation.ask(closed, CaseVerb.RESOLVE, wish("d", reason="done")) == CaseChange(closed)


def test_findings_join_and_leave_the_open_case() -> None:
    joined = escalation.hear(opened(), CaseNews(findings=(LATER, LATE), at=at(100)))
    assert joined.notices == ()
    assert joined.file.findings == (LATE, LATER)
    assert joined.file.summary == "2 days late (and 1 more)"
    one = escalation.hear(joined.file, CaseNews(findings=(LATER,), at=at(200))).file
    assert said(one)[-2:] == ["joined: 5 days late", "gone: 2 days late"]
    assert one.next_due == at(3600), "the clock runs from the opening"


def test_an_edit_of_the_order_changes_nothing() -> None:
    file = escalation.pass_time(opened(), at(3600)).file
    assert escalation.hear(file, CaseNews(findings=(LATE,), at=at(3700))) == CaseChange(file)
    worse = LATE.model_copy(update={"summary": "3 days late"})
    edited = escalation.hear(file, CaseNews(findings=(worse,), at=at(3700), note="amended: quantity")).file
    assert (edited.tier, edited.next_due, edited.findings) == (1, at(7200), (worse,))
    assert said(edited)[-1] == "amended: quantity"


def test_it_closes_by_itself_when_its_cause_is_cured() -> None:
    change = escalation.hear(opened(), CaseNews(findings=(), at=at(100), note="delivered"))
    assert change.notices == ()
    assert (change.file.state, change.file.closed_at, change.file.next_due) == (CaseState.CURED, at(100), None)
    assert said(change.file)[-2:] == ["delivered", "cured: 2 days late"]
    assert change.file.findings == (LATE,), "what it was about stays known"
    assert escalation.pass_time(change.file, at(10**6)) == CaseChange(change.file)
    assert escalation.hear(change.file, CaseNews(findings=(LATER,), at=at(200))) == CaseChange(change.file)


def test_a_case_that_opens_again_keeps_its_history() -> None:
    before = escalation.hear(opened(), CaseNews(findings=(), at=at(100))).file
    change = escalation.open_case(fresh(reopened=1, history=before.history, opened_at=at(500)))
    assert said(change.file) == [*said(before), "reopened (1): 2 days late", "alerted transport"]
    assert [notice.key for notice in change.notices] == ["erp-one/SO-1/delay/1/0/email/1"], "alerted again"
    assert change.file.next_due == at(500 + 3600)
    assert case_record(change.file, ()).reopened == 1


def test_the_customer_is_told_once() -> None:
    change = escalation.open_case(fresh(policy(tell_customer=True), promised_on=NOON.date()))
    alert, told = change.notices
    assert (told.key, told.to, told.template) == ("erp-one/SO-1/delay/1/customer/email", "customer", "customer_delay")
    assert told.facts == {"promised_on": "2026-05-04"}
    assert alert.to == "transport"
    assert "customer" not in [notice.to for notice in escalation.pass_time(change.file, at(10**6)).notices]


def test_what_was_done_to_the_order_is_kept_once() -> None:
    entry = CaseEntry(at=at(50), what="re_date: 2026-06-01", by="ann")
    file = escalation.hear_action(opened(), entry).file
    assert file.history[-1] == entry
    assert escalation.hear_action(file, entry) == CaseChange(file)


def test_a_record_says_it_all() -> None:
    file = ask(opened(policy(unassigned_after_s=900)), CaseVerb.ASSIGN, wish(to="bob"))
    step = case_record(file, ())
    assert (step.id, step.version, step.state, step.assignee) == (file.id, file.version, CaseState.ASSIGNED, "bob")
    assert (step.policy_version, step.actions, step.next_at) == (7, (Action.RESCHEDULE,), at(3600))
    assert (step.acknowledged_at, step.closed_at) == (at(60), None)


def test_history_has_a_limit() -> None:
    file = opened()
    for number in range(KEPT_ENTRIES + 5):
        file = escalation.hear_action(file, CaseEntry(at=at(number), what=f"n{number}")).file
    assert len(file.history) == KEPT_ENTRIES
    assert said(file)[-1] == f"n{KEPT_ENTRIES + 4}"


STEPS = st.one_of(
    st.tuples(st.just("time"), st.integers(0, 9000)),
    st.tuples(st.just("news"), st.sampled_from([(LATE,), (LATER,), (LATE, LATER), ()])),
    st.tuples(st.just("ask"), st.tuples(st.sampled_from(CaseVerb), st.integers(0, 3))),
)


def step(file: CaseFile, name: str, value: Any, now: float) -> CaseChange:
    if name == "time":
        return escalation.pass_time(file, at(now))
    if name == "news":
        return escalation.hear(file, CaseNews(findings=value, at=at(now)))
    verb, number = value
    command = wish(f"r{number}", now, reason="because", to="bob")
    return CaseChange(file) if escalation.refusal(file, verb, command) else escalation.ask(file, verb, command)


@given(st.lists(STEPS, max_size=12), st.sampled_from([None, 600, 5000]))
def test_whatever_happens(story: list[tuple[str, Any]], unassigned_after_s: float | None) -> None:
    change = escalation.open_case(fresh(policy(unassigned_after_s=unassigned_after_s, tell_customer=True)))
    notices, now = list(change.notices), 0.0
    for name, value in story:
        before = change.file
        now = max(now, float(value)) if name == "time" else now
        change = step(before, name, value, now)
        notices += change.notices
        assert change.file.tier >= before.tier
        assert change.file.version == before.version, "the workflow counts inputs"
        assert change.file.opened_at == before.opened_at
        if before.closed:
            assert change == CaseChange(before)
    sent = [notice.key for notice in notices]
    assert len(sent) == len(set(sent)), "at most one for each tier and channel"
    assert [notice.tier for notice in notices] == sorted(notice.tier for notice in notices)
    assert max(notice.tier for notice in notices) == change.file.tier


def test_what_is_worse_by_more_than_a_band_alerts_its_queue_again_and_what_is_not_only_follows() -> None:
    file = opened(findings=(LATE.model_copy(update={"measure": 9, "summary": "9 days late"}),))
    news = LATE.model_copy(update={"measure": 10, "summary": "10 days late"})
    followed = escalation.hear_news(file, CaseNews(findings=(news,), at=NOON))
    assert (followed.file.summary, followed.notices) == ("10 days late", ())
    news = LATE.model_copy(update={"measure": 100, "summary": "100 days late"})
    worse = escalation.hear_news(followed.file, CaseNews(findings=(news,), at=NOON))
    assert worse.file.history[-1].what == "worse: 100 days late"
    [alert] = worse.notices
    assert (alert.to, alert.key) == ("transport", f"{file.id}/0/email/worse-100")
    assert alert.facts["summary"] == "100 days late"
    assert escalation.hear_news(worse.file, CaseNews(findings=(news,), at=NOON)).notices == ()
