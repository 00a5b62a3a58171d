"""Which rate is bought: the cheapest that arrives by the promised day; the fastest when it is urgent. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

FAR = date.max
"""Sorts what says no day behind everything that does."""


@dataclass(frozen=True)
class CarrierRate:
    """What a carrier would take it for. `arrives_on`: the day; None when it is not known."""

    id: str
    carrier: str
    service: str
    currency: str
    total: Decimal
    arrives_on: date | None


@dataclass(frozen=True)
class RateWish:
    """What a rate must keep. `carrier`: only this one, `carrier_id` in Karrio. `by`: the promised day. `currency`: only
    this one. `unknown`: whether a rate that says no day is taken, when no other arrives in time."""

    by: date | None = None
    carrier: str = ""
    expedite: bool = False
    currency: str = ""
    unknown: bool = True


class NoRate(Exception):
    """No rate keeps the wish; the code says why."""


def read_rate(rate: dict[str, Any], shipped_on: date) -> CarrierRate:
    """A rate of Karrio's. `shipped_on`: the day from which its days of transit count; they are calendar days. Raises
    KeyError, TypeError, ValueError or ArithmeticError for what is none."""
    said, days = rate.get("estimated_delivery"), rate.get("transit_days")
    arrives = date.fromisoformat(said[:10]) if said else None
    if arrives is None and days is not None:
        arrives = shipped_on + timedelta(days=int(days))
    return CarrierRate(
        id=_text(rate["id"]),
        carrier=_text(rate["carrier_id"]),
        service=_text(rate.get("service") or ""),
        currency=_text(rate.get("currency") or ""),
        total=Decimal(str(rate["total_charge"])),
        arrives_on=arrives,
    )


def choose(rates: Iterable[CarrierRate], wish: RateWish) -> CarrierRate:
    """The rate to buy. Of equal ones that of the lower id, so that a repeat chooses the same.

    Raises: `NoRate`, with a code: `no_rate`, `no_rate_of_carrier`, `no_rate_in_currency`, `currencies_differ`,
    `no_rate_in_time`.
    """
    found = _kept(list(rates), "no_rate")
    if wish.carrier:
        found = _kept([it for it in found if it.carrier == wish.carrier], "no_rate_of_carrier")
    if wish.currency:
        found = _kept([it for it in found if it.currency == wish.currency], "no_rate_in_currency")
    if len({it.currency for it in found}) > 1:
        raise NoRate("currencies_differ")
    if wish.by is not None:
        last = wish.by
        in_time = [it for it in found if it.arrives_on is not None and it.arrives_on <= last]
        silent = [it for it in found if it.arrives_on is None] if wish.unknown else []
        found = _kept(in_time or silent, "no_rate_in_time")
    return min(found, key=lambda it: (_day(it) if wish.expedite else date.min, it.total, _day(it), it.id))


def _kept(rates: list[CarrierRate], otherwise: str) -> list[CarrierRate]:
    if not rates:
        raise NoRate(otherwise)
    return rates


def _day(rate: CarrierRate) -> date:
    return rate.arrives_on or FAR


def _text(said: object) -> str:
    if not isinstance(said, str):
        raise TypeError("is no text")
    return said
