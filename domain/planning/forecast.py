"""How good a forecast was. Errors are weighted by packs, so that an item that hardly moves does not rule the figure.

WMAPE = Σ|A−F| / ΣA and bias = Σ(F−A) / ΣA: S. Kolassa, W. Schütz, "Advantages of the MAD/Mean ratio over the MAPE",
Foresight 6 (2007). The naive forecast expects the last period's actual again, the seasonal one that of the same period
a season before: R. Hyndman, G. Athanasopoulos,
"Forecasting: Principles and Practice", 3rd ed., 5.2 (https://otexts.com/fpp3/simple-methods.html). Forecast value
added is the naive WMAPE less the forecast's: M. Gilliland, "The Business Forecasting Deal" (2010), chapter 4.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from schemas.planning.forecast import Naive, PeriodAccuracy, PeriodLength


class Accuracy(NamedTuple):
    """Ratios; None when nothing was wanted in all the periods."""

    wmape: float | None
    bias: float | None
    naive_wmape: float | None
    value_added: float | None


def compare(
    bucket: PeriodLength, forecasts: Mapping[date, int], demand: Mapping[date, int], naive: Naive = Naive.LAST
) -> tuple[PeriodAccuracy, ...]:
    """Forecast and demand of each period. `forecasts` is by first day, `demand` by day."""
    actual: Counter[date] = Counter()
    for day, packs in demand.items():
        actual[bucket.begins(day)] += packs
    return tuple(
        PeriodAccuracy(period=first, forecast=packs, actual=actual[first], naive=actual[bucket.before(first, naive)])
        for first, packs in sorted(forecasts.items())
    )


def accuracy(periods: Iterable[PeriodAccuracy]) -> Accuracy:
    """WMAPE, bias, the naive forecast's WMAPE, and the value that the forecast adds to it."""
    found = list(periods)
    wanted = sum(it.actual for it in found)
    if wanted <= 0:
        return Accuracy(None, None, None, None)
    wmape = sum(abs(it.actual - it.forecast) for it in found) / wanted
    naive = sum(abs(it.actual - it.naive) for it in found) / wanted
    return Accuracy(wmape, sum(it.forecast - it.actual for it in found) / wanted, naive, naive - wmape)
