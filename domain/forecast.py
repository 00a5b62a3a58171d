"""How good a forecast was. Errors are weighted by packs, so that an item that hardly moves does not rule the figure.

WMAPE = Σ|A−F| / ΣA and bias = Σ(F−A) / ΣA: S. Kolassa, W. Schütz, "Advantages of the MAD/Mean ratio over the MAPE",
Foresight 6 (2007). The naive forecast expects the last period's actual again: R. Hyndman, G. Athanasopoulos,
"Forecasting: Principles and Practice", 3rd ed., 5.2 (https://otexts.com/fpp3/simple-methods.html). Forecast value
added is the naive WMAPE less the forecast's: M. Gilliland, "The Business Forecasting Deal" (2010), chapter 4.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from schemas.forecast import Bucket, PeriodAccuracy


class Accuracy(NamedTuple):
    """Ratios; None when nothing left in all the periods."""

    wmape: float | None
    bias: float | None
    naive_wmape: float | None
    value_added: float | None


def compare(bucket: Bucket, forecasts: Mapping[date, int], shipped: Mapping[date, int]) -> tuple[PeriodAccuracy, ...]:
    """What was forecast beside what left, by period. `forecasts` is by first day, `shipped` by day."""
    actual: Counter[date] = Counter()
    for day, packs in shipped.items():
        actual[bucket.following(bucket.begins(day))] += packs  # under the day after the period: the next one's naive
    return tuple(
        PeriodAccuracy(period=first, forecast=packs, actual=actual[bucket.following(first)], naive=actual[first])
        for first, packs in sorted(forecasts.items())
    )


def accuracy(periods: Iterable[PeriodAccuracy]) -> Accuracy:
    """WMAPE, bias, the naive forecast's WMAPE, and the value that the forecast adds to it."""
    found = list(periods)
    moved = sum(it.actual for it in found)
    if moved <= 0:
        return Accuracy(None, None, None, None)
    wmape = sum(abs(it.actual - it.forecast) for it in found) / moved
    naive = sum(abs(it.actual - it.naive) for it in found) / moved
    return Accuracy(wmape, sum(it.forecast - it.actual for it in found) / moved, naive, naive - wmape)
