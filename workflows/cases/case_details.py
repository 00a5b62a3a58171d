"""The page of an exception case in the Temporal UI: search attributes and half a page of markdown."""

from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from domain.cases.case_file import CaseFile
from workflows.runtime.entity import TIMELINE_LINES
from workflows.runtime.search_attributes import CARRIER, EXCEPTION_KINDS, NEXT_DUE, OPEN_CASES, PRIORITY, REGION, SITE


class CaseDetails:
    """Keeps the UI's picture of one case. Indexes only what changed."""

    def __init__(self) -> None:
        self._indexed: tuple[object, ...] = ()

    def show(self, file: CaseFile) -> None:
        """Refresh the details page; index the case again when something that lists are made of has changed."""
        workflow.set_current_details(details(file))
        indexed = (file.next_due, file.closed)
        if indexed == self._indexed:
            return
        due = NEXT_DUE.value_set(file.next_due) if file.next_due else NEXT_DUE.value_unset()
        origin = [] if self._indexed else _origin(file)
        workflow.upsert_search_attributes([OPEN_CASES.value_set([] if file.closed else [file.id]), due, *origin])
        self._indexed = indexed


def _origin(file: CaseFile) -> list[SearchAttributeUpdate[Any]]:
    """The search attributes that lists of cases are made of; these never change."""
    updates: list[SearchAttributeUpdate[Any]] = [
        EXCEPTION_KINDS.value_set([file.kind]),
        PRIORITY.value_set(str(file.priority)),
    ]
    named = ((SITE, file.site), (REGION, file.region), (CARRIER, file.carrier))
    return updates + [attribute.value_set(name) for attribute, name in named if name]


def details(file: CaseFile) -> str:
    """The case on half a page of markdown: where it is, what is wrong, what can be done, what happened."""
    due = f"{file.next_due:%Y-%m-%d %H:%M} UTC to {file.next_queue}" if file.next_due else "none"
    lines = [
        f"**{file.kind}** on order {file.order}: **{file.state}**, tier {file.tier} of {len(file.policy.tiers) - 1}",
        "",
        f"- queue: {file.queue}",
        f"- assignee: {file.assignee or 'nobody'}",
        f"- next escalation: {due}",
        *(f"- finding: {finding.summary} ({finding.subject})" for finding in file.findings),
        f"- actions: {', '.join(file.offered) or 'none'}",
        f"- policy version: {file.policy.version}",
        "",
        *(f"1. {entry.at:%Y-%m-%d %H:%M} {entry.what} ({entry.by})" for entry in file.history[-TIMELINE_LINES:]),
    ]
    return "\n".join(lines)
