"""The life of an exception case, decided purely: opened, taken, climbing tier by tier, cured or resolved.

The alert clock runs from the opening and nothing resets it. Each tier is reached once, so each of its alerts is asked
for once. Every function returns the case as it is now and the notices to send; a closed case never changes its state.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from domain.cases.case_file import CaseFile
from domain.cases.known_cases import worse
from schemas.cases.cases import CaseEntry, CaseNews, CaseState, Finding, Notice
from schemas.cases.exceptions import Channel
from schemas.cases.notifications import CUSTOMER
from schemas.workflows.commands import Command, NoteRequest

KEPT_ENTRIES = 200
"""Entries of the history, and ids of requests, that a case keeps."""


class CaseVerb(StrEnum):
    """Requests of people to a case; also the names of its workflow's signals."""

    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    RESOLVE = "resolve"


@dataclass(frozen=True)
class CaseChange:
    """The case as it is now, and the messages to people that the change asks for."""

    file: CaseFile
    notices: tuple[Notice, ...] = ()


def open_case(file: CaseFile) -> CaseChange:
    """Open a case, or open it again: its history and the count of its reopenings go on."""
    what = f"reopened ({file.reopened})" if file.reopened else "opened"
    entry = CaseEntry(at=file.opened_at, what=f"{what}: {_summaries(file.findings)}")
    return pass_time(_changed(file, [entry], findings=_sorted(file.findings)), file.opened_at)


def pass_time(file: CaseFile, now: datetime) -> CaseChange:
    """Go to every tier that is due. Each alerts its queue; the first also tells the customer, where the policy says so.

    A tier that only repeats the owner's alert stays silent once somebody has taken the case; the others do not.
    """
    notices: list[Notice] = []
    while (due := file.next_due) is not None and due <= now:
        entry = CaseEntry(at=now, what=_why(file))
        taken = file.state is not CaseState.OPEN
        first = file.reached == 0
        file = _changed(file, [entry], reached=file.reached + 1)
        if not (taken and file.queue == file.policy.tiers[0].queue):
            notices += _alerts(file, now)
        if first and file.policy.tell_customer:
            notices.append(_customer_notice(file, now))
    return CaseChange(file, tuple(notices))


def hear(file: CaseFile, said: CaseNews | CaseEntry) -> CaseChange:
    """Take in what the order says: how it is, or what was done to it on behalf of the case."""
    return hear_news(file, said) if isinstance(said, CaseNews) else hear_action(file, said)


def hear_news(file: CaseFile, news: CaseNews) -> CaseChange:
    """Take in what is wrong now: more findings join, those that are gone leave, and when none is left the case is
    cured. One that is worse by more than a band alerts the queue that has it once more. The same findings again change
    nothing; another sentence takes the place of the one before."""
    if file.closed:
        return CaseChange(file)
    entries = [CaseEntry(at=news.at, what=news.note)] if news.note else []
    entries += [CaseEntry(at=news.at, what=f"joined: {f.summary}") for f in _only(news.findings, file.findings)]
    if not news.findings:
        entries.append(CaseEntry(at=news.at, what=f"cured: {_summaries(file.findings)}"))
        return CaseChange(_changed(file, entries, state=CaseState.CURED, closed_at=news.at))
    entries += [CaseEntry(at=news.at, what=f"gone: {f.summary}") for f in _only(file.findings, news.findings)]
    worsened = _worse(file, news.findings)
    alerted = worsened if file.reached else ()
    entries += [CaseEntry(at=news.at, what=f"worse: {f.summary}") for f in worsened]
    findings = _sorted(news.findings)
    if not entries and findings == file.findings:
        return CaseChange(file)
    after = _changed(file, entries, findings=findings)
    return CaseChange(
        after, tuple(_alerts(after, news.at, f"/worse-{max(f.measure for f in alerted)}")) if alerted else ()
    )


def hear_action(file: CaseFile, entry: CaseEntry) -> CaseChange:
    """Keep in the history what was done to the order on behalf of the case. A repeat changes nothing."""
    return CaseChange(file if entry in file.history else _changed(file, [entry]))


def refusal(file: CaseFile, verb: CaseVerb, command: Command[NoteRequest]) -> str | None:
    """Why a request cannot be done, and what can be done instead; None when it can, or was done before."""
    request = command.request
    if _mark(verb, request) in file.seen:
        return None
    if file.closed:
        return (
            f"the case is closed ({file.state} at {file.closed_at:%Y-%m-%d %H:%M} UTC): there is nothing to {verb}; "
            "it opens again by itself when its cause comes back, and the order can be amended, held or cancelled"
        )
    if verb is CaseVerb.RESOLVE and "reason" not in request.model_fields_set:
        return "a case is resolved with a reason: say in `reason` what was done; or acknowledge it, which needs none"
    if verb is CaseVerb.ASSIGN and not (request.to or command.by):
        return "say in `to` which person or queue takes the case"
    return None


def ask(file: CaseFile, verb: CaseVerb, command: Command[NoteRequest]) -> CaseChange:
    """Carry out a request that is not refused, once."""
    if _mark(verb, command.request) in file.seen:
        return CaseChange(file)
    does = {CaseVerb.ACKNOWLEDGE: acknowledge, CaseVerb.ASSIGN: assign, CaseVerb.RESOLVE: resolve}
    return CaseChange(does[verb](file, command))


def acknowledge(file: CaseFile, command: Command[NoteRequest]) -> CaseFile:
    """Somebody has seen it: it does not count as ignored any more. It still climbs while it is not solved."""
    state = CaseState.ACKNOWLEDGED if file.state is CaseState.OPEN else file.state
    return _asked(file, CaseVerb.ACKNOWLEDGE, command, "acknowledged", state=state)


def assign(file: CaseFile, command: Command[NoteRequest]) -> CaseFile:
    """Somebody takes it, or is given it."""
    assignee = command.request.to or command.by
    done = f"assigned to {assignee}"
    return _asked(file, CaseVerb.ASSIGN, command, done, state=CaseState.ASSIGNED, assignee=assignee)


def resolve(file: CaseFile, command: Command[NoteRequest]) -> CaseFile:
    """Somebody says that it is dealt with, and how."""
    changes = {"state": CaseState.RESOLVED, "closed_at": command.accepted_at}
    return _asked(file, CaseVerb.RESOLVE, command, "resolved", **changes)


def _changed(file: CaseFile, entries: Iterable[CaseEntry], **changes: Any) -> CaseFile:
    history = (*file.history, *entries)[-KEPT_ENTRIES:]
    return file.model_copy(update={**changes, "history": history})


def _asked(file: CaseFile, verb: CaseVerb, command: Command[NoteRequest], done: str, **changes: Any) -> CaseFile:
    """A person's request, which also acknowledges the case."""
    request = command.request
    entry = CaseEntry(at=command.accepted_at, what=f"{done}: {request.reason}", by=command.by or command.role)
    changes["acknowledged_at"] = file.acknowledged_at or command.accepted_at
    changes["seen"] = (*file.seen, _mark(verb, request))[-KEPT_ENTRIES:]
    return _changed(file, [entry], **changes)


def _mark(verb: CaseVerb, request: NoteRequest) -> str:
    """The unique name of a request: callers number each kind of request by itself."""
    return f"{verb}/{request.id}"


def _why(file: CaseFile) -> str:
    """Why the case goes to its next tier, said before it does."""
    if file.reached == 0:
        return f"alerted {file.next_queue}"
    tier = file.policy.tiers[file.reached]
    due = file.next_due
    if due is not None and due < file.opened_at + timedelta(seconds=tier.after_s):
        return f"nobody in {file.queue} took it: handed to {tier.queue}"
    return f"not solved after {timedelta(seconds=tier.after_s)}: escalated to {tier.queue}"


def _worse(file: CaseFile, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings that the case knows, and that are worse now by more than a band."""
    before = {it.subject: it.measure for it in file.findings}
    return tuple(
        it for it in _sorted(findings) if it.subject in before and worse(it.kind, it.measure, before[it.subject])
    )


def _alerts(file: CaseFile, now: datetime, why: str = "") -> list[Notice]:
    again = f"/{file.reopened}" if file.reopened else ""  # opened again is alerted again, under the same number
    return [
        Notice(
            key=f"{file.id}/{file.tier}/{channel}{again}{why}",
            template="case_escalated" if file.tier else "case_alert",
            to=file.queue,
            channel=channel,
            order=file.order,
            case=file.id,
            kind=file.kind,
            tier=file.tier,
            asked_at=now,
            facts=_facts(file),
        )
        for channel in dict.fromkeys(file.policy.tiers[file.tier].channels)
    ]


def _customer_notice(file: CaseFile, now: datetime) -> Notice:
    return Notice(
        key=f"{file.id}/{CUSTOMER}/{Channel.EMAIL}",
        template=f"customer_{file.kind}",
        to=CUSTOMER,
        channel=Channel.EMAIL,
        order=file.order,
        case=file.id,
        kind=file.kind,
        tier=0,
        asked_at=now,
        facts={"promised_on": file.promised_on.isoformat()} if file.promised_on else {},
    )


def _facts(file: CaseFile) -> dict[str, str]:
    facts = {
        "summary": file.summary,
        "state": file.state,
        "queue": file.queue,
        "assignee": file.assignee,
        "opened_at": f"{file.opened_at:%Y-%m-%d %H:%M} UTC",
        "actions": ", ".join(file.policy.actions),
        "reopened": str(file.reopened or ""),
        "site": file.site,
        "carrier": file.carrier,
    }
    return {name: str(value) for name, value in facts.items() if value}


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: (finding.kind, finding.subject)))


def _only(these: Iterable[Finding], those: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings that are among these and not among those. A finding is the same when only its sentence differs."""
    known = {(finding.kind, finding.subject) for finding in those}
    return tuple(finding for finding in _sorted(these) if (finding.kind, finding.subject) not in known)


def _summaries(findings: Iterable[Finding]) -> str:
    return "; ".join(finding.summary for finding in _sorted(findings))
