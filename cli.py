"""`syncline`: start the stack, run the demo, look at orders, look after partners and the database."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from psycopg import OperationalError
from rich.console import Console
from rich.live import Live
from rich.table import Table

from demo import run as demo_run
from demo import screen
from demo.report import sound
from schemas.base import Role
from schemas.settings import Settings
from schemas.webhooks import webhook_secret_text
from simulators.history import read_history
from simulators.orders import generate
from stack.layout import LocalStack, StackOptions, local_database_url, local_master_secret, local_stack
from stack.postgres import NotInstalled
from stack.state import AlreadyRunning
from stack.supervisor import Progress as ServiceProgress
from stack.supervisor import StartFailed
from store import audit, inbox, orders, partners
from store.engine import Connection, Database
from store.migrate import upgrade

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Keeps ERP, warehouse, transport and planning in step."
)
order_app = typer.Typer(no_args_is_help=True, help="Orders.")
db_app = typer.Typer(no_args_is_help=True, help="The database.")
partner_app = typer.Typer(no_args_is_help=True, help="Partners and their credentials.")
inbox_app = typer.Typer(no_args_is_help=True, help="Messages that could not be placed.")
app.add_typer(order_app, name="order")
app.add_typer(db_app, name="db")
app.add_typer(partner_app, name="partner")
app.add_typer(inbox_app, name="inbox")

console = Console()
Answer = TypeVar("Answer")
StateDir = Annotated[Path, typer.Option("--state-dir", help="Where the embedded stack keeps its files.")]
DEFAULT_STATE = Path(".syncline")


def fail(message: str) -> typer.Exit:
    """Say what is wrong and what to do, and end with 1."""
    Console(stderr=True).print(f"[bold red]error:[/] {message}")
    return typer.Exit(1)


@app.command()
def up(state_dir: StateDir = DEFAULT_STATE, seed: Annotated[int, typer.Option(help="Simulators' seed.")] = 1) -> None:
    """Start the whole embedded stack and keep it running until Ctrl-C."""

    async def stay(stack: LocalStack) -> None:
        await provision_admin(stack)
        links(stack)
        console.print("Ctrl-C stops everything.")
        await asyncio.Event().wait()

    in_stack(StackOptions(state_dir=state_dir, seed=seed), stay)


@app.command()
def demo(
    orders: Annotated[int, typer.Option(help="How many orders.", min=1, max=20_000)] = 120,
    history: Annotated[
        Path | None, typer.Option(help="A CSV of real orders; made-up ones without.", exists=True)
    ] = None,
    faults: Annotated[str, typer.Option(help="How rough the partners are: none, light or heavy.")] = "light",
    seed: Annotated[int, typer.Option(help="Same seed, same run.")] = 1,
    leave: Annotated[bool, typer.Option("--exit", help="Stop the stack at the end instead of staying up.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the report as JSON.")] = None,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Start the stack, carry orders from release to delivery, and check every system's books."""
    if faults not in ("none", "light", "heavy"):
        raise fail("--faults is none, light or heavy")
    wanted = wanted_orders(orders, history, faults, seed)
    wrong: list[str] = []

    async def carry(stack: LocalStack) -> None:
        progress = demo_run.Progress()
        await provision_admin(stack)
        links(stack)
        with live() as view:
            found = await demo_run.run(stack, wanted, progress, lambda: view.update(screen.flow(progress)))
        console.print()
        wrong.extend(sound(found))
        screen.result(console, found, wrong)
        if report:
            report.write_text(json.dumps(found, indent=2) + "\n")
        if not leave:
            links(stack)
            console.print("The stack stays up: look around. Ctrl-C stops everything.")
            await asyncio.Event().wait()

    in_stack(StackOptions(state_dir=state_dir, seed=seed, fresh=True), carry)
    if wrong:
        raise typer.Exit(1)


def wanted_orders(count: int, history: Path | None, faults: str, seed: int) -> demo_run.Plan:
    """The orders of a run, from a file or made up; prints what the import did to the file's rows."""
    if history is None:
        return demo_run.Plan(generate(count, seed), faults, seed)
    imported = read_history(history, count)
    kinds = Counter(f"{finding.kind}: {finding.rule}" for finding in imported.findings)
    console.print(f"{len(imported.orders)} orders read; {sum(kinds.values())} findings on their rows:")
    for rule, n in kinds.most_common():
        console.print(f"  {n:>6,}  {rule}")
    return demo_run.Plan(imported.orders, faults, seed, kinds)


def in_stack(options: StackOptions, work: Callable[[LocalStack], Awaitable[None]]) -> None:
    """Start the stack with live progress, do the work, stop the stack."""
    steps: dict[str, ServiceProgress] = {}

    async def main() -> None:
        with live() as view:

            def observe(step: ServiceProgress) -> None:
                steps[step.service] = step
                view.update(screen.services(steps))

            context = local_stack(options, observe)
            stack = await context.__aenter__()
        try:
            await work(stack)
        finally:
            await context.__aexit__(None, None, None)

    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        console.print("stopped")
    except (StartFailed, AlreadyRunning, NotInstalled) as error:
        raise fail(str(error)) from None


def live() -> Live:
    """A live display that leaves its last state on the screen."""
    return Live(console=console, refresh_per_second=8, transient=False, vertical_overflow="visible")


async def provision_admin(stack: LocalStack) -> None:
    """A control-tower key of this stack's own, new at every start."""
    async with Database(stack.settings.database_url, 2) as database, database.transaction() as connection:
        await partners.add(connection, "admin", Role.ADMIN, "Control tower")
        await partners.revoke_keys(connection, "admin")
        stack.admin_key = await partners.new_key(connection, "admin", "local stack")


def links(stack: LocalStack) -> None:
    """Where to look."""
    login = f"{stack.urls.gateway}/login?key={stack.admin_key}&next="
    for name, url in (
        ("Control page", f"{login}/tower"),
        ("API docs", f"{login}/docs"),
        ("Temporal UI", stack.urls.temporal_ui),
    ):
        console.print(f"{name:<14}{url}", soft_wrap=True, highlight=False)


def with_database(work: Callable[[Connection], Awaitable[Answer]], state_dir: Path) -> Answer:
    """Do something with the database that the environment names, or with the local stack's."""
    settings = Settings()
    url = settings.database_url
    if "database_url" not in settings.model_fields_set:
        url = local_database_url(state_dir) or url

    async def main() -> Answer:
        async with Database(url, 2) as database, database.transaction() as connection:
            return await work(connection)

    try:
        return asyncio.run(main())
    except (OperationalError, TimeoutError):
        raise fail("no database answers: start one with `syncline up`, or set SYNCLINE_DATABASE_URL") from None


@order_app.command("show")
def order_show(number: str, erp: str | None = None, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Show an order: status, promise, lines, shipments, what every system was told, and the timeline."""

    async def load(connection: Connection) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        found = await orders.find(connection, number, None, erp)
        return [(order, await orders.details(connection, order["key"])) for order in found]

    shown = with_database(load, state_dir)
    if not shown:
        raise fail(f"no order {number}: `syncline order show` takes the ERP's own number, as in SO-10407")
    for order, details in shown:
        screen.order(console, order, details)


@db_app.command("migrate")
def db_migrate(state_dir: StateDir = DEFAULT_STATE) -> None:
    """Bring the database to the newest schema."""
    settings = Settings()
    given = "database_url" in settings.model_fields_set
    upgrade(settings.database_url if given else local_database_url(state_dir) or settings.database_url)
    console.print("The database is at the newest schema.")


@db_app.command("verify-audit")
def db_verify_audit(state_dir: StateDir = DEFAULT_STATE) -> None:
    """Check the audit trail's hash chain."""
    bad = with_database(audit.verify, state_dir)
    if bad is not None:
        raise fail(f"audit entry {bad} was changed, removed or reordered")
    console.print("The audit trail is whole.")


@partner_app.command("add")
def partner_add(partner: str, role: Role, name: str, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Add a partner; prints its API key and webhook secret, once."""

    async def add(connection: Connection) -> str:
        await partners.add(connection, partner, role, name)
        await audit.record(connection, "cli", "partner_added", partner, role=role)
        return await partners.new_key(connection, partner, "first key")

    key = with_database(add, state_dir)
    console.print(f"API key         {key}", soft_wrap=True)
    master = local_master_secret(state_dir)
    if master:
        console.print(f"Webhook secret  {webhook_secret_text(master, partner)}", soft_wrap=True)


@partner_app.command("revoke-keys")
def partner_revoke_keys(partner: str, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Revoke every API key of a partner; gateways notice within ten seconds."""

    async def revoke(connection: Connection) -> int:
        await audit.record(connection, "cli", "keys_revoked", partner)
        return await partners.revoke_keys(connection, partner)

    console.print(f"{with_database(revoke, state_dir)} keys of {partner} are revoked.")


@inbox_app.command("quarantine")
def inbox_quarantine(state_dir: StateDir = DEFAULT_STATE) -> None:
    """List messages that could not be placed, newest first, with the reason of each."""
    table = Table("id", "partner", "kind", "origin", "reason", "waiting for")
    for row in with_database(inbox.quarantined, state_dir):
        columns = ("id", "partner", "kind", "origin", "reason", "waiting_for")
        table.add_row(*(str(row[name] or "") for name in columns))
    console.print(table)


@inbox_app.command("replay")
def inbox_replay(ids: list[int], state_dir: StateDir = DEFAULT_STATE) -> None:
    """Bring quarantined messages back after a repair."""

    async def bring_back(connection: Connection) -> int:
        await audit.record(connection, "cli", "quarantine_replayed", "inbox", ids=ids)
        return await inbox.replay(connection, ids)

    back = with_database(bring_back, state_dir)
    console.print(f"{back} messages are back in the inbox.")


def main() -> None:
    """Entry point of the console script."""
    sys.exit(app())


if __name__ == "__main__":
    main()
