"""Tickets of one login that many calls bear: renewed early, by one caller for all, and once when the system forgot
them.

A login that is refused rests for a while: a system that counts failures would lock the user out.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from math import inf

import httpx

from connectors.http.answers import code_of, retry_after_s
from connectors.ports import Unavailable
from schemas.base import Origin

REST_S = 30.0
"""Between two logins of which the first was refused. Six failures in a minute lock users out of some systems."""
REFUSED_LOGIN = frozenset({400, 401, 403})
"""The login was understood, and the credentials are not taken."""
UNAUTHORIZED = 401
"""The status with which a system refuses a ticket (RFC 9110, 15.5.2)."""
OK_BELOW = 300
"""Statuses from here on are no success (RFC 9110, 15.4): redirects are not followed."""

Clock = Callable[[], float]


class LoginFailed(Unavailable):
    """There is no login, so that nothing was asked of the system."""

    def __init__(self, origin: Origin, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(origin, message, retry_after_s, undone=True)


class LoginRefused(LoginFailed):
    """The system does not take our credentials. Waiting calls stay owed until people repair the login."""


@dataclass(frozen=True)
class LoginOwner:
    """Whose login it is, for errors: the kind of system, and the origin of its failures."""

    system: str
    origin: Origin


@dataclass(frozen=True)
class Ticket:
    """The ticket that calls bear after a login. Times are those of the clock: renewed from `renew_at`, worthless at
    `ends_at`."""

    headers: dict[str, str] = field(repr=False)
    cookies: tuple[str, ...] = field(default=(), repr=False)
    renew_at: float = inf
    ends_at: float = inf

    def put_on(self, request: httpx.Request) -> None:
        """Let a request bear it."""
        request.headers.update(self.headers)
        if self.cookies:
            others = request.headers.get("Cookie")
            request.headers["Cookie"] = "; ".join(([others] if others else []) + list(self.cookies))


class TicketAuth(httpx.Auth, ABC):
    """Bears a ticket, and gets one when there is none. Concurrent callers wait for the one that logs in."""

    def __init__(self, owner: LoginOwner, clock: Clock = time.monotonic) -> None:
        self.owner, self.clock = owner, clock
        self._lock = asyncio.Lock()
        self._ticket: Ticket | None = None
        self._resting: LoginFailed | None = None
        self._rests_until = -inf

    @abstractmethod
    def login(self, request: httpx.Request) -> httpx.Request:
        """The request that logs in."""

    @abstractmethod
    def ticket(self, answer: httpx.Response) -> Ticket:
        """The ticket in the answer, which has been read. Raises ValueError, KeyError or TypeError when it has none."""

    def forgotten(self, answer: httpx.Response) -> bool:
        """Whether the system does not know our ticket any more."""
        return answer.status_code == UNAUTHORIZED

    def concerns(self, request: httpx.Request) -> bool:
        """Whether a request has to bear the ticket."""
        return True

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """See httpx.Auth. Raises LoginRefused, or LoginFailed when the login is not answered."""
        if not self.concerns(request):
            yield request
            return
        cookie = request.headers.get("Cookie")
        used = self._ticket
        if self._due(used):
            async with self._lock:
                if self._ticket is used and not self._rests(used):
                    answer = yield self._login(request)
                    await self._take(answer, used)
        used = self._bear(request, cookie)
        answer = yield request
        if not self.forgotten(answer) or self.clock() < self._rests_until:
            return
        async with self._lock:
            if self._ticket is used:
                login = yield self._login(request)
                await self._take(login, None)
        self._bear(request, cookie)
        answer = yield request
        if self.forgotten(answer):  # a new ticket is not taken either: another login would not help
            self._rest(LoginRefused(self.owner.origin, f"{self.owner.system}: a fresh login is not taken"), REST_S)

    def _due(self, ticket: Ticket | None) -> bool:
        now = self.clock()
        if ticket is None or now >= ticket.ends_at:
            return True
        return now >= ticket.renew_at and not self._lock.locked()

    def _rests(self, ticket: Ticket | None) -> bool:
        """Whether the last login failed a moment ago. Raises its error when there is no ticket to go on with."""
        now = self.clock()
        if now >= self._rests_until or self._resting is None:
            return False
        if ticket is None or now >= ticket.ends_at:
            said, left_s = str(self._resting), self._rests_until - now
            raise type(self._resting)(self.owner.origin, said, left_s)
        return True

    def _bear(self, request: httpx.Request, cookie: str | None) -> Ticket:
        if self._ticket is None:
            raise LoginRefused(self.owner.origin, f"{self.owner.system}: there is no login")
        request.headers.pop("Cookie", None)
        if cookie:
            request.headers["Cookie"] = cookie
        self._ticket.put_on(request)
        return self._ticket

    def _login(self, request: httpx.Request) -> httpx.Request:
        login = self.login(request)
        login.headers.setdefault("User-Agent", "syncline")
        login.extensions = {"timeout": request.extensions.get("timeout", {})}
        return login

    async def _take(self, answer: httpx.Response, kept: Ticket | None) -> None:
        """Keep the ticket of an answer. Raises what it says instead, unless `kept` is still worth something."""
        await answer.aread()
        try:
            self._ticket, self._resting = self._read(answer), None
        except LoginFailed as error:
            self._rest(error, error.retry_after_s or REST_S)
            if kept is None or self.clock() >= kept.ends_at:
                self._ticket = None
                raise

    def _read(self, answer: httpx.Response) -> Ticket:
        status, owner = answer.status_code, self.owner
        if status in REFUSED_LOGIN:
            said = f"{owner.system}: the login is refused (HTTP {status} {code_of(answer.content)}".rstrip()
            raise LoginRefused(owner.origin, f"{said}): repair the credentials")
        if status >= OK_BELOW:
            said = f"{owner.system}: the login fails with HTTP {status}"
            raise LoginFailed(owner.origin, said, retry_after_s(answer.headers))
        try:
            return self.ticket(answer)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise LoginFailed(owner.origin, f"{owner.system}: the answer to the login has no ticket") from None

    def _rest(self, error: LoginFailed, for_s: float) -> None:
        self._resting, self._rests_until = error, self.clock() + for_s


def cookies_of(answer: httpx.Response) -> tuple[str, ...]:
    """The cookies that an answer sets, as `name=value`."""
    return tuple(line.split(";", 1)[0].strip() for line in answer.headers.get_list("set-cookie"))
