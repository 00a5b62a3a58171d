"""What a person sees while the stack starts and orders flow: one live table, then the result and the links."""

from datetime import datetime
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from demo.run import Progress
from stack.supervisor import Phase
from stack.supervisor import Progress as ServiceProgress

ENDS = ("in", "delivered", "cancelled", "rejected", "open")


MARKS = {Phase.STARTING: "…", Phase.READY: "[green]✓[/]", Phase.DONE: "[green]✓[/]", Phase.DIED: "[red]✗[/]"}


def services(steps: dict[str, ServiceProgress]) -> Table:
    """One row per service while the stack starts."""
    table = Table.grid(padding=(0, 2))
    for name, step in steps.items():
        again = f"restarted {step.restarts} ×" if step.restarts else ""
        table.add_row(MARKS.get(step.phase, " "), name, f"{step.phase} {step.took_s:.1f} s", again)
    return table


def flow(progress: Progress) -> Panel:
    """Orders in flight, as figures and bars."""
    figures = progress.figures or {}
    total = max(1, progress.total)
    bars = Table.grid(padding=(0, 2))
    for name, value in (("released", progress.released), ("ended", figures.get("ended", 0))):
        bars.add_row(name, ProgressBar(total=total, completed=value, width=44), f"{value} / {progress.total}")
    grid = Table.grid(padding=(0, 3))
    grid.add_row("messages", _n(figures, "messages"), "in motion", _n(figures, "in_motion"))
    grid.add_row("quarantined", _n(figures, "quarantined"), "delayed orders", _n(figures, "delayed"))
    grid.add_row("effects", _n(figures, "effects"), "owed", _n(figures, "owed"))
    if progress.outbox:
        said = progress.outbox
        grid.add_row("partners said", f"{said.accepted}", "to come", f"{said.pending}")
    return Panel(Group(bars, Text(), grid), title="orders in flight", expand=False)


def _n(figures: dict[str, int], name: str) -> str:
    return f"{figures.get(name, 0):,}"


def result(console: Console, found: dict[str, Any], wrong: list[str]) -> None:
    """The report, for people."""
    table = Table(title="What happened", title_justify="left")
    for name in ("", *ENDS):
        table.add_column(name, justify="left" if not name else "right")
    for kind in ("orders", "shipments", "lines"):
        table.add_row(
            kind, *(f"{found[kind][name]:,}" for name in ("in", "delivered", "cancelled", "rejected", "open"))
        )
    console.print(table)
    books = Table(title="Our ledger against each system's own books", title_justify="left")
    for name in ("system", "expected", "found", "missing", "duplicate"):
        books.add_column(name, justify="left" if name == "system" else "right")
    for system, effects in found["effects"].items():
        books.add_row(system, *(f"{effects[name]:,}" for name in ("expected", "found", "missing", "duplicate")))
    console.print(books)
    messages, past, told = found["messages"], found["history"], found["latency_ms"]["erp"]
    console.print(f"messages   {messages['accepted']:,} accepted = {messages['applied']:,} applied", end="")
    console.print(f" + {messages['superseded']:,} superseded + {messages['quarantined']:,} quarantined")
    console.print(f"lines      {found['on_time']:,} on time, {found['late']:,} late; {found['otif']:,} orders OTIF")
    console.print(f"per order  {past['events_p50']} history events, {past['actions_p50']} billable actions", end="")
    console.print(f", {past['bytes_p50']:,} bytes (medians)")
    console.print(f"ERP told   p50 {told['p50']:,.0f} ms, p95 {told['p95']:,.0f} ms after the message was accepted")
    console.print(f"took       {found['wall_s']:,.0f} s")
    if wrong:
        console.print("[bold red]NOT SOUND:[/] " + "; ".join(wrong))
    else:
        console.print("[bold green]Sound:[/] nothing lost, nothing done twice, every order ended.")


def order(console: Console, found: dict[str, Any], details: dict[str, list[dict[str, Any]]]) -> None:
    """One order: where it is, what was promised, what every system was told, what happened."""
    conditions = ", ".join(found["conditions"]) or "none"
    console.print(
        f"[bold]{found['number']}[/] ({found['erp']}) · [bold]{found['status']}[/] · conditions: {conditions}"
    )
    first, now = found["first_promised_on"], found["promised_on"]
    console.print(f"promised {now}" + (f", at first {first}" if first != now else "") + f" · {found['promise_reason']}")
    columns = {
        "lines": ("line", "item", "ordered", "shipped", "delivered", "promised_on", "delivered_at"),
        "shipments": ("shipment", "status", "eta", "shipped_at", "delivered_at"),
        "effects": ("system", "operation", "shipment", "milestone", "outcome", "attempts", "origin", "done_at"),
        "timeline": ("occurred_at", "kind", "shipment", "partner", "state", "reason"),
    }
    for name, wanted in columns.items():
        table = Table(*wanted, title=name, title_justify="left")
        for row in details[name]:
            table.add_row(*(cell(row[column]) for column in wanted))
        console.print(table)


def cell(value: object) -> str:
    """A value as a table shows it."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return "" if value is None else str(value)
