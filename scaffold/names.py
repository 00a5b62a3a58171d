"""The name of what is generated, in the spellings that files, classes and addresses need."""

import keyword
import re
from dataclasses import dataclass

LONGEST = 24
"""Characters: what is generated keeps its lines within 120."""
FORM = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


class NotGenerated(Exception):
    """Nothing was written; says why."""


@dataclass(frozen=True)
class Name:
    """A name such as `cycle_count`. Raises NotGenerated for any other form."""

    text: str

    def __post_init__(self) -> None:
        if not FORM.fullmatch(self.text) or len(self.text) > LONGEST:
            raise NotGenerated(
                f"{self.text!r} is no name: give up to {LONGEST} lower-case letters, digits and _, as in cycle_count"
            )
        if keyword.iskeyword(self.text) or keyword.issoftkeyword(self.text):
            raise NotGenerated(f"{self.text!r} is a word of Python: give another name")

    @property
    def title(self) -> str:
        """`CycleCount`: for classes, and for the workflow's type."""
        return "".join(part.capitalize() for part in self.text.split("_"))

    @property
    def words(self) -> str:
        """`cycle count`: for people."""
        return self.text.replace("_", " ")

    @property
    def path(self) -> str:
        """`cycle-count`: for addresses."""
        return self.text.replace("_", "-")
