"""Logins against a real server: borne, renewed early and once for all, once when forgotten; a wrong secret is told."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import trustme
from pydantic import SecretStr

from connectors.connections import ConnectionSettings
from connectors.http.authentication.making import auth_of
from connectors.http.authentication.nested import NestedAuth
from connectors.http.authentication.tickets import REST_S, LoginOwner, LoginRefused, TicketAuth
from connectors.http.vendor import VendorAnswer, VendorClient
from connectors.ports import Call, Unavailable
from schemas.authentication import Authentication, authentication
from schemas.base import Origin, System
from tests.connectors.login_server import SECRET, USER, LoginServer, login_server

CALL = Call("any", "key", timeout_s=5.0)
MANY = 20


@pytest.fixture
async def system() -> AsyncIterator[LoginServer]:
    """A system with logins."""
    async with login_server() as it:
        yield it


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def login(system: LoginServer, scheme: str, secret: str = SECRET) -> tuple[str, Authentication]:
    """(path, login) of each scheme."""
    bearer = {"scheme": "bearer", "token": secret}
    oauth2 = {"token_url": f"{system.url}/token", "client_id": USER, "client_secret": secret}
    session = {
        "login_url": f"{system.url}/session",
        "user": USER,
        "password": secret,
        "user_field": "login",
        "fields": {"db": "main"},
    }
    found: dict[str, tuple[str, dict[str, Any]]] = {
        "bearer": ("/fixed", {"token": secret}),
        "api_key": ("/fixed", {"key": secret, "header": "X-Our-Key"}),
        "basic": ("/fixed", {"user": USER, "password": secret}),
        "oauth2": ("/by-token", oauth2),
        "oauth2 in the body": ("/by-token", {**oauth2, "in_body": True}),
        "session": ("/by-cookie", session),
        "session in a header": ("/by-token", {**session, "session_field": "data.session", "prefix": "Bearer "}),
        "csrf": ("/by-csrf", {"url": f"{system.url}/by-csrf", "within": bearer}),
    }
    path, fields = found[scheme]
    return path, authentication(scheme.partition(" ")[0], fields)


FIXED = ("bearer", "api_key", "basic")
TICKETS = ("oauth2", "oauth2 in the body", "session", "session in a header", "csrf")


class Asking:
    """A client with one login, and a clock for its ticket."""

    def __init__(self, system: LoginServer, scheme: str, secret: str = SECRET) -> None:
        self.path, self.login = login(system, scheme, secret)
        self.client = VendorClient(ConnectionSettings("erp/one", System.ERP, system.url, authentication=self.login))
        self.clock = Clock()
        if isinstance(auth := self._tickets(), TicketAuth):
            auth.clock = self.clock

    def _tickets(self) -> httpx.Auth | None:
        auth = self.client._http.auth
        return auth._outer if isinstance(auth, NestedAuth) else auth

    async def __call__(self) -> VendorAnswer:
        """Change something."""
        return await self.client.send("POST", self.path, CALL, json={})

    async def many(self) -> None:
        """Ask so often at the same time."""
        await asyncio.gather(*(self() for _ in range(MANY)))

    async def failure(self) -> Unavailable:
        """How asking fails; it names no secret."""
        with pytest.raises(Unavailable) as failed:
            await self()
        said = f"{failed.value} {failed.value!r} {failed.value.__cause__!r} {self.login!r} {self.client.connection!r}"
        assert SECRET not in said
        assert "wrong" not in said
        return failed.value


@pytest.mark.parametrize("scheme", [*FIXED, *TICKETS])
async def test_a_login_is_borne_by_many_calls(system: LoginServer, scheme: str) -> None:
    asking = Asking(system, scheme)
    async with asking.client:
        assert (await asking()).json() == {"fine": True}
        await asking.many()
    assert system.served - (scheme == "csrf") == MANY + 1
    assert system.logins == (0 if scheme in FIXED else 1)


@pytest.mark.parametrize("scheme", TICKETS)
async def test_many_callers_without_a_ticket_log_in_once(system: LoginServer, scheme: str) -> None:
    system.slow_s = 0.05
    asking = Asking(system, scheme)
    async with asking.client:
        await asking.many()
    assert system.logins == 1


@pytest.mark.parametrize("scheme", TICKETS)
async def test_a_forgotten_ticket_is_renewed_once_for_all(system: LoginServer, scheme: str) -> None:
    asking = Asking(system, scheme)
    async with asking.client:
        await asking()
        system.forget()
        system.slow_s = 0.05
        await asking.many()
    assert system.logins == 2, "one login for all who were told 401 at once"


async def test_a_ticket_is_renewed_before_its_end_by_one_caller(system: LoginServer) -> None:
    asking = Asking(system, "oauth2")
    async with asking.client:
        await asking()
        asking.clock.now += 0.79 * system.lasts_s
        await asking.many()
        assert system.logins == 1
        asking.clock.now += 0.02 * system.lasts_s
        system.slow_s = 0.05
        await asking.many()
        assert system.logins == 2


async def test_a_renewal_that_fails_early_keeps_the_ticket_that_is_good_still(system: LoginServer) -> None:
    asking = Asking(system, "oauth2")
    async with asking.client:
        await asking()
        asking.clock.now += 0.9 * system.lasts_s
        system.login_status = 503
        await asking.many()
        assert system.logins == 2, "and it is not asked again at once"
        asking.clock.now += 0.2 * system.lasts_s
        assert str(await asking.failure()) == "erp: the login fails with HTTP 503"


@pytest.mark.parametrize("scheme", FIXED)
async def test_a_wrong_secret_is_told_as_the_systems_answer(system: LoginServer, scheme: str) -> None:
    asking = Asking(system, scheme, "wrong")
    async with asking.client:
        error = await asking.failure()
    assert (error.origin, str(error)) == (Origin.ERP_API, "erp: HTTP 401")


@pytest.mark.parametrize("scheme", [it for it in TICKETS if it != "csrf"])
async def test_a_login_that_is_refused_says_so_and_rests(system: LoginServer, scheme: str) -> None:
    asking = Asking(system, scheme, "wrong")
    async with asking.client:
        error = await asking.failure()
        assert isinstance(error, LoginRefused)
        assert error.origin is Origin.ERP_API
        assert "the login is refused (HTTP 40" in str(error)
        assert str(error).endswith("repair the credentials")
        again = await asking.failure()
        assert (str(again), again.retry_after_s) == (str(error), REST_S)
        assert system.logins == 1, "a user must not be locked out"
        asking.clock.now += REST_S
        await asking.failure()
    assert system.logins == 2
    assert system.served == 0


async def test_a_wrong_secret_below_a_csrf_token_is_told(system: LoginServer) -> None:
    asking = Asking(system, "csrf", "wrong")
    async with asking.client:
        assert isinstance(await asking.failure(), LoginRefused)


async def test_reading_needs_no_csrf_token(system: LoginServer) -> None:
    asking = Asking(system, "csrf")
    async with asking.client:
        await asking.client.send("GET", asking.path, CALL)
    assert system.logins == 0


async def test_missing_rights_are_no_reason_to_log_in_again(system: LoginServer) -> None:
    asking = Asking(system, "oauth2")
    asking.path = "/closed"
    async with asking.client:
        assert str(await asking.failure()) == "erp: HTTP 403"
    assert (system.logins, system.served) == (1, 1)


async def test_a_fresh_ticket_that_is_not_taken_ends_in_no_circle(system: LoginServer) -> None:
    asking = Asking(system, "oauth2")
    asking.path = "/fixed"
    async with asking.client:
        for _ in range(3):
            assert str(await asking.failure()) == "erp: HTTP 401"
    assert system.logins == 2


async def test_a_call_that_is_given_up_during_its_login_blocks_nobody(system: LoginServer) -> None:
    asking = Asking(system, "oauth2")
    system.slow_s = 0.5
    async with asking.client:
        with pytest.raises(Unavailable, match=r"no answer in 0\.1 s"):
            await asking.client.send("POST", asking.path, Call("any", "key", timeout_s=0.1), json={})
        system.slow_s = 0.0
        await asking()
    assert system.logins == 2


async def test_no_secret_is_logged(system: LoginServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):  # processes write what libraries log from warnings on: telemetry/logging.py
        for scheme in TICKETS:
            asking = Asking(system, scheme)
            async with asking.client:
                await asking()
    assert SECRET not in caplog.text
    assert "ticket-" not in caplog.text


async def test_no_cookie_passes_from_one_call_to_the_next(system: LoginServer) -> None:
    async with VendorClient(ConnectionSettings("erp/one", System.ERP, system.url)) as client:
        await client.send("POST", "/session", CALL, json={"db": "main", "login": USER, "password": SECRET})
        await client.send("POST", "/fixed", CALL, headers={"X-Our-Key": SECRET})
    assert "cookie" not in system.seen[-1]


async def test_a_certificate_of_ours_opens_and_without_it_nothing_does(tmp_path: Any) -> None:
    authority = trustme.CA()
    server, ours = authority.issue_cert("localhost"), authority.issue_cert("syncline@example.org")
    files = {name: tmp_path / name for name in ("ca.pem", "server.pem", "server.key", "ours.pem")}
    authority.cert_pem.write_to_path(files["ca.pem"])
    server.cert_chain_pems[0].write_to_path(files["server.pem"])
    server.private_key_pem.write_to_path(files["server.key"])
    ours.private_key_and_cert_chain_pem.write_to_path(files["ours.pem"])
    fields = {"ca": files["ca.pem"], "within": {"scheme": "bearer", "token": SECRET}}
    async with login_server((str(files["server.pem"]), str(files["server.key"]), str(files["ca.pem"]))) as system:
        right = authentication("mtls", {**fields, "certificate": files["ours.pem"]})
        async with VendorClient(ConnectionSettings("erp/one", System.ERP, system.url, authentication=right)) as client:
            assert (await client.send("POST", "/fixed", CALL, json={})).json() == {"fine": True}
        without = authentication("bearer", {"token": SECRET})
        settings = ConnectionSettings("erp/one", System.ERP, system.url, authentication=without)
        async with VendorClient(settings) as client:
            with pytest.raises(Unavailable) as failed:
                await client.send("POST", "/fixed", CALL, json={})
        assert failed.value.origin is Origin.ERP_API
    broken = authentication("mtls", {"certificate": files["ca.pem"], "key": files["server.key"]})
    with pytest.raises(Unavailable, match=r"the certificate ca.pem cannot be used: SSLError") as unusable:
        VendorClient(ConnectionSettings("erp/one", System.ERP, "https://erp.test", authentication=broken))
    assert unusable.value.origin is Origin.PLATFORM


def test_what_shows_nothing_needs_no_strategy() -> None:
    assert auth_of(authentication("none", {}), LoginOwner("erp", Origin.ERP_API)) is None


def test_a_refused_setting_shows_no_secret() -> None:
    with pytest.raises(ValueError, match="token_url") as refused:
        authentication("oauth2", {"token_url": f"https://u:{SECRET}@x", "client_id": "", "client_secret": [SECRET]})
    assert SECRET not in str(refused.value)
    assert SecretStr(SECRET).get_secret_value() == SECRET
