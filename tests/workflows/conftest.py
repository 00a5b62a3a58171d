"""Worlds for the tests of the order workflow: the usual one, one whose clock jumps, one that wants short histories."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.search_attributes import SEARCH_ATTRIBUTES
from stack.temporal import binary
from tests.faults.losing import losing
from tests.workflows.noted_case import NotedCase
from tests.workflows.world import World, world_on
from workflows.orders.order import OrderWorkflow
from workflows.orders.returns import ReturnWorkflow
from workflows.runtime.payloads import CONVERTER


def options(*dynamic_config: str) -> list[str]:
    """The dev server's command line: our search attributes, and dynamic configuration."""
    attributes = [word for name, kind in SEARCH_ATTRIBUTES.items() for word in ("--search-attribute", f"{name}={kind}")]
    return attributes + [word for value in dynamic_config for word in ("--dynamic-config-value", value)]


@asynccontextmanager
async def server(*dynamic_config: str) -> AsyncIterator[Client]:
    """A dev server of its own: what is started there is nobody else's to work off."""
    async with (
        await WorkflowEnvironment.start_local(
            dev_server_existing_path=str(binary()),
            dev_server_extra_args=options(*dynamic_config),
            dev_server_log_level="error",
            data_converter=CONVERTER,
        ) as environment,
        losing(environment.client) as client,
    ):
        yield client


@pytest_asyncio.fixture(scope="package")
async def world(temporal_client: Client) -> AsyncIterator[World]:
    """The order workflow and stand-in systems on the dev server."""
    async with world_on(temporal_client) as started:
        yield started


@pytest_asyncio.fixture(scope="package")
async def jumping() -> AsyncIterator[World]:
    """The same on a server whose clock jumps to the next timer whenever a workflow only waits."""
    async with (
        await WorkflowEnvironment.start_time_skipping_v2(
            dev_server_existing_path=str(binary()),
            dev_server_extra_args=options("frontend.WorkflowTimeSkippingEnabled=true"),
            dev_server_log_level="error",
            data_converter=CONVERTER,
        ) as environment,
        losing(environment.client) as client,
        world_on(client, OrderWorkflow, NotedCase, ReturnWorkflow) as started,
    ):
        yield started


@pytest_asyncio.fixture(scope="package")
async def restless() -> AsyncIterator[World]:
    """The same on a server that suggests to continue as new after a dozen events."""
    async with (
        server("limit.historyCount.suggestContinueAsNew=12") as client,
        world_on(client) as started,
    ):
        yield started
