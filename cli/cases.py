"""`syncline case …`: see what is wrong, take it on, act on it."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.client import Api, Erp, Reason, RequestId, new_id, numbered, whole
from cli.orders import print_verdict
from cli.terminal import DEFAULT_STATE, StateDir, console, fail, show
from gateway.views.orders import CaseList, CaseView
from schemas.cases.exceptions import Action, ExceptionKind
from schemas.ids import CaseKey
from schemas.procurement.purchase_orders import PurchaseAnswer
from schemas.workflows.commands import ActionRequest, CaseAnswer, CommandAnswer, NoteRequest

app = typer.Typer(no_args_is_help=True, help="Exception cases: what is wrong with which orders, and who has it.")

COLUMNS = ("id", "state", "tier", "queue", "assignee", "summary", "opened_at", "next_at")
"""Columns of the list of cases."""
CaseId = Annotated[str, typer.Argument(help="As it is listed: <erp>/<number>/<kind>/<n>.")]
Seen = Annotated[str, typer.Option("--reason", help="A note for the case's history.")]


@app.command("list")
def list_cases(
    queue: Annotated[str | None, typer.Option(help="On one desk.")] = None,
    kind: Annotated[ExceptionKind | None, typer.Option(help="Of one kind.")] = None,
    order: Annotated[str | None, typer.Option(help="Of one order, by the ERP's number.")] = None,
    closed: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    erp: Erp = None,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """List open cases, the newest first."""
    state = "all" if closed else "open"
    found = Api(state_dir).get("/v1/cases", CaseList, state=state, kind=kind, queue=queue, order=order, erp=erp)
    show("cases", COLUMNS, (case.model_dump() for case in found.cases))


@app.command("show")
def show_case(case: CaseId, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Show a case: where it is, what was found, what can be done, and its history."""
    found = Api(state_dir).get(f"/v1/cases/{case}", CaseView)
    show(found.id, COLUMNS[1:], [found.model_dump()])
    show("findings", ("kind", "subject", "summary"), (finding.model_dump() for finding in found.findings or ()))
    show("history", ("at", "by", "what"), (entry.model_dump() for entry in found.history or ()))
    console.print(f"can be done: {', '.join(found.actions or ()) or 'nothing'}")


@app.command("ack")
def acknowledge(
    case: CaseId, reason: Seen = "seen", request_id: RequestId = "", state_dir: StateDir = DEFAULT_STATE
) -> None:
    """Say that you have seen it."""
    _note(state_dir, case, "acknowledge", id=request_id or new_id(), reason=reason)


@app.command()
def assign(
    case: CaseId,
    to: Annotated[str, typer.Argument(help="The person or queue that takes it.")],
    reason: Seen = "assigned",
    request_id: RequestId = "",
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Give it to a person or queue."""
    _note(state_dir, case, "assign", id=request_id or new_id(), reason=reason, to=to)


@app.command()
def resolve(case: CaseId, reason: Reason, request_id: RequestId = "", state_dir: StateDir = DEFAULT_STATE) -> None:
    """Close it."""
    _note(state_dir, case, "resolve", id=request_id or new_id(), reason=reason)


@app.command()
def act(
    case: CaseId,
    action: Annotated[Action, typer.Argument(help="One of those that `syncline case show` names.")],
    reason: Reason,
    site: Annotated[str | None, typer.Option(help="The other warehouse, for re_source and split.")] = None,
    carrier: Annotated[str | None, typer.Option(help="The carrier wanted, for re_tender.")] = None,
    on: Annotated[str | None, typer.Option(help="The new day, for re_date.")] = None,
    line: Annotated[list[str], typer.Option(help="LINE=PACKS concerned.")] = [],  # noqa: B006
    message: Annotated[list[int], typer.Option(help="Inbox id, for replay.", parser=whole)] = [],  # noqa: B006
    invoice: Annotated[str | None, typer.Option(help="Its number, for release_invoice and reject_invoice.")] = None,
    request_id: RequestId = "",
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Carry out an action that the case offers."""
    try:
        about = CaseKey.parse(case).subject
    except ValueError:
        raise fail("name the case as `syncline case list` does: <erp>/<number>/<kind>/<n>") from None
    fields = {
        "id": request_id or new_id(),
        "reason": reason,
        "action": action,
        "case": case,
        "site": site,
        "carrier": carrier,
        "promised_on": on,
        "lines": numbered(line, "quantity") or None,
        "messages": message or None,
        "invoice": invoice,
    }
    if about.is_purchase:
        path = f"/v1/purchase-orders/{about.number}/act"
        said = Api(state_dir).post(path, PurchaseAnswer, ActionRequest, fields, erp=about.erp)
        console.print(f"[bold]{said.order}[/] {said.status}: {escape(said.done or 'done')}", soft_wrap=True)
        return
    print_verdict(
        Api(state_dir).post(f"/v1/orders/{about.number}/act", CommandAnswer, ActionRequest, fields, erp=about.owner)
    )


def _note(state_dir: StateDir, case: str, verb: str, **fields: Any) -> None:
    said = Api(state_dir).post(f"/v1/cases/{case}/{verb}", CaseAnswer, NoteRequest, fields)
    held = f", {said.assignee} has it" if said.assignee else ""
    console.print(f"[bold]{said.case}[/] {said.state}, tier {said.tier}, on the desk of {said.queue}{held}")
