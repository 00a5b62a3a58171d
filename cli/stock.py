"""`syncline stock …` and `syncline availability`: where an item is, and what will be free of it, day by day."""

from typing import Annotated

import typer

from cli.client import Api
from cli.terminal import DEFAULT_STATE, StateDir, console, show
from schemas.inventory.promising import Availability, AvailabilityList
from schemas.inventory.reports import Stock

app = typer.Typer(no_args_is_help=True, help="Stock, by place.")

POSITION = (
    "site", "on_hand", "allocated", "blocked", "returns", "reserved", "available", "inbound", "outbound"
)  # fmt: skip
FREE = ("day", "on_hand", "supply", "in_transit", "reserved", "demand", "projected", "forecast", "balance")
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


def show_availability(
    item: Annotated[str, typer.Argument(help="The item.")],
    site: Annotated[str | None, typer.Option(help="At one site; at every site without.")] = None,
    days: Annotated[int, typer.Option(help="How many days, from today.", min=1)] = 14,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Show what will be on hand, come in, be reserved and be free, day by day, and the first day of shortage."""
    found = Api(state_dir).get("/v1/availability", AvailabilityList, item=item, site=site, horizon_days=days)
    if not found.availability:
        console.print(f"No stock of {item} is kept: it is promised by lead time.")
    for it in (*found.availability, *((found.together,) if found.together else ())):
        show(_title(it), FREE, (day.model_dump() for day in it.days))


def _title(it: Availability) -> str:
    words = [f"{it.item} at {it.site or 'all sites'}"]
    words += [] if it.managed else ["promised by lead time"]
    words += [f"more is ordered than there is from {it.short_on}"] if it.short_on else []
    words += [f"runs out on {it.runs_out_on} if the forecast comes true"] if it.runs_out_on and not it.short_on else []
    return ", ".join(words)
