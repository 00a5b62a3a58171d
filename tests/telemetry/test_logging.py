"""Logs of our processes can be read by machines, line by line."""

import json
import subprocess
import sys

SPEAK = """
import logging, structlog
from telemetry.logging import log_as_json
log_as_json("info")
structlog.get_logger("ours").info("worker.ready", port=1)
structlog.get_logger("ours").debug("not said")
logging.getLogger("theirs").info("not said")
try:
    raise ValueError("because")
except ValueError:
    logging.getLogger("theirs").warning("it failed %d times\\nin two lines", 2, exc_info=True)
"""


def test_every_line_is_an_object_whoever_wrote_it() -> None:
    said = subprocess.run([sys.executable, "-c", SPEAK], capture_output=True, text=True, check=True)
    [ours] = [json.loads(line) for line in said.stdout.splitlines()]
    [theirs] = [json.loads(line) for line in said.stderr.splitlines()]
    assert (ours["event"], ours["level"], ours["port"]) == ("worker.ready", "info", 1)
    assert (theirs["event"], theirs["level"]) == ("it failed 2 times\nin two lines", "warning")
    assert theirs["logger"] == "theirs"
    assert "ValueError: because" in theirs["exception"]
    assert ours["timestamp"] < theirs["timestamp"]
