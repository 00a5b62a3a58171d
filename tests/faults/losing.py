"""The setting under which tests lose workflow tasks: SYNCLINE_TASK_LOSS=0.15, with SYNCLINE_CHAOS_SEED as its seed.

Without it nothing stands between a test and Temporal.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import Random
from typing import Any

from temporalio.client import Client, Interceptor, OutboundInterceptor, QueryWorkflowInput
from temporalio.service import ConnectConfig, RPCError, RPCStatusCode, ServiceClient

from stack.layout import Detour
from tests.faults.temporal_proxy import TaskFaults, task_faults

LOSS = float(os.environ.get("SYNCLINE_TASK_LOSS", "") or 0)
"""The probability that a completed workflow task is lost."""
WITHOUT_CACHE = bool(os.environ.get("SYNCLINE_NO_CACHE"))
"""Whether workers keep no workflow in memory. A task that lasts is then begun anew at its next heartbeat."""
REPEATS = LOSS > 0 or WITHOUT_CACHE
"""Whether workflow tasks may be done again."""
SEED = int(os.environ.get("SYNCLINE_CHAOS_SEED", "") or Random().randrange(1_000_000))
ASK_AGAIN_S, ASKED = 0.1, 300
"""Seconds between two queries of a workflow whose task fails, and how many there are: as long as a test waits."""
ENOUGH = 100
"""Tasks after which it would be strange that none was lost: at 5 % it happens once in 170 runs, at 15 % never."""


def detour(rate: float = LOSS) -> Detour | None:
    """What a stack is told to put before Temporal."""

    def stand(listen: str, target: str) -> AbstractAsyncContextManager[TaskFaults]:
        return _standing(target, listen, rate)

    return stand if rate else None


@asynccontextmanager
async def losing(client: Client, rate: float = LOSS) -> AsyncIterator[Client]:
    """The same client, connected to its server through the proxy."""
    if not rate:
        yield client
        return
    async with _standing(address_of(client), "127.0.0.1:0", rate) as proxy:
        yield await through(client, proxy.address)


class AsksAgain(Interceptor):
    """The server answers no query of a workflow whose task has failed, until the task is done again."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """See `temporalio.client.Interceptor`."""
        return _Asking(next)


class _Asking(OutboundInterceptor):
    async def query_workflow(self, input: QueryWorkflowInput) -> Any:
        for _ in range(ASKED):
            try:
                return await super().query_workflow(input)
            except RPCError as error:
                if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                    raise
            await asyncio.sleep(ASK_AGAIN_S)
        return await super().query_workflow(input)


async def through(client: Client, address: str) -> Client:
    """The same client, connected by way of a proxy."""
    config = client.config(active_config=True)
    config["service_client"] = await ServiceClient.connect(ConnectConfig(target_host=address))
    config["interceptors"] = [*config["interceptors"], AsksAgain()]
    return Client(**config)


def address_of(client: Client) -> str:
    """Where a client is connected."""
    return client.service_client.config.target_host


@asynccontextmanager
async def _standing(target: str, listen: str, rate: float) -> AsyncIterator[TaskFaults]:
    again = f"SYNCLINE_TASK_LOSS={rate} SYNCLINE_CHAOS_SEED={SEED}"
    print(f"to repeat: {again}")
    async with task_faults(target, listen=listen, seed=SEED, rate=rate) as proxy:
        yield proxy
        lost = {str(fault): count for fault, count in proxy.lost.items()}
        print(f"lost {lost} of {proxy.completions} tasks; {again}")
        assert proxy.lost or proxy.completions < ENOUGH, f"nothing was lost; {again}"
