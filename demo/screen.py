"""The screen of a run: one live table while the stack starts and orders flow, then the result and the links."""

from collections import Counter
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from demo.balance import BalanceRow, Sheet, money
from demo.play import Played
from demo.run import RunProgress
from stack.supervisor import Phase, ServiceProgress

TOP = 12
"""Rows of the balance sheet, and differences, that are shown; `syncline balance` and `reconcile list` show all."""
SYSTEM_COLUMNS = ("ours", "erp", "wms", "planning")
ENDS = ("in", "delivered", "cancelled", "returned", "rejected", "open")


MARKS = {Phase.STARTING: "…", Phase.READY: "[green]✓[/]", Phase.DONE: "[green]✓[/]", Phase.DIED: "[red]✗[/]"}


def services(steps: dict[str, ServiceProgress]) -> Table:
    """One row per service while the stack starts."""
    table = Table.grid(padding=(0, 2))
    for name, step in steps.items():
        again = f"restarted {step.restarts} ×" if step.restarts else ""
        table.add_row(MARKS.get(step.phase, " "), name, f"{step.phase} {step.took_s:.1f} s", again)
    return table


def flow(progress: RunProgress) -> Panel:
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


def scenario(played: Played) -> Panel:
    """Actions in every system, and the checks."""
    table = Table(*(system.upper() for system in played.deeds), box=None, padding=(0, 3, 0, 0))
    table.add_row(*(_deeds(deeds) for deeds in played.deeds.values()))
    checks = Table.grid(padding=(0, 1))
    for check in played.checks:
        checks.add_row("[green]✓[/]" if check.passed else "[red]✗[/]", Text(check.claim))
    if played.problem not in {"", *(check.claim for check in played.checks)}:
        checks.add_row("[red]✗[/]", Text(played.problem, style="red"))
    mark, orders = "[green]✓[/]" if played.passed else "[red]✗[/]", ", ".join(played.orders)
    content = Group(Text(played.scenario.story), Text(), table, Text(), checks)
    return Panel(content, title=f"{mark} {played.scenario.name}", subtitle=orders, title_align="left", expand=False)


def _deeds(deeds: Counter[str]) -> str:
    return "\n".join(f"{what} ×{n}" if n > 1 else what for what, n in deeds.items())


def balance(sheet: Sheet) -> Group:
    """The balance sheet across the four systems: the sites with most stock, the total, the accounts, and what
    differs."""
    when = f"{sheet.as_of:%Y-%m-%d %H:%M:%S} UTC" if sheet.as_of else "not compared yet"
    title = Text(f"Balance sheet, {when}: packs and their value, as each system has them", style="italic")
    table = Table()
    for name in ("", *SYSTEM_COLUMNS):
        table.add_column(name, justify="right" if name else "left")
    for place, row in list(sheet.rows.items())[:TOP]:
        table.add_row(Text(place), *_figures(row))
    if len(sheet.rows) > TOP:
        table.add_row(f"… {len(sheet.rows) - TOP} more")
    if not sheet.rows:
        table.add_row("nothing is left at a site or on the way")
    table.add_section()
    table.add_row("total", *_figures(sheet.total))
    counts = sheet.counts
    said = (
        f"{counts['items']:,} items, {counts['differences']:,} differences, {counts['explained']:,} of them explained"
    )
    differing = [_differing(sheet)] if sheet.differences else []
    return Group(title, table, _posted(sheet), _accounts(sheet), *differing, Text(said))


def _posted(sheet: Sheet) -> Table:
    table = Table(title="Money of orders: our ledger and the ERPs' own accounts", title_justify="left")
    for name in ("account", "currency", "ours", "erp"):
        table.add_column(name, justify="right" if name in SYSTEM_COLUMNS else "left")
    for it in sheet.posted:
        table.add_row(it.account, it.currency, f"{it.ours:,.2f}", "" if it.erp is None else f"{it.erp:,.2f}")
    return table


def _accounts(sheet: Sheet) -> Table:
    table = Table(title="Our ledger by account: all that was moved so far", title_justify="left")
    for name in ("account", "packs", "value"):
        table.add_column(name, justify="left" if name == "account" else "right")
    for account in sheet.accounts:
        packs = f"{account.packs:,}" if account.packs else ""
        value = money({account.currency: account.amount}) if account.currency else "no value was told"
        table.add_row(account.account, packs, value)
    return table


def _differing(sheet: Sheet) -> Table:
    table = Table(title="What differs", title_justify="left")
    for name in ("system", "about", "class", "ours", "theirs", "explained by, or what to do"):
        table.add_column(name, overflow="fold")
    for it in sheet.differences[:TOP]:
        why = it.explained_by or f"{it.owner}: {it.proposal}"
        cells = (f"{it.system} {it.target}", it.subject, it.kind, it.ours, it.theirs, why)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _figures(row: BalanceRow) -> list[str]:
    return [_cell(row.packs[system], money(row.values[system])) for system in SYSTEM_COLUMNS]


def _cell(packs: int | None, value: str) -> str:
    return "" if packs is None else f"{packs:,}\n{value}".rstrip()


def result(console: Console, found: dict[str, Any], wrong: list[str]) -> None:
    """The report, for people."""
    table = Table(title="What happened", title_justify="left")
    for name in ("", *ENDS):
        table.add_column(name, justify="left" if not name else "right")
    for kind in ("orders", "shipments", "lines"):
        table.add_row(kind, *(f"{found[kind][name]:,}" for name in ENDS))
    console.print(table)
    books = Table(title="Our ledger against each system's own books", title_justify="left")
    for name in ("system", "expected", "found", "missing", "duplicate"):
        books.add_column(name, justify="left" if name == "system" else "right")
    for system, effects in found["effects"].items():
        books.add_row(system, *(f"{effects[name]:,}" for name in ("expected", "found", "missing", "duplicate")))
    console.print(books)
    messages, past, erp_ms = found["messages"], found["history"], found["latency_ms"]["erp"]
    console.print(f"messages   {messages['accepted']:,} accepted = {messages['applied']:,} applied", end="")
    console.print(f" + {messages['superseded']:,} superseded + {messages['quarantined']:,} quarantined")
    console.print(f"lines      {found['on_time']:,} on time, {found['late']:,} late; {found['otif']:,} orders OTIF")
    console.print(f"per order  {past['events_p50']} history events, {past['actions_p50']} billable actions", end="")
    console.print(f", {past['bytes_p50']:,} bytes (medians)")
    console.print(f"ERP told   p50 {erp_ms['p50']:,.0f} ms, p95 {erp_ms['p95']:,.0f} ms after the message was accepted")
    kept = found["promises"]
    console.print(f"promises   {kept['made']:,} made, {kept['kept_first']:,} kept as first made", end="")
    console.print(f", {kept['kept_last']:,} as last made; {kept['oversold']} promised beyond what there is")
    console.print(f"planning   {found['planning_calls_per_1000_movements']} calls per 1,000 movements")
    console.print(f"took       {found['wall_s']:,.0f} s")
    if wrong:
        console.print("[bold red]NOT SOUND:[/] " + escape("; ".join(wrong)))
    else:
        console.print("[bold green]Sound:[/] nothing lost, nothing done twice, every order ended.")
