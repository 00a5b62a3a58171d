"""`syncline stock …`: where an item is."""

from typing import Annotated

import typer

from cli.client import Api
from cli.terminal import DEFAULT_STATE, StateDir, show
from schemas.inventory.reports import Stock

app = typer.Typer(no_args_is_help=True, help="Stock, by place.")

POSITION = (
    "site", "on_hand", "allocated", "blocked", "returns", "reserved", "available", "inbound", "outbound"
)  # fmt: skip
TRANSIT = ("day", "packs", "origin", "destination", "shipment", "order")
Item = Annotated[str, typer.Argument(help="Item number.")]
Site = Annotated[str | None, typer.Option(help="At one site; at every site without.")]


@app.command("show")
def show_stock(item: Item, site: Site = None, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Packs of an item at each site, and what is under way by day of arrival."""
    found = Api(state_dir).get("/v1/stock", Stock, item=item, site=site)
    show(f"{item}, as of {found.as_of:%Y-%m-%d %H:%M:%S} UTC", POSITION, (it.model_dump() for it in found.positions))
    if found.in_transit:
        show("in transit", TRANSIT, (it.model_dump() for it in found.in_transit))
