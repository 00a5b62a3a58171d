"""A tree of source that is about to get files and lines: all of them, or none."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Template

from scaffold.names import NotGenerated

TEMPLATES = Path(__file__).parent / "templates"
SUFFIX = ".txt"
"""Ends the name of each template, so that nothing takes one for source."""
DECLARED = re.compile(r"^class (\w+)|@(?:activity|workflow)\.defn\(name=\"([\w.]+)\"", re.MULTILINE)
SOURCES = ("activities", "connectors", "schemas", "workflows")
"""Rooms whose classes, and names in Temporal, may be taken."""


class Tree:
    """Plans changes, and writes them at the end. Every method but `write` leaves the files alone, and raises
    NotGenerated when its change does not fit."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._planned: dict[str, str] = {}

    def render(self, kind: str, values: dict[str, str]) -> None:
        """Add the files of a kind: paths and texts of its templates, with the values in their places."""
        taken = dict(self._declared())
        for template in sorted((TEMPLATES / kind).rglob(f"*{SUFFIX}")):
            path = str(template.relative_to(TEMPLATES / kind)).removesuffix(SUFFIX)
            for place in ("name", "subject"):
                path = path.replace(f"_{place}_", values.get(place, ""))
            text = Template(template.read_text()).substitute(values)
            if (self._root / path).exists():
                raise NotGenerated(f"{path} exists already: give another name")
            for said in DECLARED.findall(text):
                if file := taken.get(said[0] or said[1]):
                    raise NotGenerated(f"{said[0] or said[1]} exists already, in {file}: give another name")
            self._planned[path] = text

    def package(self, folder: str, docstring: str) -> None:
        """See that a folder is a package."""
        if not (self._root / folder / "__init__.py").exists():
            self._planned[f"{folder}/__init__.py"] = f'"""{docstring}"""\n'

    def importing(self, path: str, line: str) -> None:
        """Add an import to a file; the order is the formatter's matter."""
        self._change(path, r"^(?=import |from )", f"{line}\n")

    def register(self, path: str, generator: str, line: str) -> None:
        """Add a line to the list that a generator may write into: above the comment that says so."""
        self._change(path, rf"^(?= *# .*`make {generator}` writes above)", f"    {line}\n")

    def replace(self, path: str, pattern: str, by: str) -> None:
        """Put a text in the place of the only one that looks so."""
        self._change(path, pattern, by)

    def append(self, path: str, text: str) -> None:
        """Add a text to the end of a file."""
        self._planned[path] = self._text(path).rstrip("\n") + f"\n\n\n{text}"

    def row(self, path: str, heading: str, row: str) -> None:
        """Add a row to the end of the table with this heading."""
        self._change(path, rf"(?<={re.escape(heading)}\n)((?:\|.*\n)*)", rf"\1{row}\n")

    def write(self) -> list[str]:
        """Write everything, in the project's style. Gives the paths."""
        for path, text in self._planned.items():
            (self._root / path).parent.mkdir(parents=True, exist_ok=True)
            (self._root / path).write_text(text)
        sources = [path for path in self._planned if path.endswith(".py")]
        self.run("ruff", "check", "--quiet", "--select", "I", "--fix", *sources)
        self.run("ruff", "format", "--quiet", *sources)
        return sorted(self._planned)

    def run(self, module: str, *words: str) -> None:
        """Run a module of Python in the tree. Raises CalledProcessError."""
        subprocess.run([sys.executable, "-m", module, *words], cwd=self._root, check=True)  # noqa: S603

    def _declared(self) -> Iterator[tuple[str, str]]:
        for room in SOURCES:
            for file in sorted((self._root / room).rglob("*.py")):
                for names in DECLARED.findall(file.read_text()):
                    yield names[0] or names[1], str(file.relative_to(self._root))

    def _text(self, path: str) -> str:
        return self._planned.get(path) or (self._root / path).read_text()

    def _change(self, path: str, pattern: str, by: str) -> None:
        changed, many = re.subn(pattern, by, self._text(path), count=1, flags=re.MULTILINE)
        if not many:
            raise NotGenerated(f"{path} has no place for it any more: nothing there looks like {pattern}")
        self._planned[path] = changed
