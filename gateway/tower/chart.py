"""A projection as a picture: lines by day with and without forecast demand, shortages below zero, and marks for supply.

Shapes are in a box of 100 × 100 that is stretched to its place; texts and marks are placed in percent, so they are not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from schemas.inventory.promising import AvailabilityDay

TOP, BOTTOM = 9.0, 91.0
"""Between these the line runs, so that neither it nor its marks touch the edges."""
TICKS = 4
"""About so many lines across."""
LABELS = 6
"""About so many days are named."""


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis, in percent."""

    at: float
    text: str


@dataclass(frozen=True)
class ChartMark:
    """Supply that comes in at a place of the line."""

    x: float
    y: float
    packs: int


@dataclass(frozen=True)
class Slot:
    """A day of the chart: where it is, and what is said of it when it is pointed at."""

    x: float
    width: float
    day: AvailabilityDay


@dataclass(frozen=True)
class Chart:
    """Paths `line`, `balance` (empty without a forecast), `plenty` (filled above zero) and `short` (filled under it),
    the zero line, and everything named."""

    line: str
    balance: str
    plenty: str
    short: str
    zero: float
    values: list[Tick]
    dates: list[Tick]
    marks: list[ChartMark]
    slots: list[Slot]


def draw(days: Sequence[AvailabilityDay]) -> Chart:
    """The picture of at least one day."""
    levels = [it.projected for it in days]
    balances = [it.balance for it in days] if any(it.forecast for it in days) else []
    least, most = min(0, *levels, *balances), max(0, *levels, *balances)
    step = nice_step(most - least)
    low, high = step * (least // step), step * -(-max(step, most) // step)
    width = 100 / len(days)

    def y(level: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (level - low) / (high - low), 2)

    zero = y(0)
    slots = [Slot(round(n * width, 2), round(width, 2), it) for n, it in enumerate(days)]
    return Chart(
        line=_line([y(level) for level in levels], width),
        balance=_line([y(level) for level in balances], width) if balances else "",
        plenty=_filled([(n, y(level)) for n, level in enumerate(levels) if level > 0], zero, width),
        short=_filled([(n, y(level)) for n, level in enumerate(levels) if level < 0], zero, width),
        zero=zero,
        values=[Tick(y(level), f"{level:,}") for level in range(low, high + 1, step)],
        dates=_dates([it.day for it in days], width),
        marks=[ChartMark(round(s.x + s.width / 2, 2), y(s.day.projected), s.day.supply) for s in slots if s.day.supply],
        slots=slots,
    )


def nice_step(span: int) -> int:
    """The distance of lines across that people read easily: 1, 2 or 5, and its tens."""
    least = max(1, span / TICKS)
    power = 1
    while power * 10 <= least:
        power *= 10
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)


def _line(heights: Sequence[float], width: float) -> str:
    """One step for each day, and rises or falls between them."""
    steps = [f"H{(n + 1) * width:.2f}" for n in range(len(heights))]
    moves = [f"V{after}" if after != before else "" for before, after in pairwise(heights)]
    return f"M0 {heights[0]}{steps[0]}" + "".join(move + step for move, step in zip(moves, steps[1:], strict=True))


def _filled(bars: Iterable[tuple[int, float]], zero: float, width: float) -> str:
    """A bar from the zero line for each of these days."""
    return "".join(f"M{n * width:.2f} {zero}V{height}H{(n + 1) * width:.2f}V{zero}Z" for n, height in bars)


def _dates(days: Sequence[date], width: float) -> list[Tick]:
    every = max(1, -(-len(days) // LABELS))
    return [Tick(round(n * width, 2), f"{day:%-d %b}") for n, day in enumerate(days) if n % every == 0]
