"""The report of a run: what went in, how it ended, whether every system's own books agree, what it cost."""

from collections.abc import Set
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any

from temporalio.client import Client

from demo.balance import compare_all
from simulators.driver import Driver, ReleaseRefusal
from simulators.systems.ledger import LedgerReport
from stack.cost import Cost, measure
from store.engine import Database
from store.messaging import heads, inbox
from store.planning import planning
from store.views import report

HISTORY_SAMPLE = 100
"""Histories read for the figures: enough for a percentile, few for the server."""
ENDED = ("delivered", "cancelled", "returned")


@dataclass(frozen=True)
class RunFacts:
    """What the run knows beside the database: what it meant to release, what was refused, how long it took.

    Without `shipments` and `lines`, those count that the database knows.
    """

    orders: int
    restarts: dict[str, int]
    wall_s: float
    shipments: int | None = None
    lines: int | None = None
    refusals: list[ReleaseRefusal] = field(default_factory=list)
    rejected_shipments: int = 0
    rejected_lines: int = 0
    findings: dict[str, int] = field(default_factory=dict)


async def build(database: Database, client: Client, driver: Driver, facts: RunFacts) -> dict[str, Any]:
    """The report as a JSON object; see README for its fields."""
    async with database.connection() as connection:  # before the comparison, which may open cases of its own
        provisional, owed = await heads.counts(connection), await report.owed(connection)
    balance = await compare_all(client, database)
    books = await driver.books()
    async with database.connection() as connection:
        outcomes = await report.outcomes(connection)
        punctual = await report.punctuality(connection)
        expected = await report.expected_effects(connection)
        superseded = await report.superseded_effects(connection)
        promises = await report.promises(connection)
        stock = await report.books(connection)
        planned = await planning.figures(connection)
        messages = await inbox.counts(connection)
        latency = await report.latencies_ms(connection)
        sample = await report.ended_orders(connection, HISTORY_SAMPLE)
    totals = {"orders": facts.orders, "shipments": facts.shipments, "lines": facts.lines}
    rejected = {
        "orders": len(facts.refusals),
        "shipments": facts.rejected_shipments,
        "lines": facts.rejected_lines,
    }
    return {
        **{kind: _with_open(outcomes[kind], total, rejected[kind]) for kind, total in totals.items()},
        **punctual,
        "messages": {
            "accepted": sum(messages.values()),
            **{state: messages.get(state, 0) for state in ("applied", "superseded", "quarantined")},
        },
        "effects": {system: reconcile(keys, books[system], superseded) for system, keys in expected.items()},
        "unfinished": {"effects": owed, "steps": provisional["steps"], "verdicts": provisional["verdicts"]},
        "promises": promises,
        "stock": stock,
        "balance": balance,
        "planning_calls_per_1000_movements": planned["per_1000"],
        "history": history([await measure(client, f"order/{key}") for key in sample]),
        "latency_ms": latency,
        "restarts": {"worker": facts.restarts.get("worker", 0), "temporal": facts.restarts.get("temporal", 0)},
        "import": facts.findings,
        "wall_s": round(facts.wall_s, 1),
    }


def _with_open(counts: dict[str, int], meant: int | None, rejected: int) -> dict[str, int]:
    """Whatever neither ended nor was rejected is open, also when it never reached the database."""
    total = counts["in"] if meant is None else meant
    ended = {kind: counts[kind] for kind in ENDED}
    return {"in": total, **ended, "rejected": rejected, "open": total - sum(ended.values()) - rejected}


def reconcile(expected: set[str], book: LedgerReport, superseded: Set[str] = frozenset()) -> dict[str, int]:
    """Our ledger against the system's own. An execution that we know nothing of counts as a duplicate too; of what was
    superseded it may have done some."""
    found = {entry.key for entry in book.entries if entry.executions}
    return {
        "expected": len(expected),
        "found": len(found),
        "missing": len(expected - found),
        "duplicate": book.duplicates + len(found - expected - superseded),
    }


def history(costs: list[Cost]) -> dict[str, int]:
    """Percentiles of what an order cost, over a sample of delivered orders."""
    events, size, actions = (sorted(getattr(c, name) for c in costs) for name in ("events", "size_bytes", "actions"))
    return {
        "events_p50": percentile(events, 50),
        "events_p95": percentile(events, 95),
        "bytes_p50": percentile(size, 50),
        "actions_p50": percentile(actions, 50),
    }


def percentile(values: list[int], p: int) -> int:
    """The p-th percentile of sorted values; 0 when there are none."""
    if len(values) < 2:  # noqa: PLR2004 - quantiles need two
        return values[0] if values else 0
    return round(quantiles(values, n=100, method="inclusive")[p - 1])


def sound(found: dict[str, Any]) -> list[str]:
    """Faults of a run; empty when nothing was lost, nothing done twice, and every order ended."""
    wrong: list[str] = []
    for system, effects in found["effects"].items():
        wrong.extend(f"{system}: {effects[kind]} {kind}" for kind in ("missing", "duplicate") if effects[kind])
    if found["orders"]["open"]:
        wrong.append(f"{found['orders']['open']} orders did not end")
    if found["stock"]["unbalanced"]:
        wrong.append(f"{found['stock']['unbalanced']} places of the stock ledger do not add up")
    if unexplained := found["balance"]["differences"] - found["balance"]["explained"]:
        wrong.append(f"{unexplained} differences with other systems' books are not explained")
    if found["promises"]["oversold"]:
        wrong.append(f"{found['promises']['oversold']} items or supplies are promised beyond what there is")
    messages = found["messages"]
    unsettled = messages["accepted"] - messages["applied"] - messages["superseded"] - messages["quarantined"]
    if unsettled:
        wrong.append(f"{unsettled} messages are neither applied, superseded nor quarantined")
    unfinished = found["unfinished"]
    if unfinished["effects"]:
        wrong.append(f"{unfinished['effects']} effects are owed")
    if unfinished["steps"] or unfinished["verdicts"]:
        wrong.append(f"{unfinished['steps']} steps and {unfinished['verdicts']} verdicts are provisional")
    played = found.get("scenarios", {})
    wrong.extend(f"scenario {name}: {it['problem']}" for name, it in played.items() if not it["passed"])
    return wrong
