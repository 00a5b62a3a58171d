"""The one client for systems: key, trace, timeout, bearer token, and every failure as a Refused or an Unavailable."""

import asyncio
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from opentelemetry.trace import SpanKind, get_tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pydantic import BaseModel, ValidationError

from connectors.http import bounded
from connectors.ports import Call, Refused, Unavailable
from schemas.base import Origin, System, printable
from schemas.parsing import heard
from schemas.partners.references import ClosedConnection
from schemas.settings import Endpoint, variable

Answer = TypeVar("Answer", bound=BaseModel)
TRACER = get_tracer("syncline.connectors")
"""Makes spans where an OpenTelemetry SDK is set up; without one, the caller's trace context is passed on as it is."""
TRACE_CONTEXT = TraceContextTextMapPropagator()

API_ORIGIN = {
    System.ERP: Origin.ERP_API,
    System.WMS: Origin.WMS_API,
    System.TMS: Origin.TMS_API,
    System.PLANNING: Origin.PLANNING_API,
}
RULE_ORIGIN = {**API_ORIGIN, System.ERP: Origin.ERP_RULE}
REFUSALS = frozenset({400, 410, 413, 422})
"""The system understood and says no. All else, also 401 and 404, is for operators to mend: the effect stays owed."""
OK_BELOW = 300
"""Statuses below this are successes."""
NOT_FOUND = 404
"""Status of a record that does not exist."""
MAX_ANSWER_BYTES = 1_048_576
"""Of an answer to one call: 500 refused rows of planning are some 150 kB."""
MAX_PAGE_BYTES = 16 * 1_048_576
"""Of a page of a list: the lines of 100 orders are some 10 MB."""
MAX_CODE = 60
"""Characters of a system's error code that are kept."""
MAX_RETRY_AFTER_S = 120.0
"""Seconds of `Retry-After` that are honoured; a longer wait is asked for again."""
MAX_CONNECTIONS = 64
"""Connections to one system: above the default limit of calls at once."""
CLOSED_RETRY_S = 5.0
"""Seconds until a paused connection is asked for again: what waits goes on within seconds of its resumption."""
Locate = Callable[[System, str], Endpoint | ClosedConnection | None]
"""Address of a target of a kind of system, or why it takes no calls now; None when it is not known."""


def nowhere(_system: System, _target: str) -> None:
    """No target is known."""


class SystemClient:
    """Posts contracts to the endpoints of one kind of system. Use as an async context manager.

    `locate` says where a target is called, before `endpoints` do.
    """

    def __init__(
        self,
        system: System,
        endpoints: dict[str, Endpoint],
        transport: httpx.AsyncBaseTransport | None = None,
        locate: Locate = nowhere,
    ) -> None:
        self.system = system
        self._endpoints = endpoints
        self._locate = locate
        self._http = bounded.client(transport, MAX_CONNECTIONS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def post(self, path: str, body: BaseModel, call: Call, answer: type[Answer]) -> Answer:
        """POST a contract and read the answer. Raises Refused (a rule) or Unavailable (no answer, anything else)."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": call.key}
        content = body.model_dump_json(exclude_none=True)
        response = await self._send("POST", path, call, MAX_ANSWER_BYTES, headers=headers, content=content)
        return self._read(response, answer)

    async def find(self, path: str, call: Call, answer: type[Answer]) -> Answer | None:
        """GET one record; None: there is no such address (404). Raises Refused or Unavailable."""
        response = await self._send("GET", path, call, MAX_ANSWER_BYTES, headers={})
        return None if response.status_code == NOT_FOUND else self._read(response, answer)

    async def page(self, path: str, query: dict[str, str | int], call: Call, answer: type[Answer]) -> Answer | None:
        """GET a page of a list; None: there is no such address (404). Raises Refused or Unavailable."""
        response = await self._send("GET", path, call, MAX_PAGE_BYTES, headers={}, params=query)
        return None if response.status_code == NOT_FOUND else self._read(response, answer)

    async def _send(
        self, method: str, path: str, call: Call, max_bytes: int, headers: dict[str, str], **sent: Any
    ) -> httpx.Response:
        """The whole answer, within the time of the call: a system may send its answer byte by byte."""
        endpoint = self._endpoint(call.target)
        headers["Authorization"] = f"Bearer {endpoint.token.get_secret_value()}"
        parent = TRACE_CONTEXT.extract({"traceparent": call.traceparent})
        with TRACER.start_as_current_span(f"{method} {self.system}", context=parent, kind=SpanKind.CLIENT):
            TRACE_CONTEXT.inject(headers)
            try:
                url = endpoint.url.replace("{id}", call.target) + path
                async with asyncio.timeout(call.timeout_s):
                    return await self._http.request(
                        method,
                        url,
                        headers=headers,
                        timeout=call.timeout_s,
                        extensions={bounded.LIMIT: max_bytes},
                        **sent,
                    )
            except TimeoutError:
                said = f"{self.system}: no answer in {call.timeout_s:g} s"
                raise Unavailable(API_ORIGIN[self.system], said) from None
            except httpx.HTTPError as error:
                raise Unavailable(API_ORIGIN[self.system], f"{self.system}: {type(error).__name__}") from None

    def _read(self, response: httpx.Response, answer: type[Answer]) -> Answer:
        self._raise_for(response)
        try:
            return heard(answer, response.content)
        except ValidationError:
            raise Unavailable(API_ORIGIN[self.system], f"{self.system}: the answer is not of the contract") from None

    def _endpoint(self, target: str) -> Endpoint:
        located = self._locate(self.system, target)
        if isinstance(located, ClosedConnection):
            raise Unavailable(Origin.PLATFORM, f"{self.system} {target}: {located.why}", CLOSED_RETRY_S)
        endpoint = located or self._endpoints.get(target) or self._endpoints.get("*")
        if endpoint is None:
            raise Unavailable(
                Origin.PLATFORM,
                f"no connection is live for {self.system} {target}: apply one, or set {variable(self.system)}",
            )
        return endpoint

    def _raise_for(self, response: httpx.Response) -> None:
        status = response.status_code
        if status < OK_BELOW:
            return
        message = f"{self.system}: HTTP {status} {_code(response)}".rstrip()
        if status in REFUSALS:
            raise Refused(RULE_ORIGIN[self.system], message)
        raise Unavailable(API_ORIGIN[self.system], message, _retry_after(response))


def _code(response: httpx.Response) -> str:
    """The problem's machine-readable code: short, and free of the values that a detail text may hold."""
    try:
        code = json.loads(response.content).get("code", "")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return printable(code, MAX_CODE) if isinstance(code, str) else ""


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return min(MAX_RETRY_AFTER_S, max(0.0, float(response.headers["Retry-After"])))
    except (KeyError, ValueError):
        return None
