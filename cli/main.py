"""`syncline`: start the stack, run the demo; `commands` has the rest, a file for each group."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.markup import escape

from cli import (
    audit,
    cases,
    connections,
    database,
    finance,
    forecasts,
    inbox,
    notices,
    planning,
    planning_rows,
    policies,
    purchases,
    reconcile,
    restarts,
    returns,
    stock,
)
from cli import master as master_commands
from cli import orders as order_commands
from cli import partners as partner_commands
from cli.terminal import DEFAULT_STATE, StateDir, console, fail
from demo import balance as demo_balance
from demo import ordinary_day, screen
from demo import run as demo_run
from demo.play import play
from demo.report import sound
from demo.scenarios import SCENARIOS
from demo.stage import open_stage
from schemas.base import Role
from simulators.faults import PRESETS
from simulators.orders.history import read_history
from simulators.orders.made_up import generate
from stack.layout import LocalStack, StackOptions, local_stack
from stack.postgres import NotInstalled
from stack.state import AlreadyRunning, UnusableDirectory
from stack.supervisor import ServiceProgress, StartFailed
from store.engine import Database
from store.partners import partners

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Keeps ERP, warehouse, transport and planning in step."
)
GROUPS = {
    "order": order_commands.app,
    "case": cases.app,
    "proposal": planning.app,
    "planning": planning_rows.app,
    "return": returns.app,
    "po": purchases.app,
    "policy": policies.app,
    "stock": stock.app,
    "forecast": forecasts.app,
    "finance": finance.app,
    "partner": partner_commands.app,
    "connection": connections.app,
    "connector": connections.catalogue,
    "inbox": inbox.app,
    "notice": notices.app,
    "reconcile": reconcile.app,
    "audit": audit.app,
    "db": database.app,
}
for name, group in GROUPS.items():
    app.add_typer(group, name=name)
order_commands.app.command()(restarts.restart)
app.command()(reconcile.balance)
app.command()(master_commands.master)
app.command("availability")(stock.show_availability)


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
    scenario: Annotated[
        list[str] | None, typer.Option(help="Play this scenario, or `all`, instead of carrying orders; repeatable.")
    ] = None,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Start the stack, carry orders from release to delivery, or play scenarios, and check every system's books."""
    if faults not in PRESETS:
        raise fail(f"--faults is one of {', '.join(PRESETS)}")
    if scenario:
        names = wanted_scenarios(scenario)
    else:
        wanted = wanted_orders(orders, history, faults, seed)
    wrong: list[str] = []

    async def work(stack: LocalStack) -> dict[str, Any]:
        if scenario:
            return await played(stack, names, faults)
        progress = demo_run.RunProgress()
        with live() as view:
            return await demo_run.run(stack, wanted, progress, lambda: view.update(screen.flow(progress)))

    async def carry(stack: LocalStack) -> None:
        await provision_admin(stack)
        links(stack)
        found = await work(stack)
        console.print()
        async with Database(stack.settings.main_database.url, 2) as database:
            console.print(screen.balance(await demo_balance.sheet(database)))
        wrong.extend(sound(found))
        screen.result(console, found, wrong)
        if report:
            report.write_text(json.dumps(found, indent=2) + "\n")
        if not leave:
            await stay_with_work(stack, seed)

    in_stack(StackOptions(state_dir=state_dir, seed=seed, fresh=True), carry)
    if wrong:
        raise typer.Exit(1)


async def stay_with_work(stack: LocalStack, seed: int) -> None:
    """After the report: leave work for whoever looks around, and let orders flow, until Ctrl-C."""

    def warn(problem: str) -> None:
        console.print(f"[yellow]an order broke off:[/] {escape(problem)}")

    async with Database(stack.settings.main_database.url, 2) as database, open_stage(stack, database) as stage:
        console.print("Some work is left open for you …")
        await ordinary_day.leave_work(stage, warn)
        links(stack)
        console.print("Orders go on at a gentle pace, and cases wait for a decision. Ctrl-C stops everything.")
        await ordinary_day.go_on(stage, seed, warn)


async def played(stack: LocalStack, names: list[str], faults: str) -> dict[str, Any]:
    """Play scenarios, show what happened in each, and return the report."""
    with live() as view:

        def over(count: int) -> None:
            view.update(f"{count} of {len(names)} scenarios are over")

        return await play(stack, names, faults, over, lambda one: console.print(screen.scenario(one)))


def wanted_scenarios(names: list[str]) -> list[str]:
    """The scenarios named, every one for `all`. Fails for a name that is not known."""
    if "all" in names:
        return list(SCENARIOS)
    if unknown := [name for name in names if name not in SCENARIOS]:
        raise fail(f"--scenario {unknown[0]} is not known; there are: all, {', '.join(SCENARIOS)}")
    return names


def wanted_orders(count: int, history: Path | None, faults: str, seed: int) -> demo_run.RunPlan:
    """The orders of a run, from a file or made up; prints what the import did to the file's rows."""
    if history is None:
        return demo_run.RunPlan(generate(count, seed), faults, seed)
    imported = read_history(history, count)
    kinds = Counter(f"{finding.kind}: {finding.rule}" for finding in imported.findings)
    console.print(f"{len(imported.orders)} orders read; {sum(kinds.values())} findings on their rows:")
    for rule, n in kinds.most_common():
        console.print(f"  {n:>6,}  {rule}")
    return demo_run.RunPlan(imported.orders, faults, seed, kinds)


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
    except (StartFailed, AlreadyRunning, UnusableDirectory, NotInstalled) as error:
        raise fail(str(error)) from None


def live() -> Live:
    """A live display that leaves its last state on the screen."""
    return Live(console=console, refresh_per_second=8, transient=False, vertical_overflow="visible")


async def provision_admin(stack: LocalStack) -> None:
    """A key of this stack's own for its control tower and command line, new at every start."""
    async with Database(stack.settings.main_database.url, 2) as database, database.transaction() as connection:
        await partners.add(connection, "admin", Role.ADMIN, "Control tower")
        await partners.revoke_keys(connection, "admin")
        key = await partners.new_key(connection, "admin", "local stack")
    stack.keep_admin_key(key)


def links(stack: LocalStack) -> None:
    """The addresses. The key stands behind the # of a link: browsers send that part to nobody."""
    login = f"{stack.urls.gateway}/login?next="
    for name, url in (
        ("Control tower", f"{login}/tower#{stack.admin_key}"),
        ("API docs", f"{login}/docs#{stack.admin_key}"),
        ("Temporal UI", stack.urls.temporal_ui),
        ("Messages sent", stack.urls.messages),
    ):
        console.print(f"{name:<14}{url}", soft_wrap=True, highlight=False)


def main() -> None:
    """Entry point of the console script."""
    sys.exit(app())


if __name__ == "__main__":
    main()
