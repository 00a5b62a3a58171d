"""The desk at which a system takes calls: fault first, then key, body, ledger; every error an RFC 9457 problem."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from schemas.base import System
from schemas.messaging.instructions import Accepted
from schemas.parsing import heard
from simulators.faults import NONE, Fault, Faults, FaultStream
from simulators.systems.ledger import KeyReused, Ledger, LedgerCall

Body = TypeVar("Body", bound=BaseModel)
Endpoint = Callable[[Request], Awaitable[Response]]

ABORT = "simulators.abort"
"""ASGI scope extension: a function that closes the connection at once. Set by `simulators.app.AbortableProtocol`."""


class RuleRefusal(Exception):
    """A rule of the system says no. `code` names the rule."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Problem details (RFC 9457); `code` is the rule or fault for machines."""
    content = {"type": "about:blank", "status": status, "title": code.replace("_", " "), "code": code, "detail": detail}
    return JSONResponse(content, status, headers, media_type="application/problem+json")


def answer(model: BaseModel, status: int = 200) -> Response:
    """A contract as the answer."""
    return Response(model.model_dump_json(), status, media_type="application/json")


class Cut(Response):
    """No answer: the connection is held for `after_s`, or until the caller gives up, and closed."""

    def __init__(self, after_s: float = 0.0) -> None:
        super().__init__()
        self.after_s = after_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close without sending anything."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.after_s):
                await self._gone(receive)
                return
        scope["extensions"][ABORT]()
        await self._gone(receive)  # the server must notice, or it would answer 500 in our place

    @staticmethod
    async def _gone(receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


NOTHING_DONE: Mapping[Fault | None, Callable[[], Response]] = {
    Fault.ERROR_500: lambda: problem(500, "internal_error", "the system failed; nothing was done"),
    Fault.THROTTLE_429: lambda: problem(429, "throttled", "too many calls", {"Retry-After": "1"}),
    Fault.OUTAGE: lambda: problem(503, "outage", "the system is down"),
    Fault.RESET: Cut,
}


class CallHandler:
    """Shared by all systems: the fault stream, the ledger, and the way from a call to an answer."""

    def __init__(self, system: System, seed: int) -> None:
        self.system = system
        self.stream = FaultStream(seed, system)
        self.ledger = Ledger()
        self._references = 0

    def accepted(self, carrier: str | None = None) -> Accepted:
        """A first answer, with a reference number of the system's own."""
        self._references += 1
        return Accepted(reference=f"{self.system}-{self._references}", carrier=carrier)

    def superseded(self, carrier: str | None = None) -> Accepted:
        """The answer to what a higher revision had said otherwise before: it changes nothing."""
        return self.accepted(carrier).model_copy(update={"superseded": True})

    def takes(self, path: str, model: type[Body], carry_out: Callable[[LedgerCall, str, Body], Accepted]) -> Route:
        """A route that posts `model`. `carry_out` gets the call, the instance (ERP or site) and the body.

        It may raise `RuleRefusal` or `KeyReused`, which are answered 422.
        """

        async def endpoint(request: Request) -> Response:
            fault = self.stream.next_call()
            faults = self.stream.faults
            if fault in NOTHING_DONE:
                return NOTHING_DONE[fault]()
            body = await request.body()
            if fault is Fault.TIMEOUT:
                return Cut(faults.hold_s)
            if fault is Fault.SLOW:
                await asyncio.sleep(faults.slow_s)
            reply = self._carry_out(request, body, model, carry_out)
            if fault is Fault.PARTIAL:
                held = self.stream.partial_is_held()
                return Cut(faults.hold_s) if held else problem(500, "internal_error", "the answer was lost")
            return reply

        return Route(path, endpoint, methods=["POST"])

    @staticmethod
    def _carry_out(
        request: Request, raw: bytes, model: type[Body], carry_out: Callable[[LedgerCall, str, Body], Accepted]
    ) -> Response:
        key = request.headers.get("idempotency-key")
        if not key:
            return problem(400, "idempotency_key_missing", "every call needs an Idempotency-Key")
        try:
            body = heard(model, raw)
        except ValidationError as error:
            return problem(400, "body_invalid", str(error))
        path = request.path_params
        named = {name: value for name, value in path.items() if name != "instance"}
        if named != {name: getattr(body, name) for name in named}:
            return problem(422, "path_mismatch", f"path and body differ in {', '.join(named)}")
        call = LedgerCall(key, hash((request.scope["path"], body)), request.headers.get("traceparent", ""))
        try:
            reply = carry_out(call, path.get("instance", ""), body)
        except KeyReused as error:
            return problem(422, "key_reused", str(error))
        except RuleRefusal as refusal:
            return problem(422, refusal.code, str(refusal))
        return answer(reply, 200 if reply.replayed or reply.superseded else 201)

    def shows(self, path: str, find: Callable[[Mapping[str, str]], BaseModel | None]) -> Route:
        """A route that reads the books; `find` gets the path parameters. Not found is 404."""

        async def endpoint(request: Request) -> Response:
            found = find(request.path_params)
            return problem(404, "not_found", "not in the books") if found is None else answer(found)

        return Route(path, endpoint, methods=["GET"])

    def control(self) -> list[Route]:
        """`GET /ledger`, and `GET | PUT | DELETE /faults`. Faults never befall these."""
        return [
            self.shows("/ledger", lambda _: self.ledger.report()),
            Route("/faults", self._faults, methods=["GET", "PUT", "DELETE"]),
        ]

    async def _faults(self, request: Request) -> Response:
        if request.method == "PUT":
            try:
                self.stream.faults = heard(Faults, await request.body())
            except ValidationError as error:
                return problem(422, "faults_invalid", str(error))
        elif request.method == "DELETE":
            self.stream.faults = NONE
        return answer(self.stream.faults)
