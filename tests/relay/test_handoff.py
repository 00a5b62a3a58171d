"""Handing over to Temporal: what is still to be started is not taken for ended."""

import pytest
from temporalio.client import Client

from gateway.handoff import OrderGone, TemporalHandoff
from gateway.ports import CancelRefused
from gateway.requests import CancelCommand
from schemas.orders import CancelRequest
from store import inbox
from tests.relay.conftest import Desk

WISH = CancelRequest(id="c1", reason="customer withdrew")


async def test_a_cancellation_before_the_order_could_be_started_waits(desk: Desk, temporal_client: Client) -> None:
    handoff = TemporalHandoff(temporal_client, desk.database)
    key = await desk.order("NEVER-STARTED", promised=False)
    command = CancelCommand(key=key, request=WISH).model_dump_json().encode()
    await desk.accept("erp-one", command, kind=inbox.CANCEL, external_id=WISH.id)
    assert await handoff.cancel(key, WISH, 5.0) is None
    await desk.promise(key)
    with pytest.raises(CancelRefused, match="the order has ended"):
        await handoff.cancel(key, WISH, 5.0)


async def test_milestones_of_an_order_without_a_workflow_are_told_apart(desk: Desk, temporal_client: Client) -> None:
    with pytest.raises(OrderGone):
        await TemporalHandoff(temporal_client, desk.database).milestones("erp-one/NEVER-STARTED", [])
