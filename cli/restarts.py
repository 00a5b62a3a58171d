"""`syncline order restart`: workflows that do not run begin again from the database, one order's or all."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from psycopg import OperationalError
from rich.live import Live
from temporalio.service import RPCError

from cli.client import Api, Erp, new_id
from cli.orders import print_verdict
from cli.terminal import DEFAULT_STATE, NO_KEY, StateDir, console, database_of, fail, seals, show, temporal_of
from dispatch.restarts.restarting import Figures, Restarter, RestartRequest
from dispatch.temporal.connecting import connect
from schemas.plurals import counted
from schemas.workflows.commands import CommandAnswer, NoteRequest
from store.engine import Database

OPERATOR = "operator"
"""The actor of a restart in the audit trail: a person at the machine, without the API."""
POOL = 12
"""Database connections: as many as a worker has."""


def restart(
    number: Annotated[str | None, typer.Argument(help="The ERP's number; none with --all.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Everything that is open and does not run.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="With --all: end what runs, and begin it again too.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit trail.")] = "its workflow does not run",
    erp: Erp = None,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Begin an order's workflow again that does not run; `--all`: everything, as after a loss of Temporal's data.

    Decisions are kept; messages that came meanwhile are taken in. May be repeated: what runs is left alone.
    """
    if every == (number is not None) or (replace and not every):
        raise fail("name one order, or say --all; --replace goes with --all")
    if number is not None:
        fields = {"id": new_id(), "reason": reason}
        print_verdict(Api(state_dir).post(f"/v1/orders/{number}/restart", CommandAnswer, NoteRequest, fields, erp=erp))
        return
    if seals(state_dir) is None:
        raise fail(f"{NO_KEY}: each restart is written to the audit trail")
    done = asyncio.run(_all(state_dir, RestartRequest(OPERATOR, reason, replace)))
    console.print(_line(done))
    if done.failed:
        show("not begun", ("workflow", "why"), ({"workflow": name, "why": why} for name, why in done.failed.items()))
        raise typer.Exit(1)


async def _all(state_dir: Path, by: RestartRequest) -> Figures:
    try:
        client = await connect(temporal_of(state_dir))
        async with Database(database_of(state_dir).url, POOL, seals(state_dir)) as database:
            with Live(console=console, transient=True) as view:
                return await Restarter(client, database).every(by, lambda done: view.update(_line(done)))
    except RPCError as error:
        raise fail(
            f"Temporal refuses or is away: {error.message}. Repeat the command; what runs is left alone"
        ) from None
    except (OperationalError, TimeoutError, RuntimeError):
        raise fail("no database or Temporal answers: start them, then repeat the command") from None


def _line(done: Figures) -> str:
    """The progress in one line."""
    return (
        f"{done.looked} of {done.open} open workflows looked at: {done.begun} begun again, {done.running} run, "
        f"{len(done.failed)} not begun, {counted(done.messages, 'message')} brought back"
    )
