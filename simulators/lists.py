"""A system's own lists, page by page: its stock, what it executed; and a switch that makes its stock wrong."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.base import Contract
from schemas.reconciling import EffectsReport
from schemas.stock import Figure
from schemas.supply import StockReport
from simulators.desk import Desk, answer, problem
from simulators.ledger import ROW

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
    """A route that reads a list by name: those behind `after`, at most `limit` of them, all without one."""

    async def endpoint(request: Request) -> Response:
        after, limit = request.query_params.get("after", ""), request.query_params.get("limit", "")
        if limit and not (limit.isdecimal() and int(limit)):
            return problem(422, "limit_invalid", "limit: must be a whole number from 1")
        found = sorted((name, it) for name, it in find(request.path_params).items() if name > after)
        return answer(report([it for _, it in (found[: int(limit)] if limit else found)]))

    return Route(path, endpoint, methods=["GET"])


def executed(desk: Desk, instance: str = "") -> Route:
    """`GET {instance}/v1/effects`: the keys of what a system did. Rows of planning are no effects."""

    def find(path: Path) -> dict[str, str]:
        entries = desk.ledger.report().entries
        mine = (it for it in entries if it.instance == path.get("instance", "") and it.operation != ROW)
        return {it.key: it.key for it in mine}

    return listed(f"{instance}/v1/effects", find, lambda found: EffectsReport(keys=tuple(found)))


class StockDesk:
    """Where a system says how much stock it has by its own books. `figures` gets the instance: a site, an ERP."""

    def __init__(self, desk: Desk, figures: Callable[[str], Packs]) -> None:
        self._desk = desk
        self._figures = figures
        self._forgotten: dict[str, Forgotten] = {}

    def routes(self, instance: str = "") -> list[Route]:
        """`GET {instance}/v1/stock`, `GET {instance}/v1/effects`, and `PUT /forget_stock` with a `Forgotten`, which
        replaces what the instance had lost before."""
        return [
            listed(f"{instance}/v1/stock", self._stock, lambda found: StockReport(figures=tuple(found))),
            executed(self._desk, instance),
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
            lost = Forgotten.model_validate_json(await request.body())
        except ValidationError as error:
            return problem(422, "forgotten_invalid", str(error))
        self._forgotten[lost.instance] = lost
        return answer(lost)
