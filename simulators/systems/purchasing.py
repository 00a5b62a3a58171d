"""Stand-in purchasing of every ERP: purchase orders, receipts, invoices; replenishments, with rules to switch on."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count

from pydantic import ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.base import Contract
from schemas.messaging.effects import Operation
from schemas.messaging.instructions import Accepted
from schemas.parsing import heard
from schemas.procurement.documents import PurchaseLine, PurchaseOrder
from schemas.procurement.postings import (
    ConfirmationReport,
    DecisionReport,
    InvoiceSettlement,
    IssuePosting,
    ReceiptPosting,
    SettlementDecision,
)
from schemas.procurement.replenishment import ReplenishmentRequest, ReplenishmentResult
from simulators.systems.call_handling import CallHandler, RuleRefusal, answer, problem
from simulators.systems.ledger import LedgerCall, deed
from simulators.world.plans import warehouse_of

PRICE = Decimal("9.50")
"""The stand-in ERP's price of a pack."""
Release = Callable[[str, PurchaseOrder], None]
"""The way an ERP sends a purchase order out: (its id, the order)."""


class PurchaseReport(Contract):
    """A purchase order as its ERP keeps it: what it was told, receipts and invoices by number."""

    number: str
    confirmations: tuple[ConfirmationReport, ...] = ()
    decisions: tuple[DecisionReport, ...] = ()
    issues: tuple[IssuePosting, ...] = ()
    receipts: tuple[ReceiptPosting, ...] = ()
    invoices: tuple[InvoiceSettlement, ...] = ()

    @property
    def received(self) -> int:
        """Packs received, damaged ones among them."""
        return sum(line.packs for receipt in self.receipts for line in receipt.lines)

    @property
    def payable(self) -> Decimal:
        """The sum of what was released."""
        freed = (x.amount for x in self.invoices if x.decision is SettlementDecision.RELEASED)
        return sum(freed, Decimal())


class ItemRules(Contract):
    """An ERP's rules for replenishments of an item. Absent rules are not checked."""

    model_config = ConfigDict(extra="forbid")

    unknown: bool = False
    suppliers: tuple[str, ...] | None = None
    minimum_packs: int = 1
    budget_packs: int | None = None
    closed_on: tuple[date, ...] = ()

    def check(self, request: ReplenishmentRequest) -> None:
        """Raises `RuleRefusal` for the first rule that the request breaks."""
        broken = {
            "item_unknown": self.unknown,
            "supplier_unknown": self.suppliers is not None
            and (request.supplier or request.from_site) not in self.suppliers,
            "below_minimum": request.packs < self.minimum_packs,
            "calendar_closed": request.wanted_on in self.closed_on,
            "budget_exceeded": self.budget_packs is not None and request.packs > self.budget_packs,
        }
        for code, broke in broken.items():
            if broke:
                raise RuleRefusal(code, f"{request.item}: {code.replace('_', ' ')}")


class Purchasing:
    """The purchasing books of every ERP, and its rules by item."""

    def __init__(self, handler: CallHandler, release: Release) -> None:
        self.handler = handler
        self._release = release
        self._books: dict[tuple[str, str], PurchaseReport] = {}
        self._rules: dict[str, ItemRules] = {}
        self._numbers = count(4_500_001)

    def routes(self) -> list[Route]:
        """The Syncline REST API under `/erp`."""
        purchase = "/{instance}/v1/purchase-orders/{po}"
        return [
            self.handler.takes(f"{purchase}/confirmations", ConfirmationReport, self._confirm),
            self.handler.takes(f"{purchase}/receipts", ReceiptPosting, self._receive),
            self.handler.takes(f"{purchase}/decisions", DecisionReport, self._decide),
            self.handler.takes(f"{purchase}/issues", IssuePosting, self._issue),
            self.handler.takes(f"{purchase}/invoices", InvoiceSettlement, self._settle),
            self.handler.takes("/{instance}/v1/replenishments", ReplenishmentRequest, self._replenish),
            self.handler.shows(purchase, lambda path: self._books.get((path["instance"], path["po"]))),
            Route("/rules/{item}", self._put_rules, methods=["PUT"]),
        ]

    def receipts(self, instance: str) -> list[ReceiptPosting]:
        """Every goods receipt that was posted to one ERP."""
        return [receipt for (erp, _), book in self._books.items() if erp == instance for receipt in book.receipts]

    def issues(self, instance: str) -> list[IssuePosting]:
        """Every goods issue of a transfer that was posted to one ERP."""
        return [issue for (erp, _), book in self._books.items() if erp == instance for issue in book.issues]

    def _book(self, instance: str, po: str) -> PurchaseReport:
        return self._books.get((instance, po)) or PurchaseReport(number=po)

    def _write(self, instance: str, po: str, **change: object) -> Accepted:
        self._books[instance, po] = self._book(instance, po).model_copy(update=change)
        return self.handler.accepted()

    def _confirm(self, call: LedgerCall, instance: str, body: ConfirmationReport) -> Accepted:
        what = deed(instance, Operation.REPORT_CONFIRMATION, body.po, occurrence=str(body.revision))
        known = self._book(instance, body.po).confirmations
        confirmations = (*known, body)
        return self.handler.ledger.once(call, what, lambda: self._write(instance, body.po, confirmations=confirmations))

    def _receive(self, call: LedgerCall, instance: str, body: ReceiptPosting) -> Accepted:
        what = deed(
            instance, Operation.POST_RECEIPT, body.po, body.shipment, occurrence=f"{body.number}/{body.revision}"
        )
        others = tuple(x for x in self._book(instance, body.po).receipts if x.number != body.number)
        return self.handler.ledger.once(call, what, lambda: self._write(instance, body.po, receipts=(*others, body)))

    def _decide(self, call: LedgerCall, instance: str, body: DecisionReport) -> Accepted:
        what = deed(instance, Operation.REPORT_DECISION, body.po, occurrence=body.id)
        known = self._book(instance, body.po).decisions
        return self.handler.ledger.once(call, what, lambda: self._write(instance, body.po, decisions=(*known, body)))

    def _issue(self, call: LedgerCall, instance: str, body: IssuePosting) -> Accepted:
        what = deed(
            instance, Operation.POST_ISSUE, body.po, body.shipment, occurrence=f"{body.shipment}/{body.revision}"
        )
        others = tuple(x for x in self._book(instance, body.po).issues if x.shipment != body.shipment)
        return self.handler.ledger.once(call, what, lambda: self._write(instance, body.po, issues=(*others, body)))

    def _settle(self, call: LedgerCall, instance: str, body: InvoiceSettlement) -> Accepted:
        def settle() -> Accepted:
            book = self._book(instance, body.po)
            known = next((x for x in book.invoices if x.number == body.number), None)
            if known and known.decision is SettlementDecision.RELEASED and known.revision == body.revision:
                raise RuleRefusal("already_released", f"invoice {body.number} was released: it is paid")
            others = tuple(x for x in book.invoices if x.number != body.number)
            return self._write(instance, body.po, invoices=(*others, body))

        occurrence = f"{body.number}/{body.revision}/{body.decision}"
        what = deed(instance, Operation.SETTLE_INVOICE, body.po, occurrence=occurrence)
        return self.handler.ledger.once(call, what, settle)

    def _replenish(self, call: LedgerCall, instance: str, body: ReplenishmentRequest) -> Accepted:
        def order() -> Accepted:
            self._rules.get(body.item, ItemRules()).check(body)
            number = str(next(self._numbers))
            self._release(instance, _purchase(number, body))
            return self.handler.accepted().model_copy(update={"reference": number})

        what = deed(instance, Operation.PLACE_REPLENISHMENT, body.id)
        return self.handler.ledger.once(call, what, order)

    async def _put_rules(self, request: Request) -> Response:
        try:
            rules = heard(ItemRules, await request.body())
        except ValidationError as error:
            return problem(422, "rules_invalid", str(error))
        self._rules[request.path_params["item"]] = rules
        return answer(rules)


def _purchase(number: str, body: ReplenishmentRequest) -> PurchaseOrder:
    line = PurchaseLine(line=1, item=body.item, packs=body.packs, unit_price=PRICE, due_on=body.wanted_on)
    return PurchaseOrder(
        number=number,
        supplier=warehouse_of(body.from_site) if body.from_site else body.supplier or "",
        from_site=body.from_site,
        site=body.site,
        region=body.region,
        currency="EUR",
        ordered_at=datetime.now(UTC),
        replenishment=body.id,
        lines=(line,),
    )


class Proposals:
    """Answers to planning's proposals."""

    def __init__(self, handler: CallHandler) -> None:
        self.handler = handler
        self._results: dict[str, ReplenishmentResult] = {}

    def routes(self) -> list[Route]:
        """The Syncline REST API under `/planning`."""
        return [
            self.handler.takes("/v1/replenishments/{id}/result", ReplenishmentResult, self._hear),
            self.handler.shows("/v1/replenishments/{id}", self._find),
        ]

    def _find(self, path: Mapping[str, str]) -> ReplenishmentResult | None:
        return self._results.get(path["id"])

    def _hear(self, call: LedgerCall, _: str, body: ReplenishmentResult) -> Accepted:
        def hear() -> Accepted:
            self._results[body.id] = body
            return self.handler.accepted()

        return self.handler.ledger.once(call, deed("", Operation.ANSWER_REPLENISHMENT, body.id), hear)
