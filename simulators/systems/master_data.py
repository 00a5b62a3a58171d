"""Stand-in master data of every ERP: it knows everything, but for what begins with `NEW-` until it is told of it."""

import asyncio
from collections import Counter

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.base import Contract
from schemas.partners.master_data import RECORDS, MasterKind
from simulators.faults import Fault
from simulators.systems.call_handling import NOTHING_DONE, CallHandler, Cut, answer, problem

NEW = "NEW-"


class LookUps(Contract):
    """Look-ups of each record at an ERP, by `<kind>/<id>`."""

    times: dict[str, int]


class MasterDataApi:
    """Master data: looked up, created, and how often each record was asked for."""

    def __init__(self, handler: CallHandler) -> None:
        self._handler = handler
        self._created: set[tuple[str, MasterKind, str]] = set()
        self._asked: dict[str, Counter[str]] = {}

    def routes(self) -> list[Route]:
        """The Syncline REST API under `/erp`, and what the driver uses."""
        return [
            Route("/{instance}/v1/master/{kind}/{id:path}", self._show, methods=["GET"]),
            Route("/{instance}/master/{kind}/{id:path}", self._create, methods=["PUT"]),
            self._handler.shows("/{instance}/master", lambda at: LookUps(times=self._asked.get(at["instance"], {}))),
        ]

    async def _show(self, request: Request) -> Response:
        fault, faults = self._handler.stream.next_call(), self._handler.stream.faults
        if fault in NOTHING_DONE:
            return NOTHING_DONE[fault]()
        if fault in (Fault.TIMEOUT, Fault.PARTIAL):
            return Cut(faults.hold_s)
        if fault is Fault.SLOW:
            await asyncio.sleep(faults.slow_s)
        erp, kind, id = (request.path_params[name] for name in ("instance", "kind", "id"))
        self._asked.setdefault(erp, Counter())[f"{kind}/{id}"] += 1
        known = not id.startswith(NEW) or (erp, kind, id) in self._created
        return answer(RECORDS[MasterKind(kind)](id=id)) if known else problem(404, "not_found", "no such record")

    async def _create(self, request: Request) -> Response:
        kind, id = MasterKind(request.path_params["kind"]), request.path_params["id"]
        self._created.add((request.path_params["instance"], kind, id))
        return answer(RECORDS[kind](id=id), 201)
