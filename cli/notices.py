"""`syncline notice …`: undelivered messages to people, and sending them again."""

from typing import Annotated

import typer

from cli.client import Api
from cli.terminal import DEFAULT_STATE, StateDir, console, show
from gateway.views.notices import NoticesAgain, NoticesOwed, RetryRequest
from schemas.cases.exceptions import Channel
from schemas.plurals import counted

app = typer.Typer(no_args_is_help=True, help="Undelivered messages to people.")
COLUMNS = ("state", "channel", "to", "kind", "case", "attempts", "error", "asked_at", "due_at")
"""Columns of the list of notices."""


@app.command("list")
def list_notices(state_dir: StateDir = DEFAULT_STATE) -> None:
    """List what was given up, and what is tried again, with the reason of each."""
    found = Api(state_dir).get("/v1/notices", NoticesOwed)
    show("undelivered messages", COLUMNS, (it.model_dump() for it in found.notices))


@app.command()
def retry(
    channel: Annotated[Channel | None, typer.Option(help="Over this channel only.")] = None,
    to: Annotated[str | None, typer.Option(help="To this queue only.")] = None,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Send again messages that were given up, after the receiver was repaired."""
    found = Api(state_dir).post("/v1/notices/retry", NoticesAgain, RetryRequest, {"channel": channel, "to": to})
    console.print(f"{counted(found.notices, 'message')} to be sent again.")
