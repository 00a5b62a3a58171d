"""Ids of the workflows that have a head: they name what a workflow is about."""

from enum import StrEnum
from typing import NamedTuple, Self

from schemas.ids import CaseKey, Subject, SubjectKind


class WorkflowKind(StrEnum):
    """The prefix of a workflow id."""

    ORDER = "order"
    PURCHASE_ORDER = "inbound"
    RETURN = "return"
    CASE = "case"
    REPLENISHMENT = "replenishment"


class WorkflowId(NamedTuple):
    """`order/<erp>/<number>`, `inbound/<erp>/<number>`, `return/<erp>/<number>/<rma>`, `case/<case>` or
    `replenishment/<id>`. `name` is all behind the kind."""

    kind: WorkflowKind
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        kind, _, name = text.partition("/")
        if not name or kind not in list(WorkflowKind):
            raise ValueError(f"{text!r} is no workflow of an order, purchase order, return, case or replenishment")
        return cls(WorkflowKind(kind), name)

    @classmethod
    def of(cls, subject: Subject) -> Self:
        """The workflow of an order, purchase order or replenishment. Raises ValueError for books: they have none."""
        match subject.kind:
            case SubjectKind.ORDER:
                return cls(WorkflowKind.ORDER, str(subject))
            case SubjectKind.PURCHASE_ORDER:
                return cls(WorkflowKind.PURCHASE_ORDER, f"{subject.owner}/{subject.number}")
            case SubjectKind.REPLENISHMENT:
                return cls(WorkflowKind.REPLENISHMENT, subject.number)
        raise ValueError(f"{str(subject)!r} has no workflow")

    @classmethod
    def of_return(cls, order: str, rma: str) -> Self:
        """The workflow of a return of an order."""
        return cls(WorkflowKind.RETURN, f"{order}/{rma}")

    @classmethod
    def of_case(cls, case: str) -> Self:
        """The workflow of a case."""
        return cls(WorkflowKind.CASE, case)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def subject(self) -> Subject:
        """The subject: of a return its order, of a case the subject of the case. Raises ValueError for a replenishment,
        whose id says no ERP."""
        match self.kind, self.name.split("/"):
            case WorkflowKind.ORDER, _:
                return Subject.parse(self.name)
            case WorkflowKind.PURCHASE_ORDER, [erp, number] if erp and number:
                return Subject(SubjectKind.PURCHASE_ORDER, erp, number)
            case WorkflowKind.RETURN, [erp, number, rma] if rma:
                return Subject.parse(f"{erp}/{number}")
            case WorkflowKind.CASE, _:
                return CaseKey.parse(self.name).subject
        raise ValueError(f"{str(self)!r} does not say what it is about")

    @property
    def rma(self) -> str:
        """The return authorisation. Raises ValueError when it is no return."""
        match self.kind, self.name.split("/"):
            case WorkflowKind.RETURN, [_, _, rma] if rma:
                return rma
        raise ValueError(f"{str(self)!r} is no return")


def workflow_of(key: str) -> str:
    """The id of the workflow of an order, purchase order or replenishment, by its key. Raises ValueError."""
    return str(WorkflowId.of(Subject.parse(key)))
