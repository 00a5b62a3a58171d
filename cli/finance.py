"""`syncline finance …`: what stock is worth, by account and in transit by day."""

from typing import Annotated

import typer

from cli.client import Api
from cli.terminal import DEFAULT_STATE, StateDir, show
from schemas.finance.valuation import Accounts, InTransit

app = typer.Typer(no_args_is_help=True, help="The value of stock.")


@app.command()
def accounts(
    as_of: Annotated[
        str | None, typer.Option(help="As it was booked by then, as in 2026-12-01T10:00:00Z; now when absent.")
    ] = None,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Inventory, goods in transit, cost of goods sold, suppliers, losses, adjustments, freight: value and packs."""
    found = Api(state_dir).get("/v1/finance/accounts", Accounts, as_of=as_of)
    title = f"as of {found.as_of:%Y-%m-%d %H:%M:%S} UTC"
    show(title, ("account", "currency", "amount", "packs"), (it.model_dump() for it in found.accounts))
    columns = ("order", "shipment", "currency", "amount", "since")
    show("freight that no carrier has invoiced", columns, (it.model_dump() for it in found.accruals))


@app.command("in-transit")
def in_transit(
    days: Annotated[int, typer.Option(help="The number of days up to today.")] = 7, state_dir: StateDir = DEFAULT_STATE
) -> None:
    """Value and packs that had left and were not delivered, at the end of each day."""
    found = Api(state_dir).get("/v1/finance/in-transit", InTransit, days=days)
    title = f"as of {found.as_of:%Y-%m-%d %H:%M:%S} UTC"
    show(title, ("day", "currency", "amount", "packs"), (it.model_dump() for it in found.days))
