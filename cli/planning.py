"""`syncline proposal …`: what planners are asked, and their decisions."""

from typing import Annotated

import typer

from cli.client import Api, Reason, RequestId, new_id, numbered, whole
from cli.orders import print_verdict
from cli.terminal import DEFAULT_STATE, StateDir, console, show
from gateway.views.orders import ProposalList
from schemas.ids import StockProposalKey
from schemas.planning.governor import StockProposalView
from schemas.workflows.commands import CommandAnswer, ReplanDecision, Verdict

app = typer.Typer(no_args_is_help=True, help="Re-plan proposals.")

COLUMNS = ("id", "state", "kind", "promised_on", "proposed_on", "summary", "raised_at", "decided_by")
"""Columns of proposals on orders."""
STOCK_COLUMNS = (
    *("id", "state", "item", "site", "item_class", "packs", "slipped_days", "day", "summary"),
    *("raised_at", "expires_at", "decided_by", "told_at", "refused"),
)
PRECISION_COLUMNS = ("week", "accepted", "decided", "expired", "precision")
"""Columns of the weeks' precision."""


@app.command("list")
def list_proposals(
    region: Annotated[str | None, typer.Option(help="Of one region.")] = None,
    decided: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """List open proposals, the newest first."""
    state = "all" if decided else "open"
    found = Api(state_dir).get("/v1/proposals", ProposalList, state=state, region=region)
    show("proposals", COLUMNS, (proposal.model_dump() for proposal in found.proposals))
    show("items at sites", STOCK_COLUMNS, (proposal.model_dump() for proposal in found.stock or ()))
    show("re-plan precision", PRECISION_COLUMNS, (week.model_dump() for week in found.precision or ()))


@app.command()
def decide(
    proposal: Annotated[str, typer.Argument(help="As it is listed.")],
    verdict: Verdict,
    reason: Reason,
    on: Annotated[str | None, typer.Option(help="Another day.")] = None,
    site: Annotated[str | None, typer.Option(help="Another source.")] = None,
    line: Annotated[list[str], typer.Option(help="LINE=PACKS that the other site sends.")] = [],  # noqa: B006
    carrier: Annotated[str | None, typer.Option(help="Another carrier.")] = None,
    expedite: Annotated[bool, typer.Option(help="Faster transport.")] = False,
    packs: Annotated[
        int | None, typer.Option(help="Of an item at a site: packs more to plan; fewer: negative.", parser=whole)
    ] = None,
    substitute: Annotated[list[str], typer.Option(help="LINE=ITEM that is sent instead.")] = [],  # noqa: B006
    request_id: RequestId = "",
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Accept or reject a proposal, or override it with another date, source, split, carrier, speed or item."""
    fields = {
        "id": request_id or new_id(),
        "proposal": proposal,
        "verdict": verdict,
        "reason": reason,
        "promised_on": on,
        "site": site,
        "lines": numbered(line, "quantity") or None,
        "carrier": carrier,
        "expedite": expedite or None,
        "packs": packs,
        "substitutes": numbered(substitute, "item", str) or None,
    }
    api, path = Api(state_dir), f"/v1/proposals/{proposal}/decision"
    if StockProposalKey.read(proposal):
        decided = api.post(path, StockProposalView, ReplanDecision, fields)
        console.print(f"{decided.item} at {decided.site}: {decided.state}")
    else:
        print_verdict(api.post(path, CommandAnswer, ReplanDecision, fields))
