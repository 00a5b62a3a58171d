"""`syncline stock …`: where an item is."""

from typing import Annotated

import typer

from commands.client import Api
from commands.terminal import DEFAULT_STATE, StateDir, show
from schemas.inventory import Stock

app = typer.Typer(no_args_is_help=True, help="Stock, by place.")

POSITION = ("site", "on_hand", "allocated", "blocked", "returns", "reserved", "available")
Item = Annotated[str, typer.Argument(help="Item number.")]


@app.command("show")
def show_stock(item: Item, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Packs of an item at each site, and what is under way."""
    found = Api(state_dir).get("/v1/stock", Stock, item=item)
    show(f"{item}, as of {found.as_of:%Y-%m-%d %H:%M:%S} UTC", POSITION, (it.model_dump() for it in found.positions))
    if found.in_transit:
        show("in transit", ("shipment", "packs", "day"), (it.model_dump() for it in found.in_transit))
