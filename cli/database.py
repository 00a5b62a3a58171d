"""`syncline db …`: the database's schema."""

import typer

from cli.terminal import DEFAULT_STATE, StateDir, console, database_of
from store.migrate import upgrade_by_settings

app = typer.Typer(no_args_is_help=True, help="The database.")


@app.callback()
def database() -> None:
    """The database."""


@app.command()
def migrate(state_dir: StateDir = DEFAULT_STATE) -> None:
    """Bring the database to the newest schema, and the application's role to its rights."""
    upgrade_by_settings(database_of(state_dir))
    console.print("The database is at the newest schema.")
