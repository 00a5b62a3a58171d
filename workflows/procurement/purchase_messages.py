"""Messages of suppliers, carriers and people to a purchase order's workflow, each as a signal."""

from temporalio import workflow

from schemas.orders.milestones import MilestoneEvent
from schemas.procurement.purchase_orders import PurchaseDocument
from schemas.workflows.commands import ActionRequest, Command, Verb
from workflows.runtime.inputs import CommandInput, Input, Inputs


class PurchaseMessages:
    """It decides nothing: see `InboundWorkflow`."""

    _inputs: Inputs

    @workflow.signal
    def documents(self, documents: list[PurchaseDocument]) -> None:
        """The purchase order, and documents on it, in any order, any number of times."""
        self._inputs.add(*documents)

    @workflow.signal
    def milestones(self, events: list[MilestoneEvent]) -> None:
        """Reports of carriers on shipments that bring it."""
        self._inputs.add(*events)

    @workflow.signal
    def act(self, command: Command[ActionRequest]) -> None:
        """Carry out an action that a case offers; answered from the store when it is confirmed."""
        self._inputs.add(CommandInput(Verb.ACT, command))


def is_order(given: Input) -> bool:
    """The purchase order itself, without which nothing can be written."""
    return isinstance(given, PurchaseDocument) and given.order is not None
