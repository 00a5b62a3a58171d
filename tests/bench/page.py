"""The figures as a page: docs/performance.md."""

from typing import Any

PAGE = """# Performance

Written by `make bench`; the newest run replaces the page. Absolute figures depend on the machine and the moment:
compare within one run. Every service, the load generator and the baseline share the same cores.

Measured {measured_at} on {machine}.

## What was compared

- **Baseline**: a bare Temporal Python workflow with two calls at release, six signals and two calls for each: fourteen
  activities, each an HTTP call to the same simulators (`tests/bench/bare.py`). It has no gateway, no database, no event
  ids and no compensation, and runs in the SDK's default sandbox.
- **Syncline**: the whole path for a release and six milestones: HTTP to the gateway, raw message committed, relay,
  workflow, WMS and TMS instructed, the ERP told four times, planning told of every movement, ledger written
  (`tests/bench/product.py`).
- Both are loaded in the same overlapping waves, and a milestone is sent only after its order has finished the one
  before (`tests/bench/load.py`). Rounds alternate; the figures are medians.

## Figures

| what | budget | measured |
|---|---|---|
| orders/s, whole product | | {orders_per_s} |
| orders/s, bare workflow making the same calls | | {bare_orders_per_s} |
| ratio | ≥ 1.0 | **{ratio}** |
| orders/s, bare workflow whose activities do nothing | | {bare_without_calls_orders_per_s} |
| history events for one order | ≤ 60 | **{history_events}** |
| history bytes for one order of two lines | ≤ 15,000 | **{history_bytes:,}** |
| billable actions for one order | ≤ 20 | **{billable_actions}** |
| gateway accepts/s, 32 connections, worker paused | | {gateway_accepts_per_s:,} |
| gateway accepts/s while the relay places (and parks) them | | {gateway_accepts_per_s_while_relaying:,} |
| raw single-row commits/s, one connection | | {raw_commits_per_s:,} |
| gateway ratio: worker paused, against one connection | ≥ 0.5 | **{gateway_ratio}** |
| raw single-row commits/s, eight connections | | {raw_commits_per_s_8_connections:,} |
| milestone accepted → ERP told, at half load | p50 ≤ 150 ms, p99 ≤ 1 s | {erp} |
| milestone accepted → planning told, at half load | | {planning} |
| an order of two lines promised and reserved, 100,000 open rows of supply and demand | p99 ≤ 100 ms | {promising} |
| projection of availability, from 1,000 to 1,000,000 rows | | {projection} |
| its cost a row at 1,000,000 rows, against 1,000 | | {projection_cost_ratio} |

Half load was {half_load_orders_per_s} orders/s, each with its seven messages, sent at a steady rate.
Rounds (orders/s): {rounds}.

## Not measured here

Worker memory for each open order, gateway p99 at half load, and EDI decoding (there is no EDI yet).
"""


def page(figures: dict[str, Any]) -> str:
    """The page for these figures."""
    rounds = "; ".join(
        f"{name.replace('_', ' ')} {', '.join(map(str, rates))}" for name, rates in figures["rounds"].items()
    )
    return PAGE.format(
        **{
            **figures,
            "erp": percentiles(figures["milestone_to_erp_ms"]),
            "planning": percentiles(figures["milestone_to_planning_ms"]),
            "promising": percentiles(figures["promising_ms"]),
            "projection": ", ".join(f"{ms:,.1f} ms" for ms in figures["projection_ms"].values()),
            "rounds": rounds,
        }
    )


def percentiles(found: dict[str, float]) -> str:
    """Latencies in milliseconds."""
    return ", ".join(f"{name} {value:,.0f} ms" for name, value in found.items())
