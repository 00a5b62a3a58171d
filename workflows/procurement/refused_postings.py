"""What the ERP refused of a purchase order for good: people look at it, and may have it tried again."""

from collections.abc import Iterable

from domain.procurement.purchase_run import RefusedPosting
from schemas.cases.cases import Finding
from schemas.cases.exceptions import ExceptionKind
from schemas.procurement.purchase_effects import PurchaseEffect
from workflows.runtime.answers import SystemAnswer
from workflows.runtime.failures import index_failure


class RefusedPostings:
    """Refused effects by key. `new`: one was refused since the last step, so no snapshot holds it."""

    def __init__(self, known: Iterable[RefusedPosting]) -> None:
        self._by_key = {it.effect.key: it for it in known}
        self.new = bool(self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    def add(self, answer: SystemAnswer) -> str:
        """Keep and index a refusal; says what was refused."""
        effect = answer.effect
        summary = answer.refusal
        finding = Finding(kind=ExceptionKind.REFUSED_EFFECT, subject=effect.key, summary=summary)
        self._by_key[effect.key] = RefusedPosting(effect=effect, finding=finding)
        self.new = True
        index_failure(answer.origin, f"{effect.system}.{effect.operation}")
        return summary

    def again(self) -> tuple[PurchaseEffect, ...]:
        """Every refused effect, to be tried again: none is refused any more."""
        effects = tuple(it.effect for it in self._by_key.values())
        self._by_key.clear()
        return effects

    def all(self) -> tuple[RefusedPosting, ...]:
        """What is refused now, for the next run."""
        return tuple(self._by_key.values())

    def findings(self) -> tuple[Finding, ...]:
        """What people are told of it."""
        return tuple(it.finding for it in self._by_key.values())
