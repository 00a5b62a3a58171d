"""`syncline inbox …`: messages that could not be placed, and bringing them back."""

import typer

from cli.terminal import DEFAULT_STATE, StateDir, console, fail, show, with_database
from schemas.plurals import counted
from store.audit import audit_trail
from store.engine import Connection
from store.messaging import quarantine

app = typer.Typer(no_args_is_help=True, help="Messages that could not be placed.")


@app.command("quarantine")
def list_quarantine(state_dir: StateDir = DEFAULT_STATE) -> None:
    """List messages that could not be placed, newest first, with the reason of each."""
    columns = ("id", "partner", "kind", "origin", "reason", "waiting_for")
    show("quarantine", columns, with_database(quarantine.quarantined, state_dir))


@app.command()
def replay(ids: list[int], state_dir: StateDir = DEFAULT_STATE) -> None:
    """Bring quarantined messages back after a repair. Fails when none of them is in quarantine."""

    async def bring_back(connection: Connection) -> int:
        await audit_trail.add_entry(connection, "cli", "quarantine_replayed", "inbox", ids=ids)
        return await quarantine.replay(connection, ids)

    back = with_database(bring_back, state_dir)
    if not back:
        raise fail("none of these messages is in quarantine: `syncline inbox quarantine` lists those that are")
    if back < len(set(ids)):
        console.print(f"{len(set(ids)) - back} of them are not in quarantine.")
    console.print(f"{counted(back, 'message')} back in the inbox.")
