"""What runs against real systems came to, and the page that says so."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tests.interop.systems.protocol import FOLDER

PAGE = Path("docs/interop.md")
HEAD = """# Runs against real systems

Written by `make interop`: it installs each system from its registry and starts it. It carries orders while answers are
lost and workers die, and then looks at each system's own records.

| system | version | what was run | figures | day |
|---|---|---|---|---|
"""


def note(system: str, version: str, run: str, figures: Mapping[str, int]) -> None:
    """Keep what a run came to."""
    file = FOLDER / f"{system}.figures.json"
    known = json.loads(file.read_text()) if file.is_file() else {}
    known[run] = {"version": version, "figures": dict(figures), "day": f"{datetime.now(UTC).date()}"}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(known))


def page() -> str:
    """The page, of all runs that are kept."""
    rows = []
    for file in sorted(FOLDER.glob("*.figures.json")):
        system = file.name.removesuffix(".figures.json").capitalize()
        for run, of in json.loads(file.read_text()).items():
            figures = ", ".join(f"{count} {what}" for what, count in of["figures"].items())
            rows.append(f"| {system} | {of['version']} | {run} | {figures} | {of['day']} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page())
