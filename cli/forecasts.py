"""`syncline forecast …`: how good a forecast was."""

from typing import Annotated

import typer

from cli.client import Api
from cli.terminal import DEFAULT_STATE, StateDir, console, show
from schemas.planning.forecast import Actual, ForecastAccuracy, Naive, PeriodLength

app = typer.Typer(no_args_is_help=True, help="Forecasts.")

FIGURES = ("wmape", "bias", "naive_wmape", "value_added")
"""Rows of the totals."""
PERIOD = ("period", "forecast", "actual", "naive")
"""Columns of the list of periods."""


@app.command("accuracy")
def show_accuracy(
    item: Annotated[str, typer.Argument(help="Item number.")],
    site: Annotated[str, typer.Argument(help="Site.")],
    begin: Annotated[str, typer.Option("--from", help="Periods that begin on this day or later.")],
    end: Annotated[str, typer.Option("--to", help="Periods that begin before this day.")],
    bucket: Annotated[PeriodLength, typer.Option(help="Length of a period.")] = PeriodLength.WEEK,
    actual: Annotated[Actual, typer.Option(help="The actuals that it is compared with.")] = Actual.ORDERED,
    naive: Annotated[Naive, typer.Option(help="The period that the naive forecast expects again.")] = Naive.LAST,
    lag_days: Annotated[int, typer.Option(help="Of what held so many days before each period.", min=0, max=366)] = 0,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Show WMAPE, bias and forecast value added, and every period that they are made of."""
    asked = {"item": item, "site": site, "from": begin, "to": end, "bucket": bucket, "actual": actual, "naive": naive}
    found = Api(state_dir).get("/v1/forecasts/accuracy", ForecastAccuracy, **asked, lag_days=lag_days)
    show(f"{item} at {site}", PERIOD, (it.model_dump() for it in found.periods))
    for name in FIGURES:
        figure = getattr(found, name)
        console.print(f"{name}: {'no packs were wanted' if figure is None else f'{figure:.1%}'}")
