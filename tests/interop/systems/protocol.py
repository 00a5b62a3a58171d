"""What `make interop` asks of each real system."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

FOLDER = Path(os.environ.get("SYNCLINE_INTEROP_DIR", "") or ".syncline/interop").resolve()
"""Where systems are kept between runs: installing one takes minutes."""
STOP_S = 10.0
"""A system that has not ended by then is killed: its data is made anew for each run."""


@dataclass(frozen=True)
class StartedSystem:
    """A system that listens. `secrets`: to log in with; they are in no file and in no fixture. `ids`: of what was set
    up in it, for tests."""

    url: str
    version: str
    secrets: Mapping[str, str] = field(repr=False)
    ids: Mapping[str, Any] = field(default_factory=dict)


class RealSystem(Protocol):
    """A system that is installed, started and stopped by itself."""

    name: str

    def install(self) -> None:
        """Install it where it is not yet, and say so line by line."""

    def start(self) -> StartedSystem:
        """Start it with data of its own, and return when it answers."""

    def stop(self) -> None:
        """End it, and only it."""


def progress(name: str, said: str) -> None:
    """A line for whoever waits."""
    sys.__stderr__ and print(f"[{name}] {said}", file=sys.__stderr__, flush=True)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def venv_with(folder: Path, requirements: list[str], name: str) -> Path:
    """A virtual environment with these packages from PyPI, made once; returns its programs' folder."""
    programs, done = folder / "venv" / "bin", folder / "installed.txt"
    wanted = "\n".join(requirements)
    if done.is_file() and done.read_text() == wanted:
        return programs
    began = time.monotonic()
    progress(name, f"installing {len(requirements)} packages from PyPI")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder / "venv"], check=True)
    subprocess.run([programs / "python", "-m", "pip", "install", "--quiet", *requirements], check=True)
    done.write_text(wanted)
    progress(name, f"installed in {time.monotonic() - began:.0f} s")
    return programs


def ended(process: "subprocess.Popen[bytes]") -> None:
    """End a process that we have started."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
