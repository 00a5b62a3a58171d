"""Forms of the pages: their fields become the JSON of a command to the API. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from gateway.views.orders import CaseView, OrderView
from gateway.views.purchases import PurchaseView
from schemas.cases.cases import CaseState
from schemas.cases.exceptions import Action, ExceptionKind
from schemas.finance.reconciliation import About, DifferenceView
from schemas.finance.self_audit import Check, Drift
from schemas.ids import Subject
from schemas.planning.governor import StockProposalView
from schemas.workflow_ids import WorkflowId, WorkflowKind
from schemas.workflows.commands import Verb, Verdict
from store.views.work_lists import WaitingProposal


@dataclass(frozen=True)
class FormField:
    """A field of a form. `lines` asks for packs of each open line, `ids` for numbers of messages."""

    name: str
    label: str
    kind: Literal["text", "date", "whole", "check", "ids", "lines"] = "text"
    required: bool = True
    hint: str = ""


_TO = FormField("to", "Person or queue")
_WHY = FormField("reason", "Why", required=False)
REASON = FormField("reason", "Why", hint="Kept with who decided, and when.")
_SITE = FormField("site", "Site", hint="As in RDC-EMEA.")
_INVOICE = FormField("invoice", "Invoice", hint="Its number, as the case names it.")
_PACKS = FormField("lines", "Packs", "lines", required=False, hint="Empty: all open packs.")


@dataclass(frozen=True)
class Form:
    """A command that can be asked for. `fixed` are fields that nobody fills in; `done` is said when it is done."""

    name: str
    title: str
    url: str
    note: str = ""
    fields: tuple[FormField, ...] = (REASON,)
    fixed: dict[str, str] = field(default_factory=dict)
    done: str = "Done"
    style: str = ""


_ACTIONS: dict[Action, tuple[str, str, tuple[FormField, ...]]] = {
    Action.RETRY: ("Retry", "Sends the refused calls again, under the same keys.", ()),
    Action.RESTART: (
        "Restart",
        "Restarts the workflow from its snapshot and replays what came meanwhile.",
        (),
    ),
    Action.REPLAY: (
        "Replay",
        "Replays quarantined messages once their cause is repaired.",
        (FormField("messages", "Messages", "ids", hint="Message numbers, as in 128, 131."),),
    ),
    Action.RE_SOURCE: ("Re-source", "Another site ships these packs; the first site releases them.", (_SITE, _PACKS)),
    Action.RE_TENDER: (
        "Re-tender",
        "Withdraws the tender and offers it to another carrier.",
        (FormField("carrier", "Carrier", required=False, hint="Left empty: the next ranked one."),),
    ),
    Action.RESCHEDULE: (
        "Re-date",
        "Promises all open packs for another day and updates the ERP.",
        (FormField("promised_on", "Promise for", "date"),),
    ),
    Action.SPLIT: (
        "Split",
        "Another site ships a part.",
        (_SITE, FormField("lines", "Packs", "lines", hint="The packs that the other site ships.")),
    ),
    Action.NOTIFY_CUSTOMER: ("Notify customer", "Sends the customer a message. Your reason is not in it.", ()),
    Action.ACCEPT: (
        "Accept",
        "Accepts the supplier's changes and updates the ERP.",
        (FormField("lines", "Packs", "lines", required=False, hint="Only these lines; empty: all lines."),),
    ),
    Action.ASK_AGAIN: ("Ask again", "Asks the supplier again, through the ERP, and restarts the deadline.", ()),
    Action.RELEASE_INVOICE: ("Release invoice", "Accepts the price and pays the invoice.", (_INVOICE,)),
    Action.REJECT_INVOICE: ("Reject invoice", "Rejects the invoice: the supplier corrects it.", (_INVOICE,)),
    Action.CLOSE_UNINVOICED: ("Expect no invoice", "Expects no invoice for the rest and ends the order.", ()),
    Action.WRITE_OFF: ("Write off", "Closes packs short, or gives up a refused effect.", (_PACKS,)),
}

OVERRIDES = (
    FormField("promised_on", "Promise for", "date", required=False),
    FormField("site", "Send from site", required=False, hint="As in RDC-EMEA."),
    FormField("carrier", "Carrier", required=False),
    FormField("expedite", "Expedite", "check", required=False),
    REASON,
)
"""Fields with which a planner overrides a proposal."""


def of_case(case: CaseView, order: OrderView | PurchaseView | None) -> tuple[list[Form], list[Form]]:
    """Support's actions on an open case, and those that the case offers, which its order carries out."""
    url = f"/v1/cases/{quote(case.id)}"
    notes = [
        Form("assign", "Assign", f"{url}/assign", "Hands the case to a person or queue.", (_TO, _WHY), done="Assigned"),
        Form(
            "resolve",
            "Resolve",
            f"{url}/resolve",
            "Closes the case while its cause remains.",
            done="Resolved",
        ),
    ]
    if case.state == CaseState.OPEN:
        seen = Form("acknowledge", "Acknowledge", f"{url}/acknowledge", fields=(), done="Acknowledged", style="primary")
        notes.insert(0, seen)
    if case.kind == ExceptionKind.PLATFORM:
        return notes, [*_restarts(case)]
    return notes, [_act(Action(name), case, order) for name in case.actions or ()] if order else []


def _restarts(case: CaseView) -> Iterator[Form]:
    """Begin the orders again whose workflows do not run."""
    for finding in case.findings or ():
        order = _order_of(finding.subject)
        if order:
            url = f"/v1/orders/{quote(order.number, safe='')}/restart?erp={quote(order.erp)}"
            note = "Restarts the workflow from the database, unless it runs."
            name = f"restart-{order.number}"
            yield Form(name, f"Restart {order.number}", url, note, done="Begun again", style="primary")


def _order_of(subject: str) -> Subject | None:
    """The order whose workflow a finding names; None when it names something else."""
    try:
        workflow = WorkflowId.parse(subject)
    except ValueError:
        return None
    return workflow.subject if workflow.kind is WorkflowKind.ORDER else None


def repairs(drifts: Iterable[DifferenceView]) -> list[Form]:
    """Mend what has drifted in our own books."""
    there = FormField("packs", "Really there", "whole", required=False, hint="Packs; left empty: none.")
    found = [it for it in drifts if it.about is About.BOOK]
    return [
        Form(
            f"repair-{it.id}",
            f"Repair {it.subject}",
            f"/v1/differences/{it.id}/repair",
            it.proposal,
            (there, REASON) if Drift.at(it.item, it.place).check is Check.NEGATIVE else (REASON,),
            done="Repaired",
            style="primary",
        )
        for it in found
    ]


def _act(action: Action, case: CaseView, order: OrderView | PurchaseView) -> Form:
    title, note, fields = _ACTIONS[action]
    return Form(
        action,
        title,
        _order_url(order, Verb.ACT),
        note,
        (*fields, REASON),
        {"action": action, "case": case.id},
        style="danger" if action is Action.WRITE_OFF else "",
    )


def of_order(order: OrderView, *, support: bool) -> list[Form]:
    """Commands for a running order: planners hold and resume it, support cancels it too."""
    if order.closed_at is not None:
        return []
    held = "on_hold" in order.conditions
    stop = Form("hold", "Hold", _order_url(order, Verb.HOLD), "Work stops until the order is resumed.", done="On hold")
    go_on = Form("resume", "Resume", _order_url(order, Verb.RESUME), "Work goes on.", done="Resumed", style="primary")
    end = Form(
        "cancel",
        "Cancel order",
        _order_url(order, Verb.CANCEL),
        "Reverses what was done: put away, voided, or stopped in transit and returned.",
        done="Cancelled",
        style="danger",
    )
    return [go_on if held else stop, *([end] if support else [])]


def _order_url(order: OrderView | PurchaseView, verb: Verb) -> str:
    kind = "purchase-orders" if isinstance(order, PurchaseView) else "orders"
    return f"/v1/{kind}/{quote(order.number, safe='')}/{verb}?erp={quote(order.erp, safe='')}"


STOCK_OVERRIDES = (
    FormField("promised_on", "Plan for", "date", required=False),
    FormField("packs", "Packs more", "whole", required=False, hint="Fewer: negative, as in -40."),
    REASON,
)
"""Fields with which a planner overrides a proposal for an item at a site."""


def decision(proposal: WaitingProposal | StockProposalView) -> Form:
    """Accept or reject what is proposed: which of both, the button says."""
    url = f"/v1/proposals/{quote(proposal.id)}/decision"
    return Form(f"decide-{proposal.id}", "Decide", url, fixed={"proposal": proposal.id}, done="Decided")


def override(proposal: WaitingProposal | StockProposalView) -> Form:
    """Decide something else."""
    fields = STOCK_OVERRIDES if isinstance(proposal, StockProposalView) else OVERRIDES
    return Form(
        f"override-{proposal.id}",
        "Override",
        decision(proposal).url,
        "Overrides the proposal: fill in at least one field.",
        fields,
        {"proposal": proposal.id, "verdict": Verdict.OVERRIDE},
        done="Overridden",
    )
