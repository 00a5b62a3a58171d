"""The postings of a purchase order: to its ERP, and to the warehouse that sends a transfer."""

from enum import StrEnum

from schemas.base import Contract, Day, Exact, Moment, OrderNumber, Packs
from schemas.cases.exceptions import Action
from schemas.orders.milestones import ItemId, LineNumber
from schemas.procurement.documents import Count, DocumentNumber, Match, Price, Revision
from schemas.procurement.rates import Rate
from schemas.standard_identifiers import Currency


class ConfirmationDifference(Contract):
    """A difference between confirmation and order: packs, the day, the price of `per` packs, or the item.

    Of another `item` instead, `confirmed` counts none.
    """

    line: LineNumber
    ordered: Count
    confirmed: Count
    due_on: Day
    confirmed_on: Day | None = None
    unit_price: Price | None = None
    per: Packs = 1
    item: ItemId | None = None

    @property
    def rate(self) -> Rate | None:
        """The price that was confirmed, where that is another."""
        return None if self.unit_price is None else Rate(self.unit_price, self.per)


class ConfirmationReport(Contract):
    """POST {erp}/v1/purchase-orders/{po}/confirmations: the supplier has confirmed; `differences` to the order."""

    po: OrderNumber
    revision: Revision
    differences: tuple[ConfirmationDifference, ...] = ()


class PostedLine(Contract):
    """Packs of a line that were received, and how many of them are damaged."""

    line: LineNumber
    item: ItemId
    packs: Count
    damaged: Count = 0


class ReceiptPosting(Contract):
    """POST {erp}/v1/purchase-orders/{po}/receipts: goods receipt. A higher `revision` replaces a lower one."""

    po: OrderNumber
    number: DocumentNumber
    revision: Revision
    site: str
    shipment: str = ""
    received_at: Moment
    lines: tuple[PostedLine, ...]


class TransferLine(Contract):
    """Packs of an item that are to leave a site for another."""

    line: LineNumber
    item: ItemId
    packs: Count


class TransferInstruction(Contract):
    """POST {wms}/v1/transfers/{po}: pick and send this to another site, in one shipment or several.

    It says all that is to be sent, sent packs among them: a higher `version` replaces a lower one.
    """

    po: OrderNumber
    version: int
    site: str
    to_site: str
    lines: tuple[TransferLine, ...] = ()
    wanted_on: Day


class IssuePosting(Contract):
    """POST {erp}/v1/purchase-orders/{po}/issues: goods issue, a transfer has left its site. A higher `revision` of a
    shipment replaces a lower one."""

    po: OrderNumber
    shipment: str
    revision: Revision
    site: str
    shipped_at: Moment
    lines: tuple[TransferLine, ...]


class AgreedLine(Contract):
    """The agreed terms of a line from now on: the packs that are wanted, the price of `per` packs."""

    line: LineNumber
    packs: Count | None = None
    unit_price: Price | None = None
    per: Packs = 1


class DecisionReport(Contract):
    """POST {erp}/v1/purchase-orders/{po}/decisions: what people, or a deadline, decided about a difference.

    The ERP passes it on to the supplier, whose partner it is. `about`: the lines, shipments or documents concerned.
    """

    po: OrderNumber
    id: str
    action: Action
    lines: tuple[AgreedLine, ...] = ()
    about: tuple[str, ...] = ()


class SettlementDecision(StrEnum):
    """The outcome of an invoice. A rejected one is never paid: the supplier corrects it, or bills anew."""

    HELD = "held"
    RELEASED = "released"
    REJECTED = "rejected"


class InvoiceSettlement(Contract):
    """POST {erp}/v1/purchase-orders/{po}/invoices: pay this invoice, or hold it, and why."""

    po: OrderNumber
    number: DocumentNumber
    revision: Revision
    decision: SettlementDecision
    match: Match
    currency: Currency
    amount: Exact
    reasons: tuple[str, ...] = ()
