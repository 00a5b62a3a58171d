"""Sessions of people in a browser: begun with a key, ended by people, time, or the end of the key."""

import pytest

from gateway.http.auth import CALLER_TTL_S, COOKIE
from store.partners import partners, sessions
from tests.gateway.harness import Gateway


async def _enter(gateway: Gateway, partner: str, headers: dict[str, str] | None = None) -> str:
    """Enter with the form; the session's id, which the client forgets."""
    answer = await gateway.client.post("/login", data={"key": gateway.keys[partner]}, headers=headers)
    assert answer.status_code == 303
    session = answer.cookies[COOKIE]
    gateway.client.cookies.clear()
    return session


async def _status(gateway: Gateway, session: str) -> int:
    return (await gateway.client.get("/metrics", headers={"Cookie": f"{COOKIE}={session}"})).status_code


async def test_the_cookie_is_a_random_id_and_never_the_key(gateway: Gateway) -> None:
    answer = await gateway.client.post("/login", data={"key": gateway.keys["root"]})
    cookie = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=strict", "Max-Age=43200", "Path=/"):
        assert part in cookie
    session = answer.cookies[COOKIE]
    assert gateway.keys["root"] not in cookie
    [row] = await gateway.rows("SELECT * FROM session")
    assert session not in str(row)
    gateway.client.cookies.clear()
    assert await _enter(gateway, "root") != session
    assert [entry["action"] for entry in await gateway.rows("SELECT action FROM audit_entry")] == ["session_begun"] * 2


async def test_a_session_acts_only_from_the_sites_own_pages(gateway: Gateway) -> None:
    cookie = {"Cookie": f"{COOKIE}={await _enter(gateway, 'helpdesk')}"}
    for headers, status in (
        ({}, 401),
        ({"Sec-Fetch-Site": "cross-site"}, 401),
        ({"Sec-Fetch-Site": "none"}, 401),
        ({"Origin": "https://evil.example"}, 401),
        ({"Origin": "null"}, 401),
        ({"Origin": "http://gateway", "Sec-Fetch-Site": "same-site"}, 401),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://gateway"}, 200),
    ):
        answer = await gateway.client.post("/v1/quarantine/replay", json={"ids": [1]}, headers={**cookie, **headers})
        assert answer.status_code == status, headers


async def test_another_site_puts_nobody_into_a_session(gateway: Gateway) -> None:
    form = {"key": gateway.keys["root"]}
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        refused = await gateway.client.post("/login", data=form, headers=headers)
        assert refused.status_code == 403, headers
        assert "Set-Cookie" not in refused.headers
    by_link = await gateway.client.get("/login", params=form)
    assert by_link.status_code == 200
    assert "Set-Cookie" not in by_link.headers
    assert await gateway.rows("SELECT * FROM session") == []
    await _enter(gateway, "root", {"Sec-Fetch-Site": "same-origin", "Origin": "http://gateway"})


async def test_whoever_leaves_is_out(gateway: Gateway) -> None:
    session = await _enter(gateway, "root")
    assert await _status(gateway, session) == 200
    cookie = {"Cookie": f"{COOKIE}={session}"}
    await gateway.client.post("/logout", headers={**cookie, "Sec-Fetch-Site": "cross-site"})
    assert await _status(gateway, session) == 200
    left = await gateway.client.post("/logout", headers={**cookie, "Sec-Fetch-Site": "same-origin"})
    assert (left.status_code, left.headers["Location"]) == (303, "/login")
    assert f'{COOKIE}=""' in left.headers["Set-Cookie"]
    assert await _status(gateway, session) == 401


async def test_who_enters_again_leaves_the_session_before(gateway: Gateway) -> None:
    first = await _enter(gateway, "root")
    await _enter(gateway, "root", {"Cookie": f"{COOKIE}={first}"})
    assert await _status(gateway, first) == 401


@pytest.mark.parametrize("how", ["time", "key revoked", "key over", "partner gone"])
async def test_a_session_ends(gateway: Gateway, how: str) -> None:
    now = [1000.0]
    gateway.set_clock(lambda: now[0])
    session = await _enter(gateway, "root")
    assert await _status(gateway, session) == 200
    async with gateway.database.transaction() as connection:
        if how == "key revoked":
            await partners.revoke_keys(connection, "root")
        else:
            statement = {
                "time": "UPDATE session SET expires_at = now() - interval '1 s'",
                "key over": "UPDATE api_key SET expires_at = now() - interval '1 s' WHERE partner = 'root'",
                "partner gone": "UPDATE partner SET active = false WHERE id = 'root'",
            }[how]
            await connection.execute(statement.encode())
    now[0] += CALLER_TTL_S + 0.1
    assert await _status(gateway, session) == 401


async def test_sessions_of_a_key_are_bounded_and_those_that_are_over_go(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST", 2)
    first = await _enter(gateway, "root")
    await _enter(gateway, "helpdesk")
    async with gateway.database.connection() as connection:
        await connection.execute(
            "UPDATE session SET expires_at = now() - interval '1 s' WHERE begun_at = "
            "(SELECT max(begun_at) FROM session)"
        )
    later = [await _enter(gateway, "root") for _ in range(2)]
    assert len(await gateway.rows("SELECT * FROM session")) == 2
    assert await _status(gateway, first) == 401
    assert [await _status(gateway, session) for session in later] == [200, 200]
