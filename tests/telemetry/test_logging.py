"""Logs of our processes can be read by machines, line by line, and by people on a terminal; both say the same."""

import json
import os
import re
import subprocess
import sys

import pytest

SPEAK = """
import logging, structlog, sys
from telemetry import logging as ours
ours.configure("info", sys.argv[1])
structlog.get_logger("ours").info("worker.ready", port=1, order="erp-one/SO-1")
structlog.get_logger("ours").debug("not said")
logging.getLogger("theirs").info("not said")
try:
    secret = "hidden" + "-key"
    raise ValueError("because")
except ValueError:
    logging.getLogger("theirs").warning("it failed %d times\\nin two lines", 2, exc_info=True)
"""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("form", ["json", "auto"])
def test_every_line_is_an_object_whoever_wrote_it(form: str) -> None:
    said = subprocess.run([sys.executable, "-c", SPEAK, form], capture_output=True, text=True, check=True)
    [ours] = [json.loads(line) for line in said.stdout.splitlines()]
    [theirs] = [json.loads(line) for line in said.stderr.splitlines()]
    assert (ours["event"], ours["level"], ours["port"]) == ("worker.ready", "info", 1)
    assert (theirs["event"], theirs["level"]) == ("it failed 2 times\nin two lines", "warning")
    assert theirs["logger"] == "theirs"
    assert "ValueError: because" in theirs["exception"]
    assert ours["timestamp"] < theirs["timestamp"]


def test_a_terminal_reads_the_same_fields_as_text() -> None:
    ours, theirs = os.openpty()
    said = subprocess.run([sys.executable, "-c", SPEAK, "auto"], stdout=theirs, stderr=subprocess.PIPE, check=True)
    os.close(theirs)
    line = COLOUR.sub("", os.read(ours, 4096).decode())
    os.close(ours)
    assert "{" not in line
    for part in ("[info", "worker.ready", "port=1", "order=erp-one/SO-1"):
        assert part in line
    assert "ValueError: because" in said.stderr.decode()
    assert "hidden-key" not in said.stderr.decode()


def test_text_may_be_asked_for_without_a_terminal() -> None:
    said = subprocess.run([sys.executable, "-c", SPEAK, "text"], capture_output=True, text=True, check=True)
    assert "worker.ready" in said.stdout
    assert COLOUR.search(said.stdout) is None
    assert "order=erp-one/SO-1" in said.stdout
