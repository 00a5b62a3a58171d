"""Runs that continue as new while reports and commands come, and tasks in which they do are lost: nothing is."""

from itertools import pairwise

import pytest
from temporalio.api.enums.v1 import CommandType
from temporalio.client import Client

from schemas.workflows.commands import AmendRequest, LineAmendment
from store.engine import Database
from tests.faults.chances import Fault
from tests.faults.losing import address_of
from tests.faults.tasks import said
from tests.faults.temporal_proxy import task_faults
from tests.heart.conftest import FULL
from tests.restart.stack import CARRIER, product_on
from tests.stack.standins import until
from tests.workflows.conftest import server
from workflows.runtime.payloads import CONVERTER

CONTINUED = CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION
REPORTS, COMMANDS = (500, 200) if FULL else (200, 40)
EVENTS = 60
"""A run of an order suggests to be continued after so many."""


@pytest.mark.chaos
async def test_nothing_is_lost_when_the_task_that_ends_a_run_is_lost(database_url: str) -> None:
    async with (
        server(f"limit.historyCount.suggestContinueAsNew={EVENTS}") as client,
        task_faults(address_of(client), seed=1) as proxy,
        Database(database_url, 12) as database,
        product_on(await Client.connect(proxy.address, data_converter=CONVERTER), database) as product,
    ):
        key = await product.order(100)
        await product.story(key, "picked", packs=100)
        await product.at_rest()
        lost = [proxy.next_task(Fault.FAILED, f"order/{key}", said(CONTINUED)) for _ in range(3)]
        messages, asked = [], 100
        for nth in range(REPORTS):
            messages.append(await product.tell(key, "exception", CARRIER, reason=f"trouble {nth}"))
            if nth % (REPORTS // COMMANDS) == 0:
                asked = 101 + nth
                lines = (LineAmendment(line=1, quantity=asked),)
                messages.append(await product.ask(key, "amend", AmendRequest(id=f"a{nth}", reason="more", lines=lines)))
                await until(lambda: len(product.systems.told(key)) > nth // 50)  # noqa: B023 - so that tasks are many
        await product.at_rest()
        states = await product.rows("SELECT state, count(*) AS n FROM inbox_message GROUP BY 1")
        assert {it["state"]: it["n"] for it in states} == {"applied": len(messages) + 2}
        assert all(it.hit.is_set() for it in lost)
        [line] = await product.rows("SELECT ordered FROM order_line_view WHERE order_key = %s", key)
        assert line["ordered"] == asked > 100
        assert product.systems.twice() == {}, "nobody is asked twice"
        [begun] = [it async for it in product.workflow(f"order/{key}").fetch_history_events() if it.event_id == 1]
        assert begun.workflow_execution_started_event_attributes.continued_execution_run_id, "it was continued"
        revisions = [effect.revision for _, effect in product.systems.calls if effect.topic.change == "amended"]
        assert all(before < after for before, after in pairwise(revisions))
