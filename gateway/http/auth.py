"""Authentication: API keys for operations, signatures for webhooks, sessions for people with a browser.

A key is looked up by its hash and remembered for ten seconds: a revocation takes effect within ten seconds.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlsplit

from fastapi import Depends, Request

from gateway.http.limits import Buckets
from gateway.http.problems import FORBIDDEN, UNAUTHENTICATED, Problem
from gateway.http.request_context import request_context_of
from gateway.http.signatures import genuine
from schemas.base import Role
from schemas.messaging.webhooks import webhook_secret
from schemas.settings import Settings
from store.audit import audit_trail
from store.engine import Database
from store.partners import partners, sessions
from store.partners.partners import Caller, key_hash

CALLER_TTL_S = 10.0
STRANGER_TTL_S = 2.0
LOOKED_UP_TTL_S = 0.25
"""Wrong signatures in a partner's name have it looked up four times a second at the most."""
MAX_REMEMBERED = 10_000
CONCURRENT_LOOKUPS = 4
"""Guessing keys never takes more than this many of the pool's connections."""
FAILURES_PER_SECOND = 1.0
FAILURE_BURST = 20
COOKIE = "syncline_session"
OWN, OTHER = "own", "other"
MIN_MASTER_SECRET = 32

_KEY = re.compile(r"sk_[A-Za-z0-9_-]{1,120}")
_SESSION = re.compile(r"ss_[A-Za-z0-9_-]{43}")
_PARTNER = re.compile(r"[a-z0-9][a-z0-9-]{1,31}")
_SAFE_METHODS = frozenset({"GET", "HEAD"})
Answer = TypeVar("Answer")


class Recent(Generic[Answer]):
    """Remembers answers for `ttl_s` seconds, at most `MAX_REMEMBERED`; the oldest go first."""

    def __init__(self, ttl_s: float, clock: Callable[[], float]) -> None:
        self._ttl_s = ttl_s
        self._clock = clock
        self._answers: dict[str, tuple[float, Answer]] = {}

    def get(self, name: str) -> Answer | None:
        """The answer, unless it is too old."""
        known = self._answers.get(name)
        return known[1] if known and known[0] > self._clock() else None

    def put(self, name: str, answer: Answer) -> None:
        """Remember an answer from now on."""
        self._answers.pop(name, None)
        self._answers[name] = (self._clock() + self._ttl_s, answer)
        if len(self._answers) > MAX_REMEMBERED:
            del self._answers[next(iter(self._answers))]

    def drop(self, name: str) -> None:
        """Forget an answer."""
        self._answers.pop(name, None)


class Register:
    """Callers by a name (the hash of a key, or a partner id), with a memory for the known and one for strangers."""

    def __init__(self, find: Callable[[str], Awaitable[Caller | None]], clock: Callable[[], float]) -> None:
        self._find = find
        self._known: Recent[Caller] = Recent(CALLER_TTL_S, clock)
        self._strangers: Recent[bool] = Recent(STRANGER_TTL_S, clock)
        self._anew: Recent[bool] = Recent(LOOKED_UP_TTL_S, clock)
        self._looking = asyncio.Lock()
        self._lookups = asyncio.Semaphore(CONCURRENT_LOOKUPS)

    async def caller(self, name: str, secret: str) -> Caller | None:
        """The caller remembered under `name`, or found by `secret`."""
        caller = self._known.get(name)
        if caller or self._strangers.get(name):
            return caller
        async with self._lookups:
            caller = await self._find(secret)
        if caller:
            self._known.put(name, caller)
        else:
            self._strangers.put(name, True)
        return caller

    async def anew(self, name: str, secret: str) -> Caller | None:
        """The caller as it is now, whatever is remembered; one that was looked up just now is not looked up again."""
        async with self._looking:
            if not self._anew.get(name):
                self._anew.put(name, True)
                if caller := await self._find(secret):
                    self._known.put(name, caller)
                else:
                    self._known.drop(name)
            return self._known.get(name)

    def forget(self, name: str) -> None:
        """Drop the caller remembered under `name`."""
        self._known.drop(name)


class Gatekeeper:
    """Finds out who is calling, and counts what they ask."""

    def __init__(self, database: Database, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._master = settings.master_secret.get_secret_value()
        if len(self._master) < MIN_MASTER_SECRET:
            raise ValueError(f"SYNCLINE_MASTER_SECRET: at least {MIN_MASTER_SECRET} characters are needed")
        self._by_key = Register(self._find_by_key, clock)
        self._by_id = Register(self._find_by_id, clock)
        self._by_session = Register(self._find_by_session, clock)
        self._requests = Buckets(settings.rate_per_second, 2 * settings.rate_per_second, clock)
        self._failures = Buckets(FAILURES_PER_SECOND, FAILURE_BURST, clock)

    async def caller(self, request: Request) -> Caller:
        """The caller of an API key or session. Raises `Problem` as `key_holder`."""
        key, session = presented_key(request), presented_session(request)
        if key or not session:
            return await self.key_holder(request, key)
        caller = await self._by_session.caller(key_hash(session), session) if _SESSION.fullmatch(session) else None
        return self._admitted(request, caller, "The session is over. Enter again.")

    async def begin_session(self, request: Request, key: str) -> str:
        """A session for the holder of an API key; returns its id. Raises `Problem` as `key_holder`."""
        caller = await self.key_holder(request, key)
        async with self._database.transaction() as connection:
            session = await sessions.begin(connection, key)
            await audit_trail.record(connection, caller.partner, "session_begun", caller.partner)
        return session

    async def end_session(self, session: str) -> None:
        """End a session: here at once, at other gateways when they have forgotten it."""
        self._by_session.forget(key_hash(session))
        async with self._database.connection() as connection:
            await sessions.end(connection, session)

    async def key_holder(self, request: Request, key: str) -> Caller:
        """The partner whose API key this is. Raises `Problem`: 401, or 429 after too many failures or requests."""
        caller = await self._by_key.caller(key_hash(key), key) if _KEY.fullmatch(key) else None
        return self._admitted(request, caller, "Send a valid API key: Authorization: Bearer sk_…, or X-API-Key.")

    async def signer(self, request: Request, partner: str, body: bytes) -> Caller:
        """The partner, when it signed this body. Whatever is wrong, the answer is the same 401 (429 when too often)."""
        caller = await self._by_id.caller(partner, partner) if _PARTNER.fullmatch(partner) else None
        signed = self._signed(request, caller, partner, body)
        if caller and not signed:  # its secret may have been rotated since it was remembered
            caller = await self._by_id.anew(partner, partner)
            signed = self._signed(request, caller, partner, body)
        return self._admitted(request, caller if signed else None, "Sign the message as a known partner, now.")

    def _signed(self, request: Request, caller: Caller | None, partner: str, body: bytes) -> bool:
        """Whether one of the caller's secrets that count now has signed the body. As long for a stranger."""
        now = datetime.now(UTC)
        versions = [it.version for it in caller.secrets if it.counts(now)] if caller else [1]
        secrets = [webhook_secret(self._master, partner, version) for version in versions]
        return genuine(request.headers, body, secrets, now.timestamp())

    def _admitted(self, request: Request, caller: Caller | None, advice: str) -> Caller:
        if caller is None:
            self._failures.take(request.client.host if request.client else "")
            raise Problem(UNAUTHENTICATED, advice, headers={"WWW-Authenticate": "Bearer"})
        request_context_of(request.scope).partner = caller.partner
        self._requests.take(caller.partner)
        return caller

    async def _find_by_key(self, key: str) -> Caller | None:
        async with self._database.connection() as connection:
            return await partners.by_key(connection, key)

    async def _find_by_session(self, session: str) -> Caller | None:
        async with self._database.connection() as connection:
            return await sessions.caller(connection, session)

    async def _find_by_id(self, partner: str) -> Caller | None:
        async with self._database.connection() as connection:
            return await partners.by_id(connection, partner)


def presented_key(request: Request) -> str:
    """The API key that the request carries, or an empty string."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return bearer.strip()
    return request.headers.get("x-api-key", "")


def presented_session(request: Request) -> str:
    """The session that the request carries, or an empty string.

    It counts where nothing changes, and elsewhere only for the site's own pages, so that another site cannot act in the
    person's name.
    """
    if request.method in _SAFE_METHODS or sending_page(request) == OWN:
        return request.cookies.get(COOKIE, "")
    return ""


def sending_page(request: Request) -> str:
    """The page that sends this: `own`, `other`, or empty when no browser says so. Browsers name the origin of a request
    (Sec-Fetch-Site); without TLS, at least that of a change (Origin)."""
    if site := request.headers.get("sec-fetch-site"):
        return OWN if site == "same-origin" else OTHER
    if origin := request.headers.get("origin"):
        return OWN if urlsplit(origin).netloc == request.headers.get("host") else OTHER
    return ""


async def _any_caller(request: Request) -> Caller:
    gatekeeper: Gatekeeper = request.app.state.gateway.gatekeeper
    return await gatekeeper.caller(request)


def _only(*roles: Role) -> Callable[[Request], Awaitable[Caller]]:
    async def caller_with_role(request: Request) -> Caller:
        acting = (await _any_caller(request)).acting(roles)
        if acting is None:
            raise Problem(FORBIDDEN, f"This operation is for the role {' or '.join(roles)}.")
        return acting

    return caller_with_role


AnyCaller = Annotated[Caller, Depends(_any_caller)]
ErpCaller = Annotated[Caller, Depends(_only(Role.ERP))]
OwningCaller = Annotated[Caller, Depends(_only(Role.ERP, Role.SUPPORT, Role.ADMIN))]
"""The caller that may change an order: the ERP that owns it, or people on its behalf."""
HoldingCaller = Annotated[Caller, Depends(_only(Role.ERP, Role.SUPPORT, Role.ADMIN, Role.PLANNING))]
PlanningCaller = Annotated[Caller, Depends(_only(Role.PLANNING, Role.SUPPORT, Role.ADMIN))]
FreightCaller = Annotated[Caller, Depends(_only(Role.CARRIER, Role.TMS))]
ProposingCaller = Annotated[Caller, Depends(_only(Role.PLANNING))]
WarehouseCaller = Annotated[Caller, Depends(_only(Role.WMS))]
StockCaller = Annotated[Caller, Depends(_only(Role.WMS, Role.ERP, Role.PLANNING, Role.SUPPORT, Role.ADMIN))]
MasterCaller = Annotated[Caller, Depends(_only(Role.ERP, Role.PLANNING, Role.SUPPORT, Role.ADMIN))]
AdminCaller = Annotated[Caller, Depends(_only(Role.ADMIN))]
REPORTERS = (Role.WMS, Role.TMS, Role.CARRIER, Role.SUPPLIER)
"""Roles that own milestones: see domain.partners.ownership."""
reporting_caller = _only(*REPORTERS)
SupportCaller = Annotated[Caller, Depends(_only(Role.SUPPORT, Role.ADMIN))]
