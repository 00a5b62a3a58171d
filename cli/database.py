"""`syncline db …`: the database's schema."""

import typer

from cli.terminal import DEFAULT_STATE, StateDir, console, database_of
from store.migrate import upgrade_as_told

app = typer.Typer(no_args_is_help=True, help="The database.")


@app.callback()
def database() -> None:
    """The database."""


@app.command()
def migrate(state_dir: StateDir = DEFAULT_STATE) -> None:
    """Bring the database to the newest schema, and the application's role to its rights."""
    upgrade_as_told(database_of(state_dir))
    console.print("The database is at the newest schema.")
