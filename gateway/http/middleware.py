"""The outermost layer: ids, security headers, the access line, figures, and the last net under unexpected errors.

Plain ASGI: this path carries every request, and BaseHTTPMiddleware would cost more than the rest of it.
"""

import time
import traceback

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.problems import answer_to, as_problem, internal
from gateway.http.request_context import RequestContext, begin
from telemetry.metrics import Metrics

_log = structlog.get_logger("gateway")

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""Headers of every answer, as the OWASP REST Security Cheat Sheet lists them for APIs."""
CLIENT_GONE = 499
"""Status in log and figures when the client left before the answer started."""


class RequestMiddleware:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        context = begin(scope)

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.status = message["status"]
                message = {**message, "headers": _stamped(message["headers"], context)}
            await send(message)

        try:
            await self._app(scope, receive, stamped)
        except ClientDisconnect:
            pass  # there is nobody to answer, and nothing failed
        except Exception as error:
            if not isinstance(error, HTTPException):
                _log_failure(error, context)
            if context.status:
                raise
            problem = as_problem(error) if isinstance(error, HTTPException) else internal()
            await answer_to(scope, problem)(scope, receive, stamped)
        finally:
            self._finish(scope, context, time.perf_counter() - started)

    def _finish(self, scope: Scope, context: RequestContext, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        status = context.status or CLIENT_GONE
        self._metrics.request(scope["method"], route, status, seconds)
        _log.info(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 1),
            partner=context.partner,
            request_id=context.request_id,
            trace_id=context.traceparent[3:35],
        )


def _stamped(headers: list[tuple[bytes, bytes]], context: RequestContext) -> list[tuple[bytes, bytes]]:
    present = {name for name, _ in headers}
    return [
        *headers,
        *(header for header in SECURITY_HEADERS if header[0] not in present),
        (b"x-request-id", context.request_id.encode()),
        (b"traceparent", context.traceparent.encode()),
    ]


def _log_failure(error: Exception, context: RequestContext) -> None:
    """Log place and type of a failure. Not its text: it may quote a message, and with it personal data."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    _log.error(
        "request failed",
        error=type(error).__name__,
        where=[f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames],
        request_id=context.request_id,
    )
