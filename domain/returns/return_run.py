"""What a run of a return's workflow starts with."""

from domain.returns.returning import ReturnFile
from schemas.cases.cases import CaseStart, Finding
from schemas.messaging.effects import Effect
from schemas.workflows.returns import ReturnStart


class ReturnRun(ReturnStart):
    """A start, and what an earlier run hands over: the state; effects owed; what was refused; cases; names of what was
    heard. `run` counts the runs, over restarts."""

    run: int = 1
    state: ReturnFile | None = None
    seen: tuple[str, ...] = ()
    owed: tuple[Effect, ...] = ()
    refused: tuple[Finding, ...] = ()
    cases: tuple[CaseStart, ...] = ()
    history: tuple[str, ...] = ()

    @property
    def start(self) -> ReturnStart:
        """The start alone."""
        return ReturnStart(**{name: getattr(self, name) for name in ReturnStart.model_fields})
