"""Undelivered messages: on a page and in a case, until they are sent again and arrive."""

import html
from datetime import UTC, datetime

from temporalio.testing import ActivityEnvironment

from activities.cases.undelivered import UndeliveredActivities
from dispatch.temporal.schedules import OF_NOTICES
from schemas.cases.cases import Notice
from schemas.cases.exceptions import Channel
from schemas.finance.reconciliation import ReconcileReport
from store.cases import notices
from tests.gateway.harness import Gateway

GONE = "notify: webhook: HTTP 410"


async def owe(
    gateway: Gateway, to: str, error: str, retry_in_s: float | None = None, case: str = "erp-one/SO-1"
) -> str:
    """A message over a webhook that has failed."""
    key = f"{case}/delay/1/{to}"
    notice = Notice(
        key=key,
        template="case_alert",
        to=to,
        channel=Channel.WEBHOOK,
        order="erp-one/SO-1",
        case=f"{case}/delay/1",
        kind="delay",
        asked_at=datetime.now(UTC),
        facts={"summary": "late"},
    )
    async with gateway.database.transaction() as connection:
        await notices.plan(connection, (notice,))
        await notices.failed(connection, key, error, retry_in_s)
    return key


async def look(gateway: Gateway, late_s: float = 900.0) -> ReconcileReport:
    """Look for receivers that take nothing."""
    report: ReconcileReport = await ActivityEnvironment().run(
        UndeliveredActivities(gateway.database, late_s).notices, OF_NOTICES
    )
    return report


async def test_what_was_given_up_is_seen_is_a_case_and_is_taken_up_again(gateway: Gateway) -> None:
    key = await owe(gateway, "transport", GONE)
    shown = (await gateway.get("/v1/notices", "helpdesk")).json()["notices"]
    assert [(x["key"], x["state"], x["error"], x["attempts"]) for x in shown] == [(key, "failed", GONE, 1)]
    page = html.unescape((await gateway.get("/tower/quarantine", "helpdesk")).text)
    assert GONE in page and "given up" in page
    report = await look(gateway)
    assert (report.number, [x.subject for x in report.findings]) == (1, ["webhook to transport"])
    assert OF_NOTICES.case_kind == "partner_outage"
    assert "`syncline notice retry --channel webhook --to transport`" in report.findings[0].summary

    none = await gateway.post("/v1/notices/retry", "helpdesk", {"channel": "chat"})
    again = await gateway.post("/v1/notices/retry", "helpdesk", {"to": "transport"})
    assert (none.json(), again.json()) == ({"notices": 0}, {"notices": 1})
    async with gateway.database.transaction() as connection:
        assert [(x.key, x.attempts) for x in await notices.due(connection, 9)] == [(key, 0)]
        await notices.sent(connection, [key])
    assert (await look(gateway)).differences == 0, "the case hears that it is cured"


async def test_what_fails_for_long_is_a_case_before_it_is_given_up(gateway: Gateway) -> None:
    await owe(gateway, "transport", "notify: webhook: HTTP 302", retry_in_s=600)
    assert (await look(gateway)).differences == 0, "it may pass by itself"
    [finding] = (await look(gateway, late_s=0)).findings
    assert "HTTP 302" in finding.summary


async def test_who_has_no_address_and_the_case_itself_are_no_receivers_that_fail(gateway: Gateway) -> None:
    await owe(gateway, "claims", "notify: no webhook address for claims")
    await owe(gateway, "integration", GONE, case=OF_NOTICES.case_order)
    assert (await look(gateway)).differences == 0, "a message about the case would feed it for ever"
