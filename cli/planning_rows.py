"""`syncline planning …`: rows that planning refused, sites without a region, and the work of people on them."""

from typing import Annotated

import typer

from cli.client import Api, Reason
from cli.terminal import DEFAULT_STATE, StateDir, console, show
from gateway.views.refused_rows import (
    DemandAgain,
    FiguresOwed,
    MovedOn,
    RefusedRowList,
    RefusedRowsRequest,
    SiteRegion,
    WithoutRegionSites,
)

app = typer.Typer(no_args_is_help=True, help="Rows that planning refused, and sites without a region.")

COLUMNS = ("key", "item", "site", "day", "kind", "packs", "error", "attempts", "waiting")
"""Columns of refused rows."""
Keys = Annotated[list[str], typer.Argument(help="As they are listed.")]


@app.command("refused")
def list_refused(state_dir: StateDir = DEFAULT_STATE) -> None:
    """List them, the oldest first, with the rule and how much waits behind each."""
    found = Api(state_dir).get("/v1/planning/refused", RefusedRowList)
    show("refused by planning", COLUMNS, (row.model_dump() for row in found.rows))


@app.command()
def replay(keys: Keys, reason: Reason, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Send rows again after a repair; what waits behind them follows."""
    _move_on("replay", keys, reason, state_dir)


@app.command()
def drop(keys: Keys, reason: Reason, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Give rows up: planning never counts them. The rows behind them follow."""
    _move_on("drop", keys, reason, state_dir)


@app.command()
def demand(
    item: Annotated[str, typer.Argument(help="The item.")],
    site: Annotated[str, typer.Argument(help="The site.")],
    reason: Reason,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Send planning the open demand for an item at a site again, every order's."""
    body = {"item": item, "site": site, "reason": reason}
    answered = Api(state_dir).post("/v1/planning/demand", FiguresOwed, DemandAgain, body)
    console.print(f"{answered.figures} figures are told again")


@app.command()
def sites(state_dir: StateDir = DEFAULT_STATE) -> None:
    """List sites whose region nobody has named: their stock does not go to planning."""
    found = Api(state_dir).get("/v1/planning/sites", WithoutRegionSites)
    show("sites of no region", ("site", "waiting", "since"), (row.model_dump() for row in found.sites))


@app.command()
def region(
    site: Annotated[str, typer.Argument(help="The site.")],
    name: Annotated[str, typer.Argument(help="Its region, as orders name it.")],
    reason: Reason,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Name the region of a site, for good: its stock goes to planning from then on."""
    body = {"site": site, "region": name, "reason": reason}
    answered = Api(state_dir).post("/v1/planning/sites", SiteRegion, SiteRegion, body)
    console.print(f"{answered.site} is in {answered.region}")


def _move_on(verb: str, keys: list[str], reason: str, state_dir: StateDir) -> None:
    moved = Api(state_dir).post(f"/v1/planning/{verb}", MovedOn, RefusedRowsRequest, {"keys": keys, "reason": reason})
    console.print(f"{verb}: {', '.join(moved.keys) or 'none of them is refused'}")
