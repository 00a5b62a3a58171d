"""`syncline finance …`: what stock is worth, by account and in transit by day."""

from typing import Annotated

import typer

from commands.client import Api
from commands.terminal import DEFAULT_STATE, StateDir, show
from schemas.finance import Accounts, InTransit

app = typer.Typer(no_args_is_help=True, help="What stock is worth.")


@app.command()
def accounts(state_dir: StateDir = DEFAULT_STATE) -> None:
    """Inventory, goods in transit, cost of goods sold, what suppliers sent, losses: value and packs by currency."""
    found = Api(state_dir).get("/v1/finance/accounts", Accounts)
    title = f"as of {found.as_of:%Y-%m-%d %H:%M:%S} UTC"
    show(title, ("account", "currency", "amount", "packs"), (it.model_dump() for it in found.accounts))


@app.command("in-transit")
def in_transit(
    days: Annotated[int, typer.Option(help="So many days up to today.")] = 7, state_dir: StateDir = DEFAULT_STATE
) -> None:
    """Value and packs that had left and were not delivered, at the end of each day."""
    found = Api(state_dir).get("/v1/finance/in-transit", InTransit, days=days)
    title = f"as of {found.as_of:%Y-%m-%d %H:%M:%S} UTC"
    show(title, ("day", "currency", "amount", "packs"), (it.model_dump() for it in found.days))
