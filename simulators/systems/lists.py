"""A system's own lists, page by page: its stock, what it executed; and a switch that makes its stock wrong."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.base import Contract
from schemas.finance.reconciliation import (
    DemandFigure,
    DemandReport,
    EffectsReport,
    Listed,
    TargetFigure,
    TargetsReport,
)
from schemas.inventory.stock import Figure
from schemas.inventory.supply import StockReport
from schemas.parsing import heard
from simulators.systems.call_handling import CallHandler, answer, problem
from simulators.systems.ledger import ROW

Key = tuple[str, str]
"""(item, place)."""
Packs = Counter[Key]
Path = Mapping[str, str]
Entry = TypeVar("Entry")


class Forgotten(Contract):
    """Movements that the books of an `instance` (a site, the id of an ERP) have lost: packs of items at places."""

    model_config = ConfigDict(extra="forbid")

    instance: str = ""
    figures: tuple[Figure, ...] = ()


def listed(path: str, find: Callable[[Path], Mapping[str, Entry]], report: Callable[[list[Entry]], Contract]) -> Route:
    """A route that reads a list by name: those behind `after`, at most `limit` of them, all without one.

    A list that grows with history (`Listed`) can be asked for what is otherwise since `changed_since`. When something
    changed is known by looking: it counts as changed when it is first seen so, which is never too early.
    """
    seen: dict[tuple[str, str], tuple[Entry, datetime]] = {}

    async def endpoint(request: Request) -> Response:
        after, limit = request.query_params.get("after", ""), request.query_params.get("limit", "")
        since = request.query_params.get("changed_since", "")
        if limit and not (limit.isdecimal() and int(limit)):
            return problem(422, "limit_invalid", "limit: must be a whole number from 1")
        instance, now = request.path_params.get("instance", ""), datetime.now(UTC)
        everything = find(request.path_params)
        for name, it in everything.items():
            if (instance, name) not in seen or seen[instance, name][0] != it:
                seen[instance, name] = it, now
        found = sorted((name, it) for name, it in everything.items() if name > after)
        said = report([])
        if isinstance(said, Listed) and since:
            moment = datetime.fromisoformat(since)
            found = [(name, it) for name, it in found if seen[instance, name][1] >= moment]
        said = report([it for _, it in (found[: int(limit)] if limit else found)])
        return answer(said.model_copy(update={"as_of": now}) if isinstance(said, Listed) else said)

    return Route(path, endpoint, methods=["GET"])


def executed(handler: CallHandler, instance: str = "") -> Route:
    """`GET {instance}/v1/effects`: the keys of what a system did. Rows of planning are no effects."""

    def find(path: Path) -> dict[str, str]:
        entries = handler.ledger.report().entries
        mine = (it for it in entries if it.instance == path.get("instance", "") and it.operation != ROW)
        return {it.key: it.key for it in mine}

    return listed(f"{instance}/v1/effects", find, lambda found: EffectsReport(keys=tuple(found)))


class StockLists:
    """The list of a system's stock by its own books. `figures` gets the instance: a site, an ERP."""

    def __init__(self, handler: CallHandler, figures: Callable[[str], Packs]) -> None:
        self._handler = handler
        self._figures = figures
        self._forgotten: dict[str, Forgotten] = {}

    def routes(self, instance: str = "") -> list[Route]:
        """`GET {instance}/v1/stock`, `GET {instance}/v1/effects`, and `PUT /forget_stock` with a `Forgotten`, which
        replaces what the instance had lost before."""
        return [
            listed(f"{instance}/v1/stock", self._stock, lambda found: StockReport(figures=tuple(found))),
            executed(self._handler, instance),
            Route("/forget_stock", self._forget, methods=["PUT"]),
        ]

    def _stock(self, path: Path) -> dict[str, Figure]:
        instance = path.get("instance", "")
        packs = Counter(self._figures(instance))
        if instance in self._forgotten:
            for it in self._forgotten[instance].figures:
                packs[it.item, it.place] -= it.packs
        return {f"{item} {at}": Figure(place=at, item=item, packs=n) for (item, at), n in packs.items() if n}

    async def _forget(self, request: Request) -> Response:
        try:
            lost = heard(Forgotten, await request.body())
        except ValidationError as error:
            return problem(422, "forgotten_invalid", str(error))
        self._forgotten[lost.instance] = lost
        return answer(lost)


class Restored(Contract):
    """Orders that an `instance` has again as they once were: it has lost what it was told since."""

    model_config = ConfigDict(extra="forbid")

    instance: str = ""
    orders: tuple[TargetFigure, ...] = ()


class TargetLists:
    """The list of the latest targets of each order."""

    def __init__(self, find: Callable[[Path], Iterable[TargetFigure]]) -> None:
        self._find = find
        self._restored: dict[str, Restored] = {}

    def routes(self, instance: str = "") -> list[Route]:
        """`GET {instance}/v1/order-targets`, and `PUT /forget_targets` with a `Restored`, which replaces what the
        instance had lost before."""
        return [
            listed(f"{instance}/v1/order-targets", self._orders, lambda found: TargetsReport(orders=tuple(found))),
            Route("/forget_targets", self._forget, methods=["PUT"]),
        ]

    def _orders(self, path: Path) -> dict[str, TargetFigure]:
        orders = {it.order: it for it in self._find(path)}
        lost = self._restored.get(path.get("instance", ""))
        return orders | {it.order: it for it in lost.orders if it.order in orders} if lost else orders

    async def _forget(self, request: Request) -> Response:
        try:
            lost = heard(Restored, await request.body())
        except ValidationError as error:
            return problem(422, "restored_invalid", str(error))
        self._restored[lost.instance] = lost
        return answer(lost)


class DemandLists(StockLists):
    """Planning's list of open demand by its own books: as with stock, the place being a site."""

    def routes(self, instance: str = "") -> list[Route]:
        """`GET {instance}/v1/open-demand`, and `PUT /forget_demand` with a `Forgotten`."""

        def report(found: list[Figure]) -> DemandReport:
            return DemandReport(figures=tuple(DemandFigure(item=x.item, site=x.place, packs=x.packs) for x in found))

        return [
            listed(f"{instance}/v1/open-demand", self._stock, report),
            Route("/forget_demand", self._forget, methods=["PUT"]),
        ]
