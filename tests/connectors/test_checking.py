"""A connection is looked at step by step, and each step says what to repair."""

import re
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import SecretStr

from connectors.checking import CheckedStep, CheckStep, check
from connectors.connections import ConnectionSettings
from connectors.registry import ADAPTERS
from schemas.authentication import Authentication, BearerToken, authentication
from schemas.base import System
from tests.connectors.login_server import SECRET, USER, login_server

RIGHT = BearerToken(token=SecretStr(SECRET))
WRONG = BearerToken(token=SecretStr("wrong"))


async def looked(url: str, login: Authentication = RIGHT, probe: str = "/fixed", **changes: Any) -> list[CheckedStep]:
    """What is found; no text holds a secret."""
    connection = ConnectionSettings("wms/LYS", System.WMS, url, authentication=login)
    adapter = replace(ADAPTERS["standard"], probe=probe)
    found = [it async for it in check(replace(connection, **changes), adapter, "LYS")]
    assert SECRET not in str(found)
    assert "wrong" not in str(found)
    return found


def broken(found: list[CheckedStep]) -> tuple[CheckStep, str, str]:
    """The step that does not work is the last."""
    assert [it.works for it in found] == [*[True] * (len(found) - 1), False]
    assert found[-1].repair, "it says what to do"
    return found[-1].step, found[-1].said, found[-1].repair


async def test_what_works_is_told_step_by_step() -> None:
    async with login_server() as system:
        found = await looked(system.url)
    assert [it.step for it in found] == ["settings", "address", "login", "rights", "clock"]
    assert all(it.works and not it.repair for it in found)


async def test_settings_that_the_connector_does_not_take() -> None:
    found = await looked("http://127.0.0.1:9", settings={"colour": SECRET})
    assert broken(found)[:2] == (
        CheckStep.SETTINGS,
        "wms/LYS: settings of standard: colour: Extra inputs are not permitted",
    )


async def test_nobody_at_the_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    step, said, repair = broken(await looked(f"http://127.0.0.1:{port}"))
    assert (step, said) == (CheckStep.ADDRESS, f"127.0.0.1:{port}: ConnectionRefusedError")
    assert "start the system" in repair


async def test_a_name_without_an_address() -> None:
    step, said, _ = broken(await looked("http://nowhere.invalid"))
    assert (step, said) == (CheckStep.ADDRESS, "nowhere.invalid has no address")


@pytest.mark.parametrize(
    ("login", "said"),
    [
        (lambda url: WRONG, "it does not take our credentials (HTTP 401)"),
        (
            lambda url: authentication(
                "oauth2", {"token_url": f"{url}/token", "client_id": USER, "client_secret": "wrong"}
            ),
            "wms: the login is refused (HTTP 401 invalid_client): repair the credentials",
        ),
        (
            lambda url: authentication("oauth2", {"token_url": f"{url}/no", "client_id": USER, "client_secret": "x"}),
            "wms: the login fails with HTTP 404",
        ),
    ],
)
async def test_credentials_that_are_not_taken(login: Callable[[str], Authentication], said: str) -> None:
    async with login_server() as system:
        found = await looked(system.url, login(system.url))
    assert broken(found)[:2] == (CheckStep.LOGIN, said)


@pytest.mark.parametrize(
    ("probe", "said", "repair"),
    [
        ("/closed", "we may not read /closed (HTTP 403)", "give the user its rights"),
        ("/nothing", "there is no /nothing (HTTP 404)", "correct the url's path"),
        ("/by-cookie", "HTTP 302 of /by-cookie", "correct the url: it leads elsewhere"),
    ],
)
async def test_rights_and_paths(probe: str, said: str, repair: str) -> None:
    async with login_server() as system:
        assert broken(await looked(system.url, probe=probe)) == (CheckStep.RIGHTS, said, repair)


@pytest.mark.parametrize(("off_s", "which"), [(300, "behind"), (-300, "ahead of")])
async def test_a_clock_that_is_off(off_s: int, which: str) -> None:
    connection = ConnectionSettings("wms/LYS", System.WMS, "", authentication=RIGHT)
    adapter = replace(ADAPTERS["standard"], probe="/fixed")
    async with login_server() as system:
        at = replace(connection, url=system.url)
        found = [it async for it in check(at, adapter, "LYS", lambda: datetime.now(UTC) + timedelta(seconds=off_s))]
    step, said, repair = broken(found)
    assert step is CheckStep.CLOCK
    assert re.fullmatch(rf"its clock is (299|300|301|302) s {which} ours", said)
    assert "NTP" in repair


async def test_a_certificate_of_nobody_whom_we_trust(tmp_path: Path) -> None:
    authority = trustme.CA()
    server, ours = authority.issue_cert("localhost"), authority.issue_cert("syncline@example.org")
    ca, certificate, key, mine = (str(tmp_path / it) for it in ("ca.pem", "s.pem", "s.key", "m.pem"))
    authority.cert_pem.write_to_path(ca)
    server.cert_chain_pems[0].write_to_path(certificate)
    server.private_key_pem.write_to_path(key)
    ours.private_key_and_cert_chain_pem.write_to_path(mine)
    async with login_server((certificate, key, ca)) as system:
        step, said, repair = broken(await looked(system.url))
        assert step is CheckStep.TLS
        assert "certificate" in said
        assert "name who signed it" in repair
        login = authentication("mtls", {"certificate": mine, "ca": ca, "within": {"scheme": "bearer", "token": SECRET}})
        found = await looked(system.url, login)
        assert [it.step for it in found] == ["settings", "address", "TLS", "login", "rights", "clock"]
        assert all(it.works for it in found)


async def test_a_system_that_speaks_no_tls() -> None:
    async with login_server() as system:
        step, _, repair = broken(await looked(system.url.replace("http:", "https:")))
    assert step is CheckStep.TLS
    assert "use http://" in repair
