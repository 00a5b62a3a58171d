"""`syncline order …`: look at an order, amend, cancel, hold, resume."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg.rows import DictRow
from pydantic import BaseModel
from rich.markup import escape

from cli.client import Api, Erp, Reason, RequestId, new_id, numbered
from cli.terminal import DEFAULT_STATE, StateDir, console, fail, show, with_database
from gateway.views.orders import OrderView
from schemas.orders.release import CancelRequest
from schemas.workflows.commands import AmendRequest, CommandAnswer, HoldRequest, ResumeRequest, Verb
from store.engine import Connection
from store.orders import order_parts, orders

app = typer.Typer(no_args_is_help=True, help="Orders.")

TABLES = {
    "lines": (
        "line",
        "item",
        "unit",
        "ordered",
        "cancelled",
        "allocated",
        "picked",
        "packed",
        "shipped",
        "delivered",
        "returned",
        "promised_on",
        "delivered_at",
    ),
    "shipments": ("shipment", "status", "location", "eta", "shipped_at", "delivered_at"),
    "cases": ("id", "state", "tier", "queue", "assignee", "summary", "opened_at", "next_at"),
    "proposals": ("id", "state", "kind", "proposed_on", "summary", "decided_by"),
    "returns": ("rma", "state", "reason", "overdue"),
    "effects": ("system", "operation", "shipment", "milestone", "outcome", "attempts", "origin", "done_at"),
    "timeline": ("occurred_at", "kind", "shipment", "location", "partner", "state", "reason"),
}
"""Tables of an order; those without rows are left out."""


@app.command("show")
def show_order(number: str, erp: Erp = None, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Show an order: status, promise, what it waits for, lines, shipments, cases, messages to every system."""

    async def load(connection: Connection) -> list[tuple[DictRow, dict[str, list[DictRow]], dict[str, int]]]:
        found = await orders.find(connection, number, None, erp)
        return [
            (order, await orders.details(connection, order["key"]), await order_parts.counts(connection, order["key"]))
            for order in found
        ]

    shown = with_database(load, state_dir)
    if not shown:
        raise fail(f"no order {number}: `syncline order show` takes the ERP's own number, as in SO-10407")
    for order, details, counts in shown:
        _headline(order)
        _outlook(Api(state_dir).glance(f"/v1/orders/{number}", OrderView, erp=order["erp"]))
        for name, columns in TABLES.items():
            if details[name]:
                show(name, columns, details[name])
            if (more := counts.get(name, 0) - len(details[name])) > 0:
                console.print(f"… and {more:,} more {name}: GET /v1/orders/{number}/pages/{name}")


def _headline(order: dict[str, Any]) -> None:
    conditions = ", ".join(order["conditions"]) or "none"
    console.print(
        f"[bold]{order['number']}[/] ({order['erp']}) · [bold]{order['status']}[/] · conditions: {conditions}"
    )
    first, now = order["first_promised_on"], order["promised_on"]
    why = escape(f"{order['promise_reason'] or ''}")
    console.print(f"promised {now}" + (f", at first {first}" if first != now else "") + (f" · {why}" if why else ""))


def _outlook(order: OrderView | None) -> None:
    """The awaited step by the order's workflow; nothing when the workflow cannot be asked."""
    if order and order.awaited:
        console.print(
            f"waits for {escape(order.awaited)}" + (f", due {order.due_at:%Y-%m-%d %H:%M}" if order.due_at else "")
        )
    if order and order.failure:
        console.print(f"last failure: {escape(order.failure)}")


@app.command()
def amend(
    number: str,
    reason: Reason,
    quantity: Annotated[list[str], typer.Option(help="LINE=PACKS; 0 packs removes the line.")] = [],  # noqa: B006
    add: Annotated[list[str], typer.Option(help="LINE=ITEM of a new line; its packs with --quantity.")] = [],  # noqa: B006
    on: Annotated[str | None, typer.Option(help="The day that is wanted now, as in 2026-05-04.")] = None,
    ship_to: Annotated[
        Path | None, typer.Option(help="The new consignee: a JSON file as in a release.", exists=True)
    ] = None,
    request_id: RequestId = "",
    erp: Erp = None,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Change quantities, lines, the day or the address of an order under way."""
    lines: dict[int, dict[str, Any]] = {}
    for change in (*numbered(quantity, "quantity"), *numbered(add, "item", str)):
        lines.setdefault(change["line"], {}).update(change)
    fields = {
        "lines": list(lines.values()) or None,
        "requested_on": on,
        "ship_to": json.loads(ship_to.read_text()) if ship_to else None,
    }
    _ask(Api(state_dir), Verb.AMEND, number, AmendRequest, erp, id=request_id or new_id(), reason=reason, **fields)


@app.command()
def cancel(
    number: str, reason: Reason, request_id: RequestId = "", erp: Erp = None, state_dir: StateDir = DEFAULT_STATE
) -> None:
    """Cancel an order; what was done is undone in every system."""
    _ask(Api(state_dir), Verb.CANCEL, number, CancelRequest, erp, id=request_id or new_id(), reason=reason)


@app.command()
def hold(
    number: str, reason: Reason, request_id: RequestId = "", erp: Erp = None, state_dir: StateDir = DEFAULT_STATE
) -> None:
    """Stop work on an order until it is resumed."""
    _ask(Api(state_dir), Verb.HOLD, number, HoldRequest, erp, id=request_id or new_id(), reason=reason)


@app.command()
def resume(
    number: str, reason: Reason, request_id: RequestId = "", erp: Erp = None, state_dir: StateDir = DEFAULT_STATE
) -> None:
    """Go on with an order that is on hold."""
    _ask(Api(state_dir), Verb.RESUME, number, ResumeRequest, erp, id=request_id or new_id(), reason=reason)


def _ask(api: Api, verb: Verb, number: str, asked: type[BaseModel], erp: str | None, **fields: Any) -> None:
    print_verdict(api.post(f"/v1/orders/{number}/{verb}", CommandAnswer, asked, fields, erp=erp))


def print_verdict(said: CommandAnswer) -> None:
    """Print what became of a command."""
    promised = f", promised {said.promised_on}" if said.promised_on else ""
    conditions = f" ({', '.join(said.conditions)})" if said.conditions else ""
    done = escape(said.done or "done")
    console.print(f"[bold]{said.order}[/] {said.status}{conditions}{promised}: {done}", soft_wrap=True)
