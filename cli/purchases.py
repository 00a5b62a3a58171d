"""`syncline po …`: look at purchase orders."""

from typing import Annotated

import typer
from psycopg.rows import DictRow

from cli.client import Erp
from cli.terminal import DEFAULT_STATE, StateDir, console, fail, show, with_database
from store.engine import Connection
from store.procurement import purchase_orders

app = typer.Typer(no_args_is_help=True, help="Purchase orders.")

LISTED = ("number", "erp", "supplier", "site", "status", "ordered_at", "updated_at")
"""Columns of the list of purchase orders."""
MEASURES = ("invoices", "matched_at_once", "confirmed", "confirm_p50_h", "confirm_p95_h")
"""Columns of the procurement figures."""
TABLES = {
    "lines": (
        "line",
        "item",
        "ordered",
        "confirmed",
        "advised",
        "received",
        "damaged",
        "invoiced",
        "due_on",
        "expected_on",
    ),
    "shipments": ("shipment", "carrier", "status", "eta"),
    "invoices": ("number", "revision", "decision", "match", "amount", "currency", "due_on", "reasons"),
    "cases": ("id", "state", "tier", "queue", "assignee", "summary", "opened_at", "next_at"),
    "effects": ("system", "operation", "outcome", "attempts", "origin", "error", "done_at"),
}
"""Tables of a purchase order; those without rows are left out."""


@app.command("list")
def list_purchases(
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    limit: Annotated[int, typer.Option(help="The most entries of the list.", min=1, max=1000)] = 100,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """List purchase orders, the newest first."""
    rows = with_database(lambda it: purchase_orders.listing(it, open_only=not everything, limit=limit), state_dir)
    show("purchase orders", LISTED, rows)


@app.command("measures")
def show_measures(state_dir: StateDir = DEFAULT_STATE) -> None:
    """The share of invoices that matched at once, and the time suppliers take to confirm."""
    show("procurement", MEASURES, [with_database(purchase_orders.measures, state_dir)])


@app.command("show")
def show_purchase(number: str, erp: Erp = None, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Show a purchase order: status, lines, shipments, invoices, cases, and messages to the ERP."""

    async def load(connection: Connection) -> list[tuple[DictRow, dict[str, list[DictRow]]]]:
        found = await purchase_orders.named(connection, number, None, erp)
        return [(order, await purchase_orders.details(connection, order["key"])) for order in found]

    shown = with_database(load, state_dir)
    if not shown:
        raise fail(f"no purchase order {number}: `syncline po list` shows those that are open")
    for order, details in shown:
        console.print(
            f"[bold]{order['number']}[/] ({order['erp']}) · [bold]{order['status']}[/] · "
            f"{order['supplier']} to {order['site']}"
        )
        for name, columns in TABLES.items():
            if details[name]:
                show(name, columns, details[name])
