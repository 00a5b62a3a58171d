"""Does a connection work: settings, address, TLS, login, rights, clock. Each step says what to repair; nothing changes.

A step that fails ends the check: what follows needs it.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import urlsplit

from connectors.adapters import Adapter
from connectors.connections import ConnectionSettings
from connectors.http.authentication.making import tls_of
from connectors.http.authentication.tickets import LoginRefused
from connectors.http.vendor import VendorAnswer, VendorClient
from connectors.ports import Call, ConnectorError
from connectors.routing import link_of

TIMEOUT_S = 10.0
"""Of a step: a person waits, and a system that takes longer is no help."""
EXPIRES_SOON_DAYS = 14
"""A certificate takes people about two weeks to renew."""
CLOCK_OFF_S = 60.0
"""Signatures and tokens bear some minutes; a minute is noticed before they fail."""
ANY_STATUS = frozenset(range(300, 600))
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, ILL, OK_BELOW = 401, 403, 404, 500, 300


Clock = Callable[[], datetime]


class CheckStep(StrEnum):
    """The checks, in this order."""

    SETTINGS = "settings"
    ADDRESS = "address"
    TLS = "TLS"
    LOGIN = "login"
    RIGHTS = "rights"
    CLOCK = "clock"


@dataclass(frozen=True)
class CheckedStep:
    """The result of a check. `repair`: what to do about it; empty when nothing has to be done."""

    step: CheckStep
    works: bool
    said: str
    repair: str = ""


async def check(
    connection: ConnectionSettings, adapter: Adapter, target: str, now: Clock = lambda: datetime.now(UTC)
) -> AsyncIterator[CheckedStep]:
    """Look at one step after the other, up to the first that does not work.

    Args: `target`: whom the address's `{id}` stands for. `now`: our clock. Raises nothing that a system can cause.
    """
    url = connection.url.replace("{id}", target)
    try:
        client = link_of(adapter, connection).client
    except ConnectorError as error:
        yield CheckedStep(CheckStep.SETTINGS, False, str(error), "correct the connection's settings")
        return
    yield CheckedStep(CheckStep.SETTINGS, True, f"{connection.name}: {adapter.title}")
    try:
        reached = [_address, *([_tls] if url.startswith("https://") else [])]
        for look in reached:
            found = await look(connection, url)
            yield found
            if not found.works:
                return
        async for found in _asked(client, adapter, Call(target, "", timeout_s=TIMEOUT_S), now):
            yield found
    finally:
        await client.aclose()


async def _address(connection: ConnectionSettings, url: str) -> CheckedStep:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except socket.gaierror:
        return CheckedStep(CheckStep.ADDRESS, False, f"{host} has no address", "correct the url, or the name service")
    except TimeoutError:
        said = f"{host}:{port} does not answer in {TIMEOUT_S:g} s"
        return CheckedStep(CheckStep.ADDRESS, False, said, "let this machine through the firewall")
    except (OSError, ValueError) as error:
        said = f"{host}:{port}: {type(error).__name__}"
        return CheckedStep(CheckStep.ADDRESS, False, said, "start the system, or correct the url's port")
    writer.close()
    return CheckedStep(CheckStep.ADDRESS, True, f"{host}:{port} listens")


async def _tls(connection: ConnectionSettings, url: str) -> CheckedStep:
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(
                parts.hostname, parts.port or 443, ssl=tls_of(connection.authentication)
            )
    except ssl.SSLCertVerificationError as error:
        repair = "have its certificate renewed, or name who signed it: scheme mtls, field ca"
        return CheckedStep(CheckStep.TLS, False, error.verify_message, repair)
    except (TimeoutError, OSError) as error:
        repair = "use http:// if it speaks no TLS; else see what it logs of the handshake"
        return CheckedStep(CheckStep.TLS, False, type(error).__name__, repair)
    certificate = writer.get_extra_info("peercert") or {}
    writer.close()
    left = (ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()) / 86_400
    repair = "have the certificate renewed" if left < EXPIRES_SOON_DAYS else ""
    return CheckedStep(CheckStep.TLS, True, f"its certificate is good for {left:.0f} days", repair)


async def _asked(client: VendorClient, adapter: Adapter, call: Call, now: Clock) -> AsyncIterator[CheckedStep]:
    try:
        answer = await client.send("GET", adapter.probe, call, expected=ANY_STATUS)
    except LoginRefused as error:
        yield CheckedStep(CheckStep.LOGIN, False, str(error), "correct user, secret or client of the connection")
        return
    except ConnectorError as error:
        yield CheckedStep(CheckStep.LOGIN, False, str(error), "see what the system logs of the call")
        return
    if answer.status == UNAUTHORIZED:
        said = "it does not take our credentials (HTTP 401)"
        yield CheckedStep(CheckStep.LOGIN, False, said, "correct the secret of the connection")
        return
    yield CheckedStep(CheckStep.LOGIN, True, "it takes our credentials")
    rights = _rights(adapter, answer)
    yield rights
    if rights.works:
        yield _clock(answer, now())


def _rights(adapter: Adapter, answer: VendorAnswer) -> CheckedStep:
    path, status = adapter.probe, answer.status
    if status == FORBIDDEN:
        return CheckedStep(CheckStep.RIGHTS, False, f"we may not read {path} (HTTP 403)", "give the user its rights")
    if status == NOT_FOUND:
        return CheckedStep(CheckStep.RIGHTS, False, f"there is no {path} (HTTP 404)", "correct the url's path")
    if status >= OK_BELOW:
        repair = "see what the system logs" if status >= ILL else "correct the url: it leads elsewhere"
        return CheckedStep(CheckStep.RIGHTS, False, f"HTTP {status} of {path}", repair)
    return CheckedStep(CheckStep.RIGHTS, True, f"we may read {path}")


def _clock(answer: VendorAnswer, now: datetime) -> CheckedStep:
    try:
        off_s = (parsedate_to_datetime(answer.headers["Date"]) - now).total_seconds()
    except (KeyError, ValueError, TypeError):
        return CheckedStep(CheckStep.CLOCK, True, "it does not tell the time")
    if abs(off_s) > CLOCK_OFF_S:
        which = "ahead of" if off_s > 0 else "behind"
        said = f"its clock is {abs(off_s):.0f} s {which} ours"
        return CheckedStep(CheckStep.CLOCK, False, said, "set both by a time service (NTP)")
    return CheckedStep(CheckStep.CLOCK, True, f"its clock is {abs(off_s):.0f} s off")
