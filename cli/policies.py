"""`syncline policy …`: the rules over the built-in defaults."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client import Api
from cli.terminal import DEFAULT_STATE, StateDir, console, fail, show
from gateway.views.orders import PolicyList
from schemas.cases.policies import PolicyRule

app = typer.Typer(no_args_is_help=True, help="Policies: rules of alerts per kind, partner, site, region, customer.")


@app.command("list")
def list_rules(
    about: Annotated[str | None, typer.Option(help="case, order or channel.")] = None,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """List the newest version of each rule."""
    found = Api(state_dir).get("/v1/policies", PolicyList, about=about)
    show("policies", ("id", "version", "about", "scope", "body"), (_row(rule) for rule in found.rules))


def _row(rule: PolicyRule) -> dict[str, Any]:
    scope = ", ".join(f"{name} {value}" for name, value in rule.scope.model_dump(exclude_none=True).items())
    return {**rule.model_dump(), "scope": scope or "everything", "body": json.dumps(rule.body)}


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="JSON: a rule, or a list of rules.", exists=True)],
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Put rules in force. Running work keeps the version that it started with."""
    try:
        said = json.loads(file.read_text())
    except ValueError as error:
        raise fail(f"{file} is not JSON: {error}") from None
    api = Api(state_dir)
    for rule in said if isinstance(said, list) else [said]:
        put = api.put("/v1/policies", PolicyRule, PolicyRule, rule)
        console.print(f"{put.id} is in force, version {put.version}")
