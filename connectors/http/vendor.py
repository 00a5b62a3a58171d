"""The base of every client: one connection, its login and pace, bounded answers, and each failure with its origin."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import httpx
from opentelemetry.trace import SpanKind, get_tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from connectors.connections import ConnectionSettings
from connectors.http import bounded
from connectors.http.answers import code_of, retry_after_s
from connectors.http.authentication.making import auth_of, tls_of
from connectors.http.authentication.tickets import LoginOwner
from connectors.http.pacing import CallPace
from connectors.ports import Call, ConnectorError, Refused, Unavailable
from schemas.base import Origin, System

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
"""The system understood and says no. All else, also 401 and 404, is for operators to repair: the effect stays owed."""
SLOW_DOWN = frozenset({429, 503})
"""With `Retry-After`, no call of the connection is made until then."""
TURNED_AWAY = frozenset({401, 403, 404, 405, 429})
"""The system did nothing: who we are, or what we asked for, was not even looked at. Of a 5xx nobody knows."""
NOT_REACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Errors before a request was sent: the system cannot have done anything."""
OK_BELOW = 300
"""Statuses from here on are no success (RFC 9110, 15.4): redirects are not followed."""
MAX_ANSWER_BYTES = 1_048_576
"""Of an answer to one call: 500 refused rows of planning are some 150 kB."""
MAX_PAGE_BYTES = 16 * 1_048_576
"""Of a page of a list: the lines of 100 orders are some 10 MB."""
MAX_CONNECTIONS = 64
"""Connections to a system: somewhat more than the 50 activities of its queue in a worker."""


@dataclass(frozen=True)
class VendorAnswer:
    """An answer that was read to its end. `whose`: for errors."""

    whose: System
    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """The content of the answer; numbers with a point are exact decimals. Raises Unavailable when it is no JSON."""
        try:
            return json.loads(self.content, parse_float=Decimal)
        except (ValueError, RecursionError):
            raise Unavailable(API_ORIGIN[self.whose], f"{self.whose}: the answer is no JSON") from None

    def refused(self, code: str) -> Refused:
        """A refusal for the reason that a code names."""
        return Refused(RULE_ORIGIN[self.whose], f"{self.whose}: {code}")

    def unavailable(self, said: str) -> Unavailable:
        """No answer that helps; another attempt may find one."""
        undone = self.status in TURNED_AWAY
        return Unavailable(API_ORIGIN[self.whose], f"{self.whose}: {said}", retry_after_s(self.headers), undone=undone)


Explain = Callable[[VendorAnswer], ConnectorError | None]
"""The meaning of a vendor's failure, from status and body; None: as in HTTP."""


class VendorClient:
    """Calls over one connection. Use as an async context manager.

    Args: `connection`: address, login, limits. `transport`: instead of the network. `explain`: the vendor's own errors;
    it is asked about every answer that is not expected.
    """

    def __init__(
        self,
        connection: ConnectionSettings,
        transport: httpx.AsyncBaseTransport | None = None,
        explain: Explain | None = None,
    ) -> None:
        self.connection, self.system = connection, connection.system
        self._explain = explain
        self._pace = CallPace(connection.per_second, connection.concurrent)
        login = connection.authentication
        auth = auth_of(login, LoginOwner(self.system, API_ORIGIN[self.system]))
        self._http = bounded.client(transport, MAX_CONNECTIONS, tls_of(login), auth)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(
        self,
        method: str,
        path: str,
        call: Call,
        *,
        headers: Mapping[str, str] | None = None,
        expected: frozenset[int] = frozenset(),
        max_bytes: int = MAX_ANSWER_BYTES,
        **sent: Any,
    ) -> VendorAnswer:
        """Ask, and read the whole answer within the time of the call.

        Args: `path`: below the connection's address, or a link that `link` has made. `expected`: statuses from 300 that
        are an answer too. `max_bytes`: of the answer. `sent`: `json`, `content`, `data` and `params` as httpx has them.
        Raises: `Refused` (a rule), `Unavailable` (no answer, and anything else), or what `explain` makes of it.
        """
        borne = dict(headers or {})
        parent = TRACE_CONTEXT.extract({"traceparent": call.traceparent})
        with TRACER.start_as_current_span(f"{method} {self.system}", context=parent, kind=SpanKind.CLIENT):
            TRACE_CONTEXT.inject(borne)
            answer = await self._ask(method, self._url(path, call), call, headers=borne, max_bytes=max_bytes, **sent)
        if answer.status < OK_BELOW or answer.status in expected:
            return answer
        if answer.status in SLOW_DOWN and (wait_s := retry_after_s(answer.headers)):
            self._pace.hold(wait_s)
        raise (self._explain and self._explain(answer)) or _as_http_says(answer)

    def link(self, link: str, call: Call) -> str:
        """A link in an answer, as a path for `send`. Raises Unavailable for one that leads to another system: it would
        get our login."""
        base = self._url("", call)
        found = urljoin(f"{base}/", link)
        if urlsplit(found)[:2] != urlsplit(base)[:2]:
            raise Unavailable(API_ORIGIN[self.system], f"{self.system}: a link leads to another system")
        return found

    def _url(self, path: str, call: Call) -> str:
        return path if path.startswith(("http://", "https://")) else self.base(call) + path

    def base(self, call: Call) -> str:
        """The address of the system that a call is for."""
        return self.connection.url.replace("{id}", call.target)

    async def _ask(self, method: str, url: str, call: Call, *, max_bytes: int, **sent: Any) -> VendorAnswer:
        try:
            async with self._pace.turn(self.connection.name, call.timeout_s), asyncio.timeout(call.timeout_s):
                found = await self._http.request(
                    method, url, timeout=call.timeout_s, extensions={bounded.LIMIT: max_bytes}, **sent
                )
        except TimeoutError:
            said = f"{self.system}: no answer in {call.timeout_s:g} s"
            raise Unavailable(API_ORIGIN[self.system], said) from None
        except httpx.HTTPError as error:
            said, undone = f"{self.system}: {type(error).__name__}", isinstance(error, NOT_REACHED)
            raise Unavailable(API_ORIGIN[self.system], said, undone=undone) from None
        except httpx.InvalidURL:
            raise Unavailable(Origin.PLATFORM, f"{self.connection.name}: the address is none", undone=True) from None
        return VendorAnswer(self.system, found.status_code, found.headers, found.content)


def _as_http_says(answer: VendorAnswer) -> ConnectorError:
    said = f"HTTP {answer.status} {code_of(answer.content)}".rstrip()
    return answer.refused(said) if answer.status in REFUSALS else answer.unavailable(said)
