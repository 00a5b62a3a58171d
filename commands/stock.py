"""`syncline stock …`: where an item is, and how much of it can be promised by when."""

from typing import Annotated

import typer

from commands.client import Api
from commands.terminal import DEFAULT_STATE, StateDir, show
from schemas.inventory import Stock
from schemas.promising import Projection

app = typer.Typer(no_args_is_help=True, help="Stock and availability.")

POSITION = ("site", "on_hand", "allocated", "blocked", "returns", "reserved", "available")
Item = Annotated[str, typer.Argument(help="Item number.")]


@app.command("show")
def show_stock(item: Item, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Packs of an item at each site, and what is under way."""
    found = Api(state_dir).get("/v1/stock", Stock, item=item)
    show(f"{item}, as of {found.as_of:%Y-%m-%d %H:%M:%S} UTC", POSITION, (it.model_dump() for it in found.positions))
    if found.in_transit:
        show("in transit", ("shipment", "packs", "day"), (it.model_dump() for it in found.in_transit))


@app.command()
def availability(
    item: Item,
    site: Annotated[str, typer.Argument(help="Site.")],
    days: Annotated[int, typer.Option(help="So many days ahead.")] = 14,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """What is left to promise at the end of each day: on hand, plus supply, less what is reserved."""
    found = Api(state_dir).get("/v1/availability", Projection, item=item, site=site, horizon_days=str(days))
    title = f"{item} at {site}: {found.on_hand} on hand" if found.known else f"{item} at {site}: no stock is known"
    show(title, ("day", "supply", "reserved", "projected"), (it.model_dump() for it in found.days))
