"""`syncline inbox …`: messages that could not be placed, and bringing them back."""

import typer

from commands.terminal import DEFAULT_STATE, StateDir, console, show, with_database
from store import audit, inbox
from store.engine import Connection

app = typer.Typer(no_args_is_help=True, help="Messages that could not be placed.")


@app.command()
def quarantine(state_dir: StateDir = DEFAULT_STATE) -> None:
    """List messages that could not be placed, newest first, with the reason of each."""
    columns = ("id", "partner", "kind", "origin", "reason", "waiting_for")
    show("quarantine", columns, with_database(inbox.quarantined, state_dir))


@app.command()
def replay(ids: list[int], state_dir: StateDir = DEFAULT_STATE) -> None:
    """Bring quarantined messages back after a repair."""

    async def bring_back(connection: Connection) -> int:
        await audit.record(connection, "cli", "quarantine_replayed", "inbox", ids=ids)
        return await inbox.replay(connection, ids)

    back = with_database(bring_back, state_dir)
    console.print(f"{back} messages are back in the inbox.")
