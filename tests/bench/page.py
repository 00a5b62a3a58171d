"""The figures as a page: docs/performance.md."""

from typing import Any

PAGE = """# Performance

Written by `make bench`; the newest run replaces the page. Absolute figures depend on the machine and the moment:
compare within one run. Every service, the load generator and the baseline share the same cores.

Measured {measured_at} on {machine}.

## What was compared

- **Baseline**: a bare Temporal Python workflow with two calls at release, six signals, and two calls for each. Its
  fourteen activities are HTTP calls to the same simulators (`tests/bench/bare.py`). It has no gateway, no database,
  no event ids and no compensation, and runs in the SDK's default sandbox.
- **Syncline**: the whole path for a release and six milestones. It has HTTP to the gateway, the committed raw
  message, the relay and the workflow. It instructs WMS and TMS, updates the ERP four times, reports every movement to
  planning, and writes the ledger
  (`tests/bench/product.py`).
- Both are loaded in the same overlapping waves. A milestone is sent only after its order has applied the one before and
  made its calls (`tests/bench/load.py`). A round ends when the server is known to have kept
  every step. The database is analysed after the warm-up. Rounds alternate; the figures are medians.

## Figures

| what | budget | measured |
|---|---|---|
| orders/s, whole product | | {orders_per_s} |
| orders/s, bare workflow making the same calls | | {bare_orders_per_s} |
| ratio | ≥ 1.0 | **{ratio}** |
| CPU of all processes for an order, whole product | | {cpu_ms_per_order[product]} ms |
| the same, bare workflow | | {cpu_ms_per_order[bare]} ms |
| orders/s, bare workflow whose activities do nothing | | {bare_without_calls_orders_per_s} |
| history events for one order | ≤ 60 | **{history_events}** |
| history bytes for one order of two lines | ≤ 15,000 | **{history_bytes:,}** |
| billable actions for one order | ≤ 20 | **{billable_actions}** |
| gateway accepts/s, 32 connections, worker paused | | {gateway_accepts_per_s:,} |
| gateway accepts/s while the relay places (and quarantines) them | | {gateway_accepts_per_s_while_relaying:,} |
| raw single-row commits/s, one connection | | {raw_commits_per_s:,} |
| gateway ratio: worker paused, against one connection | ≥ 0.5 | **{gateway_ratio}** |
| raw single-row commits/s, eight connections | | {raw_commits_per_s_8_connections:,} |
| milestone accepted → ERP told, at half load | p50 ≤ 150 ms, p99 ≤ 1 s | {erp} |
| milestone accepted → planning told, at half load | | {planning} |
| an order of two lines promised and reserved, 100,000 open rows of supply and demand | p99 ≤ 100 ms | {promising} |
| the same, with a line of an item that has a tenth of all reservations | p99 ≤ 100 ms | {promising_hot} |
| release over HTTP until the ERP has its promise, one after the other | | {release} |
| the same from eight callers at once, every fourth order with the hot item | | {release_at_once} |
| release over HTTP from a hundred callers at once: calls that were served | p99 ≤ 4.6 s | {crowd_served} |
| calls of theirs that were answered 429 with Retry-After | | {crowd_refused_share:.0%} |
| from the first call for an order until it is released, by callers that come back when told | | {crowd_through_s} |
| orders of theirs that got through; calls for one, at most | 300 | {crowd_through}; {crowd_tries} |
| availability over HTTP, an ordinary item, from 1,000 to 1,000,000 open rows | | {availability} |
| the same of the hot item | | {availability_hot} |
| projection alone, from 1,000 to 1,000,000 rows of one item | | {projection} |
| its cost a row at 1,000,000 rows, against 1,000 | | {projection_cost_ratio} |
| CPU of a worker for one report, lines that it names × shipments of the order | 500 × 300: ≤ 25 ms | {step_cpu} |

Releases over HTTP hold everything that the ERP waits for: message committed, promise reserved, workflow started.
In the rows with one caller and with eight, a supply of the hot item changes four times a second. Each time the
promising workflow plans its thousands of reservations anew. The hundred callers release three orders each, one after
the other, on an idle stack (`tests/bench/crowd.py`). Before there was admission, the p99 of their
calls was 4.6 s. Availability is the p99 at each size. Fill and measure: `tests/bench/promising.py`.

Half load was {half_load_orders_per_s} orders/s, each with its seven messages, sent at a steady rate.
Rounds (orders/s): {rounds}.

{edi}
## Not measured here

Worker memory for each open order, and gateway p99 at half load.
"""

EDI = """## EDI

CPU time of one process each; each message of a file differs in ids, times and places
(`tests/bench/edi.py`). Reading is with all checks; values are divided when somebody asks for them.

| what | budget | measured |
|---|---|---|
| X12 214 read | ≥ 50 MB/s | **{x12_mb_per_s} MB/s** |
| 214 messages read | ≥ 100,000/s | **{messages_per_s:,}/s** |
| EDIFACT IFTSTA read | ≥ 50 MB/s | **{edifact_mb_per_s} MB/s** |
| X12 214 written and judged; not judged | ≥ 25 MB/s | **{write_mb_per_s} MB/s**; {x12_unjudged} MB/s |
| EDIFACT IFTSTA written and judged; not judged | | {edifact_judged} MB/s; {edifact_unjudged} MB/s |
| memory of the process that reads {largest} MB | ≤ 64 MB | **{rss_mb} MB** |
| 214 read, by size of the file in MB; the first loads tables and compiles | linear | {sizes} |
| 214 and IFTSTA read, all their elements divided | | {x12_elements} and {edifact_elements} MB/s |
| the same segment by segment, as messages with findings are | | {x12_segments} and {edifact_segments} MB/s |
| messages/s against the fastest other parser in Python | | **{ratio_to_best_peer}** ({peers}) |
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
            **{
                name: percentiles(figures[f"{name}_ms"])
                for name in ("promising", "promising_hot", "release", "release_at_once", "crowd_served")
            },
            "crowd_through_s": ", ".join(f"{p} {ms / 1000:.1f} s" for p, ms in figures["crowd_through_ms"].items()),
            **{
                name: ", ".join(f"{it['p99']:,.0f} ms" for it in figures[f"{name}_ms"].values())
                for name in ("availability", "availability_hot")
            },
            "projection": ", ".join(f"{ms:,.1f} ms" for ms in figures["projection_ms"].values()),
            "step_cpu": ", ".join(f"{size}: {ms:,.1f} ms" for size, ms in figures["step_cpu_ms"].items()),
            "rounds": rounds,
            "edi": edi_section(figures["edi"]),
        }
    )


def edi_section(figures: dict[str, Any]) -> str:
    """The figures of EDI."""
    x12, edifact = figures["details"]["x12"], figures["details"]["edifact"]
    sizes = figures["x12_mb_per_s_by_size"]
    peers = ", ".join(f"{name} {one['messages_per_s']:,.0f}/s" for name, one in figures["peers"].items())
    shown = {
        "largest": max(sizes, key=float),
        "sizes": ", ".join(f"{size}: {speed} MB/s" for size, speed in sizes.items()),
        "x12_unjudged": x12["write_unjudged"]["mb_per_s"],
        "edifact_judged": edifact["write"]["mb_per_s"],
        "edifact_unjudged": edifact["write_unjudged"]["mb_per_s"],
        "x12_elements": x12["read_elements"]["mb_per_s"],
        "edifact_elements": edifact["read_elements"]["mb_per_s"],
        "x12_segments": x12["read_by_segments"]["mb_per_s"],
        "edifact_segments": edifact["read_by_segments"]["mb_per_s"],
        "peers": peers or "none could be installed",
    }
    return EDI.format(**{**figures, **shown})


def percentiles(found: dict[str, float]) -> str:
    """Latencies in milliseconds."""
    return ", ".join(f"{name} {value:,.0f} ms" for name, value in found.items())
