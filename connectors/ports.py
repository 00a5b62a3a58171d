"""What Syncline asks of a connected system, and the ways in which that can fail.

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
    """What travels with every call: the target's id, the idempotency key, the trace, and how long to wait."""

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
    """The system refused by a rule of its own."""


class Unavailable(ConnectorError):
    """The system could not answer, or asked us to wait."""

    def __init__(self, origin: Origin, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(origin, message)
        self.retry_after_s = retry_after_s


class ErpPort(Protocol):
    """An ERP. Every method raises Refused or Unavailable."""

    async def report_milestone(self, message: ErpMilestone, call: Call) -> Accepted:
        """A milestone of a shipment: order status, goods issue, receipt."""

    async def redate_promise(self, message: ErpPromise, call: Call) -> Accepted:
        """The promise moved."""

    async def report_change(self, message: ErpChange, call: Call) -> Accepted:
        """Something else happened that the ERP's books must follow."""

    async def confirm_cancellation(self, message: ErpCancellation, call: Call) -> Accepted:
        """The order was cancelled everywhere."""


class PurchasingPort(Protocol):
    """An ERP's purchasing. Every method raises Refused or Unavailable."""

    async def report_confirmation(self, message: ConfirmationReport, call: Call) -> Accepted:
        """The supplier has confirmed, with these differences."""

    async def post_receipt(self, message: ReceiptPosting, call: Call) -> Accepted:
        """Goods were received."""

    async def settle_invoice(self, message: InvoiceSettlement, call: Call) -> Accepted:
        """Pay an invoice, or hold it."""

    async def report_decision(self, message: DecisionReport, call: Call) -> Accepted:
        """What was decided about a difference; the supplier hears it from the ERP."""

    async def post_issue(self, message: IssuePosting, call: Call) -> Accepted:
        """A transfer has left its site."""

    async def replenish(self, message: ReplenishmentRequest, call: Call) -> Accepted:
        """Validate, and order; the answer's reference is the order's number."""


class WmsPort(Protocol):
    """A warehouse. Every method raises Refused or Unavailable."""

    async def instruct(self, message: WarehouseInstruction, call: Call) -> Accepted:
        """Pick, pack and hand over."""

    async def amend(self, message: WarehouseAmendment, call: Call) -> Accepted:
        """Pick so much more or less, for another day or address."""

    async def hold(self, message: WarehouseHold, call: Call) -> Accepted:
        """Stop work, or go on with it."""

    async def cancel(self, message: WarehouseCancellation, call: Call) -> Accepted:
        """Stop, or put away."""

    async def expect_return(self, message: ReturnNotice, call: Call) -> Accepted:
        """Receive and inspect what comes back."""


class TransferPort(Protocol):
    """A warehouse that sends goods to another site. Raises Refused or Unavailable."""

    async def transfer(self, message: TransferInstruction, call: Call) -> Accepted:
        """Pick and send, or leave what was not sent."""


class TmsPort(Protocol):
    """A transport desk. Every method raises Refused or Unavailable."""

    async def tender(self, message: Tender, call: Call) -> Accepted:
        """Carry this; the answer names the carrier, unless one has still to be found."""

    async def amend(self, message: TenderAmendment, call: Call) -> Accepted:
        """Carry so much more or less, for another day or address, or faster."""

    async def hold(self, message: TenderHold, call: Call) -> Accepted:
        """Do not pick up, or do."""

    async def void(self, message: TenderVoid, call: Call) -> Accepted:
        """Take the tender back."""

    async def intercept(self, message: Interception, call: Call) -> Accepted:
        """Stop a shipment under way and bring it back."""

    async def collect_return(self, message: ReturnCollection, call: Call) -> Accepted:
        """Collect at the customer what comes back."""


class StockPort(Protocol):
    """A system's own books, for reconciliation. Every method raises Refused or Unavailable.

    `since` (RFC 3339): only entries that changed since then, each whole; empty: all. Asked of those that say `as_of`.
    """

    async def stock(self, after: str, limit: int, call: Call) -> StockReport:
        """A page of figures: at most `limit`, those behind `after` (`<item> <place>`, empty for the first)."""

    async def orders(self, after: str, limit: int, call: Call, since: str = "") -> OrdersReport | None:
        """A page of orders behind the number `after`; None: the system offers no such list."""

    async def targets(self, after: str, limit: int, call: Call, since: str = "") -> TargetsReport | None:
        """A page of what it was told last of orders, behind the number `after`; None: no such list."""

    async def effects(self, after: str, limit: int, call: Call, since: str = "") -> EffectsReport | None:
        """A page of effects behind the key `after`; None: the system offers no such list."""

    async def accounts(self, after: str, limit: int, call: Call, since: str = "") -> AccountsReport | None:
        """A page of what orders have in accounts behind `after` (`<order> <account> <currency>`); None: no list."""

    async def demand(self, after: str, limit: int, call: Call) -> DemandReport | None:
        """A page of open demand behind `after` (`<item> <site>`); None: the system offers no such list."""


class ProposingPort(Protocol):
    """Planning that proposes replenishments. Raises Refused or Unavailable."""

    async def answer(self, message: ReplenishmentResult, call: Call) -> Accepted:
        """What came of a proposal."""


class ReplanPort(Protocol):
    """Planning that plans by what planners decide and by demand signals. Every method raises Refused or Unavailable."""

    async def decided(self, message: PlanDecision, call: Call) -> Accepted:
        """A planner has accepted, rejected or overridden a re-plan; the key makes it count once."""

    async def signal(self, batch: PlanningSignals, call: Call) -> PlanningAnswer:
        """Demand signals that changed; each row's key counts once. The answer names those that planning refused."""


class BulkErpPort(Protocol):
    """What an ERP is told in bulk. Every method raises Refused (then nothing of the batch is taken) or Unavailable."""

    async def move_stock(self, message: ErpStockBatch, call: Call) -> Accepted:
        """Movements beside orders; each row's key counts once."""

    async def forecast(self, message: ErpForecastBatch, call: Call) -> Accepted:
        """Forecasts that changed; each row's key counts once."""

    async def post_freight(self, message: ErpFreightBatch, call: Call) -> Accepted:
        """Freight that was accrued, reversed or settled; each row's key counts once."""


class MasterDataPort(Protocol):
    """An ERP that answers for master data. Raises Refused or Unavailable."""

    async def look_up(self, kind: MasterKind, id: str, call: Call) -> MasterRecord | None:
        """A record; None: it knows none with this id."""


class PlanningPort(Protocol):
    """A planning system. Raises Refused or Unavailable."""

    async def send(self, batch: PlanningBatch, call: Call) -> PlanningAnswer:
        """Rows and open demand in bulk; each row's key counts once, of demand the highest revision. The answer names
        those that planning refused."""
