"""The checks of a scenario: what should be so, or should come to be so, as sentences."""

from collections.abc import Awaitable, Callable
from itertools import count
from typing import NamedTuple

from demo.stage import SceneFailed, Stage, wait


class SceneCheck(NamedTuple):
    """A claim, and whether it holds."""

    claim: str
    passed: bool


class Checks:
    """The checks of a scenario. A check that fails ends it with `SceneFailed`."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage = stage
        self.name = name
        self.checks: list[SceneCheck] = []
        self._numbers = count(1)

    def next_id(self) -> str:
        """An id that nothing else has."""
        return f"{self.name}-{next(self._numbers)}"

    def check(self, claim: str, passed: bool) -> None:
        """Something should be so now. Raises `SceneFailed` when it is not."""
        self.checks.append(SceneCheck(claim, passed))
        if not passed:
            raise SceneFailed(claim)

    async def until(self, claim: str, condition: Callable[[], Awaitable[bool]]) -> None:
        """Something should come to be so. Raises `SceneFailed` when it does not in time."""
        self.check(claim, await wait(condition))
