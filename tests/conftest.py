"""Servers for tests: PostgreSQL and Temporal, started once per run, each test with a database of its own."""

import asyncio
import gc
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import hypothesis
import pytest
import pytest_asyncio
from temporalio.client import Client

from stack.layout import INFRASTRUCTURE, LocalStack, StackOptions, local_stack
from store.migrate import upgrade
from tests.faults.losing import losing
from workflows.runtime.payloads import CONVERTER

TEMPLATE = "syncline_template"
LONGEST = ("integration", "chaos", "heart", "browser", "workflow", "promising", "cli", "scaffold")
"""Folders whose files take longest. They begin first, so that no core waits for one of them at the end."""
FULL_CHAOS_S = 7200
"""Time limit of a test of chaos with the full counts: thousands of orders, and a death every few seconds."""
MEMORY = Path("/dev/shm")
"""Files that are in memory, on Linux. A database of nine hundred files is copied and dropped there at a tenth of the
work that a disk makes of it, fifteen hundred times."""
ROOM_BYTES = 4 << 30
"""What a run may fill: six servers of 200 MB at a time, and as much again for what tests keep; three times that."""
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
"""Nothing is judged by the clock: on a busy machine an example of a millisecond now and then takes 300."""
_numbers = count(1)


def pytest_configure() -> None:
    """Prepare the process, and those that it starts."""
    _take_signals()
    _stay_in_memory()
    hypothesis.settings.load_profile("busy")


def _stay_in_memory() -> None:
    """Keep temporary files in memory, where there is room, unless whoever runs the tests has chosen a place."""
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def _take_signals() -> None:
    """Take Ctrl-C and SIGTERM as they are by default. Who starts tests in the background of a script has them ignored,
    every child inherits that, and a test that ends its child by a signal would wait for it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files for `--dist loadfile`; within a folder they stay as they are."""
    ranks = {folder: rank for rank, folder in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.parent.name, len(ranks)))
    if os.environ.get("SYNCLINE_CHAOS") == "full":
        for item in items:
            if item.get_closest_marker("chaos"):
                item.add_marker(pytest.mark.timeout(FULL_CHAOS_S))


def pytest_collection_finish() -> None:
    """Leave what lives as long as the run out of every collection, as the worker does: one in the thread of a workflow
    counts against the two seconds of its task."""
    gc.collect()
    gc.freeze()


@pytest_asyncio.fixture(scope="session")
async def local_services() -> AsyncIterator[LocalStack]:
    """PostgreSQL, which never waits for the disk, and Temporal, in a temporary directory."""
    async with local_stack(StackOptions(ephemeral=True, durable=False, only=INFRASTRUCTURE)) as stack:
        yield stack


@pytest_asyncio.fixture(scope="session")
async def _template(local_services: LocalStack) -> str:
    """Name of a migrated database that nobody is connected to."""
    url = await local_services.postgres.create_database(TEMPLATE)
    await asyncio.to_thread(upgrade, url)
    return TEMPLATE


@pytest_asyncio.fixture
async def database_url(local_services: LocalStack, _template: str) -> AsyncIterator[str]:
    """A fresh, migrated database, dropped after the test."""
    name = f"test_{next(_numbers)}"
    yield await local_services.postgres.create_database(name, _template)
    await local_services.postgres.drop_database(name)


@pytest_asyncio.fixture(scope="session")
async def temporal_client(local_services: LocalStack) -> AsyncIterator[Client]:
    """A client of the dev server, with the converter that the product uses."""
    async with losing(
        await Client.connect(local_services.settings.main_temporal.address, data_converter=CONVERTER)
    ) as client:
        yield client
