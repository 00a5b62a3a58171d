"""Limits on every request: size, time, encoding, and rate."""

import asyncio
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.problems import MEDIA_TYPE_UNKNOWN, RATE_LIMITED, RETRY_AFTER_S, TIMED_OUT, TOO_LARGE, Problem

REQUEST_TIME_LIMIT_S = 30.0
"""Until the answer starts; a stream that has begun may last."""
MAX_BUCKETS = 10_000
"""Callers whose rates are in memory: far more than there are partners; beyond these the oldest goes."""


class Limits:
    """ASGI middleware: body size (counted while it arrives), content encoding, and time until the answer starts."""

    def __init__(self, app: ASGIApp, max_body_bytes: int, time_limit_s: float = REQUEST_TIME_LIMIT_S) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._time_limit_s = time_limit_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Raises `Problem` when a limit is broken before the answer has started."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._check_headers(scope)
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body_bytes:
                raise self._too_large()
            return message

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                timer.reschedule(None)
            await send(message)

        timer = asyncio.timeout(self._time_limit_s)
        try:
            async with timer:
                await self._app(scope, counted, timed)
        except TimeoutError:
            if not timer.expired():
                raise
            detail = f"No answer within {self._time_limit_s:g} seconds. Send it again."
            raise Problem(TIMED_OUT, detail, headers={"Retry-After": RETRY_AFTER_S}) from None

    def _check_headers(self, scope: Scope) -> None:
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value[:18]) > self._max_body_bytes:
                raise self._too_large()
            if name == b"content-encoding" and value.strip().lower() != b"identity":
                raise Problem(MEDIA_TYPE_UNKNOWN, "Compressed bodies are not taken: send it without Content-Encoding.")

    def _too_large(self) -> Problem:
        return Problem(TOO_LARGE, f"A body may have {self._max_body_bytes} bytes.")


class Buckets:
    """Token buckets by name: `per_second` on average, `burst` at once. The least used go when there are too many."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> None:
        """Take a token. Raises the 429 `Problem` with Retry-After in whole seconds when there is none."""
        now = self._clock()
        tokens, at = self._levels.pop(name, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._per_second)
        allowed = tokens >= 1
        self._levels[name] = (tokens - allowed, now)
        if len(self._levels) > MAX_BUCKETS:
            del self._levels[next(iter(self._levels))]
        if not allowed:
            wait_s = int((1 - tokens) / self._per_second) + 1
            raise Problem(RATE_LIMITED, "Slow down.", headers={"Retry-After": str(wait_s)})


async def read_body(request: Request, *media_types: str) -> tuple[str, bytes]:
    """The body and its media type. Raises the 415 `Problem` unless it is one of `media_types`, in UTF-8."""
    media_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.strip().removeprefix("charset=").strip('"')
    if media_type.strip() not in media_types or ("charset" in parameters and charset not in ("utf-8", "utf8")):
        raise Problem(MEDIA_TYPE_UNKNOWN, f"Send {' or '.join(media_types)}, in UTF-8.")
    return media_type.strip(), await request.body()
