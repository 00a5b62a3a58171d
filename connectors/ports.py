"""Ports of connected systems, and the errors of their calls.

Every method takes `call`, and a message or batch whose schema gives each field its meaning and unit. Packs are whole,
money has its currency, moments are UTC. A repeat under the same `call.key` has no second effect and the same answer.
Reading methods change nothing and need no key.


ConnectorError          origin, whether to retry
├── Refused             the system understood and said no: a business rule; a retry cannot help
└── Unavailable         no answer, a fault, or a request to slow down: retry, after `retry_after_s` when given
"""

from dataclasses import dataclass
from typing import Protocol

from schemas.base import Origin, printable
from schemas.finance.erp_feed import ErpForecastBatch, ErpFreightBatch, ErpStockBatch
from schemas.finance.reconciliation import AccountsReport, DemandReport, EffectsReport, OrdersReport, TargetsReport
from schemas.inventory.supply import StockReport
from schemas.messaging.instructions import (
    Accepted,
    ErpCancellation,
    ErpChange,
    ErpMilestone,
    ErpPromise,
    Interception,
    PlanningAnswer,
    PlanningBatch,
    ReturnCollection,
    ReturnNotice,
    Tender,
    TenderAmendment,
    TenderHold,
    TenderVoid,
    WarehouseAmendment,
    WarehouseCancellation,
    WarehouseHold,
    WarehouseInstruction,
)
from schemas.partners.master_data import MasterKind, MasterRecord
from schemas.planning.demand import PlanningSignals
from schemas.planning.governor import PlanDecision
from schemas.procurement.postings import (
    ConfirmationReport,
    DecisionReport,
    InvoiceSettlement,
    IssuePosting,
    ReceiptPosting,
    TransferInstruction,
)
from schemas.procurement.replenishment import ReplenishmentRequest, ReplenishmentResult

MAX_MESSAGE = 300
"""Characters of an error's message: as many as the ledger keeps."""


@dataclass(frozen=True)
class Call:
    """The frame of every call.

    `target`: id of the system, site or region. `key`: the idempotency key, the same at every attempt. `traceparent`:
    W3C trace context, empty for none. `timeout_s`: seconds for the whole call, answer included.
    """

    target: str
    key: str
    traceparent: str = ""
    timeout_s: float = 5.0


class ConnectorError(Exception):
    """A call to a connected system failed. Whatever the system said, the message can be written and printed."""

    def __init__(self, origin: Origin, message: str) -> None:
        super().__init__(printable(message, MAX_MESSAGE))
        self.origin = origin


class Refused(ConnectorError):
    """The system refused by a rule of its own. The same call will be refused again."""


class Unavailable(ConnectorError):
    """The system could not answer, or asked to wait: `retry_after_s` seconds, None when it names no time."""

    def __init__(self, origin: Origin, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(origin, message)
        self.retry_after_s = retry_after_s


class ErpPort(Protocol):
    """An ERP. Every method raises Refused or Unavailable, and counts once by `call.key`."""

    async def report_milestone(self, message: ErpMilestone, call: Call) -> Accepted:
        """Report a milestone of a shipment: order status, goods issue, receipt; packs by line."""

    async def redate_promise(self, message: ErpPromise, call: Call) -> Accepted:
        """Move the promised day of the order, in the days of its customer."""

    async def report_change(self, message: ErpChange, call: Call) -> Accepted:
        """Report another change for the ERP's books; its targets are absolute packs, with a revision."""

    async def confirm_cancellation(self, message: ErpCancellation, call: Call) -> Accepted:
        """Confirm that the order was cancelled in every system."""


class PurchasingPort(Protocol):
    """An ERP's purchasing. Every method raises Refused or Unavailable, and counts once by `call.key`."""

    async def report_confirmation(self, message: ConfirmationReport, call: Call) -> Accepted:
        """Report the supplier's confirmation, with its differences in packs, days and prices."""

    async def post_receipt(self, message: ReceiptPosting, call: Call) -> Accepted:
        """Post a goods receipt: packs received and damaged, by line."""

    async def settle_invoice(self, message: InvoiceSettlement, call: Call) -> Accepted:
        """Release an invoice for payment, hold or reject it; amounts in its currency."""

    async def report_decision(self, message: DecisionReport, call: Call) -> Accepted:
        """Report the decision on a difference, which the ERP passes on to the supplier."""

    async def post_issue(self, message: IssuePosting, call: Call) -> Accepted:
        """Post the goods issue of a transfer at its sending site."""

    async def replenish(self, message: ReplenishmentRequest, call: Call) -> Accepted:
        """Validate a replenishment and order it. The answer's `reference` is the purchase order's number."""


class WmsPort(Protocol):
    """A warehouse. Every method raises Refused or Unavailable, and counts once by `call.key`."""

    async def instruct(self, message: WarehouseInstruction, call: Call) -> Accepted:
        """Pick, pack and hand over these packs."""

    async def amend(self, message: WarehouseAmendment, call: Call) -> Accepted:
        """Set the packs, day or address of an instruction. Packs are absolute; the higher revision wins."""

    async def hold(self, message: WarehouseHold, call: Call) -> Accepted:
        """Stop work on an order, or resume it."""

    async def cancel(self, message: WarehouseCancellation, call: Call) -> Accepted:
        """Stop work on an order, and put away picked packs."""

    async def expect_return(self, message: ReturnNotice, call: Call) -> Accepted:
        """Announce a return, to be received and inspected."""


class TransferPort(Protocol):
    """A warehouse that sends goods to another site. Raises Refused or Unavailable; counts once by `call.key`."""

    async def transfer(self, message: TransferInstruction, call: Call) -> Accepted:
        """Pick and send a transfer, or cancel the packs that were not sent."""


class TmsPort(Protocol):
    """A transport desk. Every method raises Refused or Unavailable, and counts once by `call.key`."""

    async def tender(self, message: Tender, call: Call) -> Accepted:
        """Offer a transport. The answer names the carrier, unless one has still to be found."""

    async def amend(self, message: TenderAmendment, call: Call) -> Accepted:
        """Set the packs, day, address or speed of a tender. Packs are absolute; the higher revision wins."""

    async def hold(self, message: TenderHold, call: Call) -> Accepted:
        """Stop the pick-up, or resume it."""

    async def void(self, message: TenderVoid, call: Call) -> Accepted:
        """Withdraw the tender."""

    async def intercept(self, message: Interception, call: Call) -> Accepted:
        """Stop a shipment in transit and return it."""

    async def collect_return(self, message: ReturnCollection, call: Call) -> Accepted:
        """Collect a return at the customer."""


class StockPort(Protocol):
    """The books of a system, for reconciliation. Reads only. Every method raises Refused or Unavailable.

    `after`: the key behind which the page begins, in code point order, empty for the first. `limit`: entries of a page.
    `since` (RFC 3339): entries that changed since then, each whole; empty for all. Only systems with `as_of` get it.
    """

    async def stock(self, after: str, limit: int, call: Call) -> StockReport:
        """A page of packs by item and place; `after` is `<item> <place>`."""

    async def orders(self, after: str, limit: int, call: Call, since: str = "") -> OrdersReport | None:
        """A page of order states; `after` is a number. None: the system offers no such list."""

    async def targets(self, after: str, limit: int, call: Call, since: str = "") -> TargetsReport | None:
        """A page of the latest targets of orders in packs; `after` is a number. None: no such list."""

    async def effects(self, after: str, limit: int, call: Call, since: str = "") -> EffectsReport | None:
        """A page of executed effects; `after` is an idempotency key. None: no such list."""

    async def accounts(self, after: str, limit: int, call: Call, since: str = "") -> AccountsReport | None:
        """A page of order accounts, in money; `after` is `<order> <account> <currency>`. None: no such list."""

    async def demand(self, after: str, limit: int, call: Call) -> DemandReport | None:
        """A page of open demand in packs; `after` is `<item> <site>`. None: no such list."""


class ProposingPort(Protocol):
    """A planning system that proposes replenishments. Raises Refused or Unavailable; counts once by `call.key`."""

    async def answer(self, message: ReplenishmentResult, call: Call) -> Accepted:
        """Report the outcome of a proposal: ordered under a number, or refused with the reason."""


class ReplanPort(Protocol):
    """A planning system that takes planners' decisions and demand signals. Raises Refused or Unavailable."""

    async def decided(self, message: PlanDecision, call: Call) -> Accepted:
        """Report that a planner accepted, rejected or overrode a re-plan; counts once by `call.key`."""

    async def signal(self, batch: PlanningSignals, call: Call) -> PlanningAnswer:
        """Send changed demand signals in packs; each row counts once by its own key. The answer names refused rows."""


class BulkErpPort(Protocol):
    """An ERP that takes bulk messages. Each row counts once by its own key.

    Raises Refused, and then nothing of the batch may be taken, or Unavailable.
    """

    async def move_stock(self, message: ErpStockBatch, call: Call) -> Accepted:
        """Post stock movements beside orders, in packs."""

    async def forecast(self, message: ErpForecastBatch, call: Call) -> Accepted:
        """Replace changed forecasts, in packs by period."""

    async def post_freight(self, message: ErpFreightBatch, call: Call) -> Accepted:
        """Post freight that was accrued, reversed or settled, in its currency."""


class MasterDataPort(Protocol):
    """An ERP that answers for master data. Reads only. Raises Refused or Unavailable."""

    async def look_up(self, kind: MasterKind, id: str, call: Call) -> MasterRecord | None:
        """The record of an item, site or customer; None: the ERP knows none with this id."""


class PlanningPort(Protocol):
    """A planning system. Raises Refused or Unavailable."""

    async def send(self, batch: PlanningBatch, call: Call) -> PlanningAnswer:
        """Send movements and open demand in packs. Each row counts once by its key; of demand, the highest revision.

        The answer names the rows that planning refused.
        """
