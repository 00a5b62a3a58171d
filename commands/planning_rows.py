"""`syncline planning …`: rows that planning refused, and what people do about them."""

from typing import Annotated

import typer

from commands.client import Api, Reason
from commands.terminal import DEFAULT_STATE, StateDir, console, show
from gateway.parked import MovedOn, ParkedList, ParkedRequest

app = typer.Typer(no_args_is_help=True, help="Rows that planning refused.")

COLUMNS = ("key", "item", "site", "day", "kind", "packs", "error", "attempts", "waiting")
Keys = Annotated[list[str], typer.Argument(help="As they are listed.")]


@app.command()
def parked(state_dir: StateDir = DEFAULT_STATE) -> None:
    """List them, the oldest first, with the rule and how much waits behind each."""
    found = Api(state_dir).get("/v1/planning/parked", ParkedList)
    show("refused by planning", COLUMNS, (row.model_dump() for row in found.rows))


@app.command()
def replay(keys: Keys, reason: Reason, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Send rows again after a repair; what waits behind them follows."""
    _move_on("replay", keys, reason, state_dir)


@app.command()
def drop(keys: Keys, reason: Reason, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Give rows up: planning never counts them. What waits behind them follows."""
    _move_on("drop", keys, reason, state_dir)


def _move_on(verb: str, keys: list[str], reason: str, state_dir: StateDir) -> None:
    moved = Api(state_dir).post(f"/v1/planning/{verb}", MovedOn, ParkedRequest, {"keys": keys, "reason": reason})
    console.print(f"{verb}: {', '.join(moved.keys) or 'none of them is parked'}")
