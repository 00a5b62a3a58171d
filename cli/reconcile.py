"""`syncline reconcile …`: compare our books with those of other systems, and see what differs; `syncline balance`."""

import asyncio
from typing import Annotated

import typer
from psycopg import OperationalError
from temporalio.client import WorkflowFailureError

from cli.client import Api, RequestId, new_id
from cli.terminal import DEFAULT_STATE, StateDir, console, database_of, fail, show, temporal_of, with_database
from dispatch.temporal.connecting import connect
from dispatch.temporal.schedules import OF_AUDIT, OF_BOOKS, OF_INBOX, OF_NOTICES, OF_OUTAGES, OF_WORKFLOWS, run_now
from schemas.finance.reconciliation import ReconcileReport, ReconcileRun
from schemas.finance.self_audit import RepairAnswer, RepairRequest
from store.engine import Database
from store.finance import balance as books
from store.finance import comparing, reconciliation

app = typer.Typer(no_args_is_help=True, help="Compare our books with those of other systems.")
RUN_COLUMNS = ("started_at", "system", "target", "compared", "differences", "explained", "error")
"""Columns of the runs."""
COLUMNS = ("id", "system", "target", "subject", "kind", "ours", "theirs", "state", "explained_by", "case")
"""Columns of the differences."""
DETAILS = ("about", "owner", "proposal", "explained_by", "case", "first_seen", "last_seen", "closed_at")
"""Fields of one difference beside those of the list."""


@app.command()
def run(
    system: Annotated[
        str | None,
        typer.Option(
            help="erp, wms, tms, planning, freight, inbox, workflows, outages, books, audit, notices; all when absent."
        ),
    ] = None,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Compare now, and wait for the result."""
    found = [(run, report) for run, report in asyncio.run(_compared(state_dir, system))]
    rows = (
        {"system": run.system, "target": run.target}
        | (report.model_dump() if isinstance(report, ReconcileReport) else {"error": report})
        for run, report in found
    )
    columns = ("system", "target", "compared", "differences", "explained", "waiting", "error")
    show("reconciliation", columns, ({name: row.get(name) for name in columns} for row in rows))


async def _compared(state_dir: StateDir, system: str | None) -> list[tuple[ReconcileRun, ReconcileReport | str]]:
    try:
        async with Database(database_of(state_dir).url, 2) as database, database.connection() as connection:
            own = [OF_INBOX, OF_WORKFLOWS, OF_OUTAGES, OF_BOOKS, OF_AUDIT, OF_NOTICES]
            runs = [*await comparing.targets(connection), *own]
        client = await connect(temporal_of(state_dir))
    except (OperationalError, TimeoutError, RuntimeError):
        raise fail("no database or Temporal answers: start them with `syncline up`") from None
    if system not in (None, *(run.system for run in runs)):
        raise fail(f"--system {system} is not known; there are: {', '.join(sorted({run.system for run in runs}))}")
    found: list[tuple[ReconcileRun, ReconcileReport | str]] = []
    for one in runs:
        if system in (None, one.system):
            try:
                found.append((one, await run_now(client, one)))
            except WorkflowFailureError as error:
                found.append((one, str(error.cause)[:120]))
    return found


@app.command("list")
def list_differences(
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False, state_dir: StateDir = DEFAULT_STATE
) -> None:
    """List runs and differences, the newest first."""
    show("runs", RUN_COLUMNS, with_database(reconciliation.runs, state_dir))
    found = with_database(lambda connection: reconciliation.listing(connection, open_only=not every), state_dir)
    show("differences", COLUMNS, (x.model_dump() for x in found))


@app.command("show")
def show_difference(id: int, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Show a difference: whose figure it is, and what should be done."""
    found = with_database(
        lambda connection: reconciliation.listing(connection, open_only=False, limit=100_000), state_dir
    )
    difference = next((x for x in found if x.id == id), None)
    if difference is None:
        raise fail(f"there is no difference {id}: see `syncline reconcile list --all`")
    show(difference.subject, COLUMNS, [difference.model_dump()])
    for name in DETAILS:
        console.print(f"{name:<14}{getattr(difference, name) or ''}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def repair(
    id: int,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit trail.")],
    packs: Annotated[
        int | None, typer.Option(min=0, help="Of a place below zero: what is really there; nothing when absent.")
    ] = None,
    request_id: RequestId = "",
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Mend a drift of our own books, as its proposal says. Its case closes at the next look."""
    fields = {"id": request_id or new_id(), "reason": reason, "packs": packs}
    done = Api(state_dir).post(f"/v1/differences/{id}/repair", RepairAnswer, RepairRequest, fields)
    console.print(f"{done.subject}: {done.done}", highlight=False, markup=False, soft_wrap=True)


def balance(state_dir: StateDir = DEFAULT_STATE) -> None:
    """The balance sheet of packs and values across ours, ERP, warehouse and planning, and of money with the ERPs."""
    columns = ("item", "place", "ours", "erp", "wms", "planning", "value", "explained_by")
    as_of = with_database(books.as_of, state_dir)
    title = f"as of {as_of:%Y-%m-%d %H:%M:%S} UTC" if as_of else "not compared yet: `syncline reconcile run`"
    show(title, columns, with_database(books.sheet, state_dir))
    show(
        "money of orders: ours and the ERPs'",
        ("account", "currency", "ours", "erp"),
        with_database(books.accounts, state_dir),
    )
    found = with_database(books.balance, state_dir)
    console.print(f"{found['items']} items, {found['differences']} differences, {found['explained']} of them explained")
