"""What writes to the audit trail does not start without what seals it, and names the setting that is missing."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEY = {"SYNCLINE_AUDIT_KEY": "k" * 32}
NOWHERE = {"SYNCLINE_DATABASE__MAIN__URL": "postgresql://syncline@127.0.0.1:1/syncline"}


async def last_words(module: str, **said: str) -> str:
    """What a process says that ends at once."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("SYNCLINE_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module), cwd=ROOT, env={**own, **NOWHERE, **said}, stdout=DEVNULL, stderr=PIPE
    )
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    return errors.decode().splitlines()[-1]


async def test_the_setting_that_is_missing_is_named_at_the_start() -> None:
    in_a_file = f"{__file__}/anchors"
    gateway, worker, nowhere, profile, profiles = await asyncio.gather(
        last_words("gateway"),
        last_words("worker"),
        last_words("worker", **KEY, SYNCLINE_AUDIT_ANCHORS=in_a_file),
        last_words("gateway", **KEY, TEMPORAL_PROFILE="unheard-of"),
        last_words("worker", **KEY, TEMPORAL_PROFILE="unheard-of"),
    )
    assert "set SYNCLINE_AUDIT_KEY" in gateway
    assert "set SYNCLINE_AUDIT_KEY" in worker
    assert f"set SYNCLINE_AUDIT_ANCHORS to a directory for anchors, not {in_a_file}" in nowhere
    assert "TEMPORAL_ variables or profile" in profile
    assert "TEMPORAL_ variables or profile" in profiles
