"""`syncline return …`: let a customer send goods back."""

from typing import Annotated

import typer

from cli.client import Api, Erp, Reason, numbered
from cli.terminal import DEFAULT_STATE, StateDir, console
from schemas.plurals import counted
from schemas.workflows.commands import ReturnAnswer, ReturnRequest

app = typer.Typer(no_args_is_help=True, help="Returns.")


@app.command()
def authorise(
    number: str,
    rma: Annotated[str, typer.Option(help="The number of the return authorisation; the same is authorised once.")],
    reason: Reason,
    line: Annotated[list[str], typer.Option(help="LINE=PACKS that come back.")],
    collect: Annotated[bool, typer.Option(help="Whether a carrier collects them.")] = True,
    erp: Erp = None,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Authorise a return of delivered goods."""
    fields = {"id": rma, "reason": reason, "lines": numbered(line, "quantity"), "collect": collect}
    said = Api(state_dir).post(f"/v1/orders/{number}/returns", ReturnAnswer, ReturnRequest, fields, erp=erp)
    console.print(f"[bold]{said.rma}[/] of {said.order}: {said.state}, {counted(said.packs, 'pack')}")


@app.callback()
def group() -> None:
    """Returns."""
