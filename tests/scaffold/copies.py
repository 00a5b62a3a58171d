"""A copy of the tree, to generate files in it and run what they bring."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEFT = (".venv", ".git", "__pycache__", ".pytest_cache", ".hypothesis", ".syncline", "build", "dist")
"""What the copy does without. The caches of mypy and ruff go along: they save a minute."""
BIN = Path(sys.executable).parent


def copied(to: Path) -> Path:
    """Copy the tree, with this environment behind its `.venv`."""
    tree = shutil.copytree(ROOT, to / "tree", ignore=shutil.ignore_patterns(*LEFT))
    (tree / ".venv").symlink_to(BIN.parent, target_is_directory=True)
    return tree


def run(tree: Path, *words: str, code: int = 0) -> str:
    """Run a command in a tree as somebody at a terminal would. Gives what it said."""
    if words[0] == "make":  # the environment is there: it is not for a copy to install it anew
        words = ("make", "--old-file", ".venv/.installed", *words[1:])
    # What `make test` says to the makes that it begins is not meant for a copy.
    others = ("PYTEST_", "COV_", "MAKE", "MFLAGS")
    alone = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    done = subprocess.run(words, cwd=tree, env=alone, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def python(tree: Path, *words: str, code: int = 0) -> str:
    """Run a module of Python in a tree."""
    return run(tree, str(BIN / "python"), "-m", *words, code=code)
