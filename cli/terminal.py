"""Shared by all commands: the console, failures, the way to the database."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from psycopg import OperationalError
from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from schemas.connections import DatabaseSettings, TemporalSettings
from schemas.settings import Settings, UnusableSettings, read_settings
from stack.layout import whereabouts
from stack.state import AUDIT_KEY
from stack.state import found as kept
from store.engine import Connection, Database
from store.seals import Seals, Unsealed

console = Console()
Answer = TypeVar("Answer")
StateDir = Annotated[Path, typer.Option("--state-dir", help="The directory of the embedded stack's files.")]
DEFAULT_STATE = Path(".syncline")
UNBOUNDED = 10_000
"""Columns of a terminal in which every table has room."""
NO_KEY = "set SYNCLINE_AUDIT_KEY, or SYNCLINE_MASTER_SECRET, as the gateway has it"


def fail(message: str) -> typer.Exit:
    """Say what is wrong and what to do, and end with 1."""
    Console(stderr=True).print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    return typer.Exit(1)


def configured() -> Settings:
    """The settings of the environment; otherwise fail and name the variable and the rule."""
    try:
        return read_settings()
    except UnusableSettings as error:
        raise fail(f"unusable settings\n{error}") from None


def database_of(state_dir: Path) -> DatabaseSettings:
    """The database that the environment names, or the local stack's."""
    found, local = configured(), whereabouts(state_dir)
    if local is None or "database" in found.model_fields_set:
        return found.main_database
    return DatabaseSettings(url=local.database_url, owner_url=local.database_owner_url)


def temporal_of(state_dir: Path) -> TemporalSettings:
    """Temporal as the environment has it, or the local stack's."""
    found, local = configured(), whereabouts(state_dir)
    if local is None or "temporal" in found.model_fields_set:
        return found.main_temporal
    return TemporalSettings(address=local.temporal_address)


def seals(state_dir: Path) -> Seals | None:
    """The keys that seal the audit trail, by the environment or the local stack; None when neither has one."""
    found, key = configured(), kept(state_dir, AUDIT_KEY)
    if key and not {"audit_key", "master_secret"} & found.model_fields_set:
        found = found.model_copy(update={"audit_key": SecretStr(key)})
    try:
        return Seals.of(found)
    except Unsealed:
        return None


def with_database(work: Callable[[Connection], Awaitable[Answer]], state_dir: Path) -> Answer:
    """Do something with the database in one transaction, or fail and say how to start one."""

    async def main() -> Answer:
        pool = Database(database_of(state_dir).url, 2, seals(state_dir))
        async with pool as database, database.transaction() as connection:
            return await work(connection)

    try:
        return asyncio.run(main())
    except (OperationalError, TimeoutError):
        raise fail("no database answers: start one with `syncline up`, or set SYNCLINE_DATABASE__MAIN__URL") from None
    except Unsealed:
        raise fail(f"{NO_KEY}: what you do is written to the audit trail") from None


def show(title: str, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print rows as a table of these columns; as a block each where a terminal is too narrow for whole words."""
    names = list(columns)
    found = [[Text(_cell(row[name])) for name in names] for row in rows]  # as it was said: brackets are no markup
    table = Table(*names, title=title, title_justify="left")
    for cells in found:
        table.add_row(*cells)
    if Measurement.get(console, console.options.update(max_width=UNBOUNDED), table).minimum <= console.width:
        console.print(table)
        return
    console.print(Text(title, style="italic"))
    for cells in found:
        block = Table.grid(padding=(0, 2))
        for name, cell in zip(names, cells, strict=True):
            if cell:
                block.add_row(Text(name, style="bold"), cell)
        console.print(block)
        console.print()


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, Decimal):  # money: two decimals, more only where they say something
        return f"{value:,.2f}" if value == round(value, 2) else f"{value.normalize():,f}"
    return "" if value is None else str(value)
