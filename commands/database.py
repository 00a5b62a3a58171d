"""`syncline db …`: the database's schema and audit trail."""

import typer

from commands.terminal import DEFAULT_STATE, StateDir, console, database_url, fail, with_database
from store import audit
from store.migrate import upgrade

app = typer.Typer(no_args_is_help=True, help="The database.")


@app.command()
def migrate(state_dir: StateDir = DEFAULT_STATE) -> None:
    """Bring the database to the newest schema."""
    upgrade(database_url(state_dir))
    console.print("The database is at the newest schema.")


@app.command("verify-audit")
def verify_audit(state_dir: StateDir = DEFAULT_STATE) -> None:
    """Check the audit trail's hash chain."""
    bad = with_database(audit.verify, state_dir)
    if bad is not None:
        raise fail(f"audit entry {bad} was changed, removed or reordered")
    console.print("The audit trail is whole.")
