"""What every command shares: the console, the way to fail, the way to the database."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from psycopg import OperationalError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from schemas.settings import Settings
from stack.layout import whereabouts
from store.engine import Connection, Database

console = Console()
Answer = TypeVar("Answer")
StateDir = Annotated[Path, typer.Option("--state-dir", help="Where the embedded stack keeps its files.")]
DEFAULT_STATE = Path(".syncline")


def fail(message: str) -> typer.Exit:
    """Say what is wrong and what to do, and end with 1."""
    Console(stderr=True).print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    return typer.Exit(1)


def database_url(state_dir: Path) -> str:
    """The database that the environment names, or the local stack's."""
    settings, local = Settings(), whereabouts(state_dir)
    if local is None or "database_url" in settings.model_fields_set:
        return settings.database_url
    return local.database_url


def with_database(work: Callable[[Connection], Awaitable[Answer]], state_dir: Path) -> Answer:
    """Do something with the database in one transaction, or fail and say how to start one."""

    async def main() -> Answer:
        async with Database(database_url(state_dir), 2) as database, database.transaction() as connection:
            return await work(connection)

    try:
        return asyncio.run(main())
    except (OperationalError, TimeoutError):
        raise fail("no database answers: start one with `syncline up`, or set SYNCLINE_DATABASE_URL") from None


def show(title: str, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print rows as a table of these columns."""
    names = list(columns)
    table = Table(*names, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in names))
    console.print(table)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, Decimal):  # money: two decimals, more only where they say something
        return f"{value:,.2f}" if value == round(value, 2) else f"{value.normalize():,f}"
    return "" if value is None else str(value)
