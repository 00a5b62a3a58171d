"""Webhooks: genuine ones are taken or quarantined, all others are refused alike."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.signatures import genuine
from schemas.base import Origin
from schemas.messaging.webhooks import sign
from store.engine import Connection
from store.messaging import quarantine
from store.partners import partners
from store.partners.partners import Caller
from tests.gateway.harness import Gateway
from tests.gateway.messages import as_bytes, event, signed

PATH = "/v1/partners/dhl/webhook"
BODY = as_bytes(event())
SECRET = b"s" * 32
NOW = 1_772_000_000


async def _post(gateway: Gateway, body: bytes, headers: dict[str, str], path: str = PATH) -> httpx.Response:
    return await gateway.client.post(path, content=body, headers=headers)


async def test_a_signed_event_is_kept_as_it_was_sent(gateway: Gateway) -> None:
    answer = await _post(gateway, BODY, signed(BODY))

    assert answer.status_code == 202
    [message] = await gateway.inbox()
    assert answer.json() == {"accepted": 1, "ids": [message["id"]]}
    assert (message["raw"], message["partner"], message["channel"]) == (BODY, "dhl", "webhook")
    assert message["state"] == "received"


async def test_all_that_is_not_genuine_is_refused_alike(gateway: Gateway) -> None:
    good = signed(BODY)
    attempts = [
        await _post(gateway, BODY + b" ", good),
        await _post(gateway, BODY, signed(BODY, master="another master secret of good length")),
        await _post(gateway, BODY, signed(BODY, partner="ups")),
        await _post(gateway, BODY, signed(BODY, age_s=301)),
        await _post(gateway, BODY, signed(BODY, age_s=-301)),
        await _post(gateway, BODY, {**good, "webhook-id": "msg_2"}),
        await _post(gateway, BODY, {name: value for name, value in good.items() if name != "webhook-signature"}),
        await _post(gateway, BODY, {}),
        await _post(gateway, BODY, signed(BODY, partner="nobody"), "/v1/partners/nobody/webhook"),
        await _post(gateway, BODY, signed(BODY, partner="N%00"), "/v1/partners/N%00/webhook"),
        await _post(gateway, BODY, gateway.auth("dhl")),
    ]
    answers = {(a.status_code, a.json()["type"], a.json()["detail"], a.headers["WWW-Authenticate"]) for a in attempts}
    assert answers == {(401, "/problems/unauthenticated", "Sign the message as a known partner, now.", "Bearer")}
    assert await gateway.inbox() == []


async def test_an_inactive_partner_is_unknown(gateway: Gateway) -> None:
    async with gateway.database.connection() as connection:
        await connection.execute("UPDATE partner SET active = false WHERE id = 'dhl'")
    assert (await _post(gateway, BODY, signed(BODY))).status_code == 401


async def _taken(gateway: Gateway) -> list[int]:
    """The versions of dhl's secret that are taken now."""
    return [
        version
        for version in range(1, 5)
        if (await _post(gateway, BODY, signed(BODY, version=version))).status_code == 202
    ]


async def _turn_back(gateway: Gateway, hours: float) -> None:
    """So much later: each secret counts from, and until, moments so much further back. Nobody is remembered."""
    async with gateway.database.connection() as connection:
        await connection.execute(
            "UPDATE webhook_secret SET valid_from = valid_from - make_interval(secs => %(s)s), "
            "valid_until = valid_until - make_interval(secs => %(s)s)",
            {"s": 3600 * hours},
        )
    gateway.set_clock(time.monotonic)


async def _rotate(gateway: Gateway, valid_from: datetime | None = None, overlap_h: float = 24) -> None:
    async with gateway.database.transaction() as connection:
        await partners.rotate(connection, "dhl", valid_from, timedelta(hours=overlap_h))


async def test_a_new_secret_counts_at_once_and_the_old_one_for_the_overlap(gateway: Gateway) -> None:
    assert (await _post(gateway, BODY, signed(BODY))).status_code == 202, "it is remembered from now on"
    await _rotate(gateway)
    assert (await _post(gateway, BODY, signed(BODY, version=2))).status_code == 202, "the new one first"
    assert await _taken(gateway) == [1, 2]
    await _turn_back(gateway, 23.98)
    assert await _taken(gateway) == [1, 2]
    await _turn_back(gateway, 0.04)
    assert await _taken(gateway) == [2]


async def test_a_secret_may_count_from_a_later_day_on(gateway: Gateway) -> None:
    await _rotate(gateway, datetime.now(UTC) + timedelta(hours=48), overlap_h=1)
    assert await _taken(gateway) == [1]
    await _turn_back(gateway, 48.5)
    assert await _taken(gateway) == [1, 2]
    await _turn_back(gateway, 1)
    assert await _taken(gateway) == [2]


async def test_either_of_two_signatures_is_enough_in_any_order(gateway: Gateway) -> None:
    """A sender that changes over signs with both."""
    await _rotate(gateway, overlap_h=0)
    old, new = (signed(BODY, version=version) for version in (1, 2))
    for pair in ((old, new), (new, old)):
        both = " ".join(it["webhook-signature"] for it in pair)
        assert (await _post(gateway, BODY, {**new, "webhook-signature": both})).status_code == 202
    assert await _taken(gateway) == [2]


async def test_wrong_signatures_do_not_have_a_partner_looked_up_each_time(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _post(gateway, BODY, signed(BODY))
    asked, find = [], partners.by_id

    async def counted(connection: Connection, partner: str) -> Caller | None:
        asked.append(partner)
        return await find(connection, partner)

    monkeypatch.setattr(partners, "by_id", counted)
    now = time.monotonic()
    gateway.set_clock(lambda: now)
    for _ in range(10):
        assert (await _post(gateway, BODY, signed(BODY, version=4))).status_code in (401, 429)
    assert len(asked) == 2, "to know it, and to know it anew"


async def test_a_partner_without_access_signs_nothing(gateway: Gateway) -> None:
    async with gateway.database.transaction() as connection:
        assert await partners.end_secrets(connection, "dhl") == 1
    assert await _taken(gateway) == []
    await _rotate(gateway)
    gateway.set_clock(time.monotonic)
    assert await _taken(gateway) == [2]


async def test_a_system_that_reports_no_milestones_is_refused(gateway: Gateway) -> None:
    body = as_bytes(event("erp-one"))
    answer = await _post(gateway, body, signed(body, partner="erp-one"), "/v1/partners/erp-one/webhook")
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"\x00\xff", "body"),
        (b"", "body"),
        (as_bytes({**event(), "surplus": 1}), "surplus"),
        (BODY.replace(b'"S-1"', b'"S-1\\u0000"'), "body"),
        (BODY.replace(b'"id"', b'"id": "e-0", "id"', 1), "id"),
        (as_bytes(event(occurred_at="2100-01-01T00:00:00Z")), "data.occurred_at"),
        (as_bytes(event("ups")), "source"),
        (as_bytes(event(kind="teleported")), "data.kind"),
    ],
)
async def test_a_genuine_message_that_cannot_be_read_is_quarantined(gateway: Gateway, body: bytes, field: str) -> None:
    answer = await _post(gateway, body, signed(body))

    assert answer.status_code == 202
    assert answer.json()["quarantined"] is True
    assert answer.json()["findings"][0]["field"] == field
    [message] = await gateway.inbox()
    assert (message["raw"], message["state"], message["origin"]) == (body, "quarantined", "transformation")
    assert message["reason"].startswith(f"{field}: ")
    assert message["external_id"] in ("msg_1", "e-1"), "the event's own id, where one can be read"


async def test_what_a_message_is_its_type_says_and_no_other_byte(gateway: Gateway) -> None:
    body = as_bytes(event(reason="see syncline.procurement.invoice.v1"))
    answer = await _post(gateway, body, signed(body))
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    [message] = await gateway.inbox()
    assert (message["kind"], message["state"]) == ("event", "received")
    erp = as_bytes({**event("erp-one"), "data": {"type": "syncline.procurement.invoice.v1"}})
    refused = await _post(gateway, erp, signed(erp, partner="erp-one"), "/v1/partners/erp-one/webhook")
    assert refused.status_code == 403


@pytest.mark.parametrize("unreadable", [False, True])
async def test_a_repeat_of_what_is_in_quarantine_adds_no_row_and_tries_that_one_again(
    gateway: Gateway, unreadable: bool
) -> None:
    body = as_bytes({**event(), "surplus": 1}) if unreadable else BODY
    await _post(gateway, body, signed(body))
    [first] = await gateway.inbox()
    for _ in range(3):
        async with gateway.database.transaction() as connection:
            await quarantine.put(connection, first["id"], "SO-9 is not known", Origin.PARTNER_MESSAGE, "number:SO-9")
        answer = await _post(gateway, body, signed(body))
        assert answer.status_code == 202
        assert unreadable or answer.json()["ids"] == [first["id"]]
    [row] = await gateway.inbox()
    assert (row["id"], row["state"]) == (first["id"], "quarantined" if unreadable else "received")


def _headers(signature: str, message_id: str = "msg_1", timestamp: str = str(NOW)) -> dict[str, str]:
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}


RIGHT = sign(SECRET, "msg_1", NOW, BODY)


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        (RIGHT, True),
        (f"v1,AAAA {RIGHT}", True),
        (f"v2,x v1a,{RIGHT[3:]} {RIGHT}", True),
        (f"{RIGHT} v1,", True),
        ("", False),
        (RIGHT[3:], False),
        (RIGHT.replace("v1,", "v2,"), False),
        (RIGHT.replace("v1,", "v1,,"), False),
        (RIGHT.rstrip("="), False),
        (RIGHT + "=", False),
        (RIGHT.replace(" ", ",") + "," + RIGHT, False),
        (" ".join(["v1,A"] * 10 + [RIGHT]), False),
    ],
)
def test_the_signature_list(signature: str, expected: bool) -> None:
    assert genuine(_headers(signature), BODY, [SECRET], NOW) is expected


@pytest.mark.parametrize("timestamp", ["", "x", "-1", "1e9", f" {NOW}", f"{NOW}.0", f"0{NOW}", "٣" * 10, "9" * 400])
def test_a_timestamp_is_whole_seconds(timestamp: str) -> None:
    assert not genuine(_headers(RIGHT, timestamp=timestamp), BODY, [SECRET], NOW)


@pytest.mark.parametrize(("age_s", "expected"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_a_timestamp_is_within_five_minutes(age_s: int, expected: bool) -> None:
    assert genuine(_headers(RIGHT), BODY, [SECRET], NOW + age_s) is expected


def test_an_id_with_the_separator_in_it_is_not_taken() -> None:
    signature = sign(SECRET, "a.1", NOW, BODY)
    assert not genuine(_headers(signature, "a.1"), BODY, [SECRET], NOW)


text = st.binary(max_size=80).map(lambda value: value.decode("latin-1"))
NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, text)), st.binary(max_size=50))
def test_no_header_is_genuine_by_chance_or_fatal(headers: dict[str, str], body: bytes) -> None:
    assert not genuine(headers, body, [SECRET], NOW)


@given(st.sampled_from(["id", "timestamp", "signature", "body"]), st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_is_genuine(part: str, position: int, change: int) -> None:
    def mutated(value: bytes) -> bytes:
        at = position % len(value)
        return value[:at] + bytes([value[at] ^ change]) + value[at + 1 :]

    parts = {"id": b"msg_1", "timestamp": str(NOW).encode(), "signature": RIGHT.encode(), "body": BODY}
    parts[part] = mutated(parts[part])
    headers = _headers(*(parts[name].decode("latin-1") for name in ("signature", "id", "timestamp")))
    assert not genuine(headers, parts["body"], [SECRET], NOW)


@pytest.mark.parametrize(
    "raw", [b"v1,\xff\xfe", b"\x80" * 100, b"v1, v1, v1,", b"," * 4000, b"v1,=" * 900], ids=range(5)
)
async def test_odd_header_bytes_are_a_401(gateway: Gateway, raw: bytes) -> None:
    headers: Any = [(b"webhook-id", b"m"), (b"webhook-timestamp", str(int(time.time())).encode())]
    answer = await gateway.client.post(PATH, content=BODY, headers=[*headers, (b"webhook-signature", raw)])
    assert answer.status_code == 401
