"""A little system with logins of every kind, on a port of its own. It counts logins, and forgets tickets when told."""

import asyncio
import base64
import itertools
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.simulators.network import serving

SECRET = "the-right-secret"
USER = "syncline"


@dataclass
class LoginServer:
    """The system. `open`: how it finds out who asks, by path; `tickets`: those that it knows."""

    url: str = ""
    lasts_s: float = 3600.0
    slow_s: float = 0.0
    logins: int = 0
    served: int = 0
    tickets: set[str] = field(default_factory=set)
    login_status: int = 0
    """What logins are answered with, whoever asks; 0: as it should be."""
    seen: list[dict[str, str]] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def forget(self) -> None:
        """Every ticket is worthless from now on."""
        self.tickets.clear()

    async def token(self, request: Request) -> Response:
        """OAuth2's token endpoint."""
        form = dict(parse_qsl((await request.body()).decode()))
        basic = f"Basic {base64.b64encode(f'{USER}:{SECRET}'.encode()).decode()}"
        right = request.headers.get("authorization") == basic or form.get("client_secret") == SECRET
        if ticket := await self._login(right and form.get("grant_type") == "client_credentials"):
            return JSONResponse({"access_token": ticket, "token_type": "Bearer", "expires_in": self.lasts_s})
        return JSONResponse({"error": "invalid_client", "error_description": SECRET}, self.login_status or 401)

    async def session(self, request: Request) -> Response:
        """A login that sets a cookie, and says the session too."""
        said = await request.json()
        if ticket := await self._login(said == {"db": "main", "login": USER, "password": SECRET}):
            answer = JSONResponse({"data": {"session": ticket}})
            answer.set_cookie("sid", ticket, httponly=True)
            return answer
        return JSONResponse({}, self.login_status or 403)

    async def _login(self, right: bool) -> str:
        self.logins += 1
        await asyncio.sleep(self.slow_s)
        if self.login_status or not right:
            return ""
        ticket = f"ticket-{next(self._numbers)}"
        self.tickets.add(ticket)
        return ticket

    def _serve(self, request: Request, right: bool) -> Response:
        self.seen.append(dict(request.headers))
        self.served += right
        return JSONResponse({"fine": True}) if right else JSONResponse({"detail": SECRET}, 401)

    async def fixed(self, request: Request) -> Response:
        """Wants the secret itself, in any of three headers."""
        pair = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
        said = request.headers.get("authorization")
        right = said in (f"Bearer {SECRET}", f"Basic {pair}") or request.headers.get("x-our-key") == SECRET
        return self._serve(request, right)

    async def by_token(self, request: Request) -> Response:
        """Wants a token."""
        return self._serve(request, request.headers.get("authorization", "").removeprefix("Bearer ") in self.tickets)

    async def by_cookie(self, request: Request) -> Response:
        """Wants a session's cookie; without, it shows a page to log in."""
        if request.cookies.get("sid") in self.tickets:
            return self._serve(request, True)
        return RedirectResponse("/login-page", 302)

    async def by_csrf(self, request: Request) -> Response:
        """Wants a login of its own, and for changes a token with its cookie."""
        if request.headers.get("authorization") != f"Bearer {SECRET}":
            return Response(status_code=401)
        if request.method == "GET":
            answer = self._serve(request, True)
            if request.headers.get("x-csrf-token", "").lower() == "fetch":
                ticket = await self._login(True)
                answer.headers["x-csrf-token"] = ticket
                answer.set_cookie("sap-session", ticket)
            return answer
        token = request.headers.get("x-csrf-token", "")
        if token in self.tickets and request.cookies.get("sap-session") == token:
            return self._serve(request, True)
        return Response(status_code=403, headers={"x-csrf-token": "Required"})

    async def closed(self, request: Request) -> Response:
        """Forbids, whatever comes: rights, not login."""
        self.served += 1
        return JSONResponse({"detail": "no rights"}, 403)


@asynccontextmanager
async def login_server(tls: tuple[str, str, str] | None = None) -> AsyncIterator[LoginServer]:
    """The system on a free port. `tls`: certificate, key, and who must have signed the caller's certificate."""
    system = LoginServer()
    both = ["GET", "POST"]
    paths: dict[str, Callable[[Request], object]] = {
        "/token": system.token,
        "/session": system.session,
        "/fixed": system.fixed,
        "/by-token": system.by_token,
        "/by-cookie": system.by_cookie,
        "/by-csrf": system.by_csrf,
        "/closed": system.closed,
    }
    app = Starlette(routes=[Route(path, there, methods=both) for path, there in paths.items()])
    secure = {}
    if tls:
        files = {"ssl_certfile": tls[0], "ssl_keyfile": tls[1], "ssl_ca_certs": tls[2]}
        secure = {**files, "ssl_cert_reqs": ssl.CERT_REQUIRED}
    config = uvicorn.Config(app, host="127.0.0.1", port=0, access_log=False, log_level="critical", ws="none", **secure)  # type: ignore[arg-type]
    async with serving(uvicorn.Server(config)) as url:
        system.url = url.replace("http:", "https:").replace("127.0.0.1", "localhost") if tls else url
        yield system
