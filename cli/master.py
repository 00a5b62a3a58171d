"""`syncline master KIND ID`: a record of master data, as its owner says it."""

from typing import Annotated

import typer

from cli.client import Api, Erp
from cli.terminal import DEFAULT_STATE, StateDir, show
from schemas.partners.master_data import MasterKind, MasterView


def master(
    kind: Annotated[MasterKind, typer.Argument(help="The kind of its subject.")],
    id: Annotated[str, typer.Argument(help="Its id in the ERP.")],
    erp: Erp = None,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Look master data up: the record, whose it is, when it was fetched, and whether that is fresh or stale."""
    found = Api(state_dir).get(f"/v1/master/{kind}/{id}", MasterView, erp=erp)
    title = f"{kind} {id} of {found.owner}, {found.freshness}, fetched {found.fetched_at:%Y-%m-%d %H:%M:%S} UTC"
    fields = found.record.model_dump(mode="json", exclude_none=True)
    show(title, ("field", "value"), ({"field": name, "value": value} for name, value in fields.items()))
