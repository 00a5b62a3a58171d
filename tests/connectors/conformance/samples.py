"""One message for each call that changes something, with what is easily spoilt: scripts, decimals, offsets."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from connectors.ports import (
    BulkErpPort,
    ErpPort,
    PlanningPort,
    ProposingPort,
    PurchasingPort,
    ReplanPort,
    TmsPort,
    TransferPort,
    WmsPort,
)
from schemas.base import System
from schemas.cases.exceptions import Action
from schemas.finance.erp_feed import (
    ErpForecast,
    ErpForecastBatch,
    ErpFreightBatch,
    ErpFreightPosting,
    ErpStockBatch,
    ErpStockMovement,
    FreightEvent,
)
from schemas.messaging.effects import ChangeKind, LineTarget
from schemas.messaging.instructions import (
    ErpCancellation,
    ErpChange,
    ErpMilestone,
    ErpPromise,
    Interception,
    PlanningBatch,
    PlanningRow,
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
from schemas.orders.milestones import MilestoneKind, ShippedLine
from schemas.orders.release import OrderLine, OrderStatus, Party
from schemas.planning.demand import PlanningSignal, PlanningSignals, SignalKind
from schemas.planning.forecast import PeriodLength
from schemas.planning.governor import PlanDecision, PlanVerdict
from schemas.procurement.documents import Match
from schemas.procurement.postings import (
    ConfirmationReport,
    DecisionReport,
    InvoiceSettlement,
    IssuePosting,
    PostedLine,
    ReceiptPosting,
    SettlementDecision,
    TransferInstruction,
    TransferLine,
)
from schemas.procurement.replenishment import ReplenishmentRequest, ReplenishmentResult, ReplenishmentState, SourcedBy

TEXT = "Größe „東京“ Ω 🚚 אבג"
"""Umlauts, quotes, wide and astral characters, and a script from right to left."""
AMOUNT = Decimal("123456789012345.0001")
"""More digits than a binary fraction keeps beside four decimals."""
LATE = datetime(2026, 5, 4, 23, 30, tzinfo=timezone(timedelta(hours=-7)))
"""The next day in UTC."""
DAY = date(2026, 6, 1)
LINES = (ShippedLine(line=1, quantity=2),)
PARTY = Party(id="C-1", name=TEXT, country="JP", address=TEXT)


@dataclass(frozen=True)
class Sample:
    """A call that changes something. `says`: texts that its record must hold; `at`: the moment that it must name."""

    system: System
    port: type
    method: str
    message: Any
    says: tuple[str, ...] = ()
    at: datetime | None = None
    target: str = field(default="LYS")

    @property
    def name(self) -> str:
        """`<port>.<method>`, as an adapter's `without` has it."""
        return f"{self.port.__name__}.{self.method}"


def _erp() -> tuple[Sample, ...]:
    milestone = ErpMilestone(
        order="SO-1",
        milestone=MilestoneKind.PICKED,
        order_status=OrderStatus.PICKED,
        shipment="DN-1",
        occurred_at=LATE,
        lines=LINES,
    )
    change = ErpChange(order="SO-1", revision=3, change=ChangeKind.HELD, reason=TEXT)
    return (
        Sample(System.ERP, ErpPort, "report_milestone", milestone, at=LATE),
        Sample(
            System.ERP, ErpPort, "reschedule_promise", ErpPromise(order="SO-1", promised_on=DAY, reason=TEXT), (TEXT,)
        ),
        Sample(System.ERP, ErpPort, "report_change", change, (TEXT,)),
        Sample(System.ERP, ErpPort, "confirm_cancellation", ErpCancellation(order="SO-1", reason=TEXT), (TEXT,)),
    )


def _bulk() -> tuple[Sample, ...]:
    moved = ErpStockMovement(key="k", kind="count", site="LYS", item="A", on_hand=-3, occurred_at=LATE, reason=TEXT)
    forecast = ErpForecast(
        key="k", item="A", site="LYS", bucket=PeriodLength.WEEK, period=DAY, packs=5, version="1", made_at=LATE
    )
    freight = ErpFreightPosting(
        key="k",
        event=FreightEvent.ACCRUAL,
        order="SO-1",
        shipment="DN-1",
        currency="EUR",
        freight_expense=AMOUNT,
        freight_accrued=-AMOUNT,
        posted_at=LATE,
    )
    return (
        Sample(System.ERP, BulkErpPort, "move_stock", ErpStockBatch(rows=(moved,)), (TEXT, "-3"), LATE),
        Sample(System.ERP, BulkErpPort, "forecast", ErpForecastBatch(rows=(forecast,)), at=LATE),
        Sample(System.ERP, BulkErpPort, "post_freight", ErpFreightBatch(rows=(freight,)), (f"{AMOUNT}",), LATE),
    )


def _purchasing() -> tuple[Sample, ...]:
    line = TransferLine(line=1, item="A", packs=2)
    receipt = ReceiptPosting(
        po="PO-1",
        number="G-1",
        revision=1,
        site="LYS",
        received_at=LATE,
        lines=(PostedLine(line=1, item="A", packs=2),),
    )
    invoice = InvoiceSettlement(
        po="PO-1",
        number="I-1",
        revision=1,
        decision=SettlementDecision.RELEASED,
        match=Match.THREE_WAY,
        currency="EUR",
        amount=AMOUNT,
        reasons=(TEXT,),
    )
    issue = IssuePosting(po="PO-1", shipment="S-1", revision=1, site="LYS", shipped_at=LATE, lines=(line,))
    wanted = ReplenishmentRequest(
        id="R-1",
        kind=SourcedBy.PURCHASE,
        item="A",
        site="LYS",
        region="EMEA",
        supplier="acme",
        packs=40,
        wanted_on=DAY,
    )
    transfer = TransferInstruction(po="PO-1", version=1, site="LYS", to_site="PAR", lines=(line,), wanted_on=DAY)
    return (
        Sample(System.ERP, PurchasingPort, "report_confirmation", ConfirmationReport(po="PO-1", revision=1)),
        Sample(System.ERP, PurchasingPort, "post_receipt", receipt, at=LATE),
        Sample(System.ERP, PurchasingPort, "settle_invoice", invoice, (f"{AMOUNT}", TEXT)),
        Sample(
            System.ERP, PurchasingPort, "report_decision", DecisionReport(po="PO-1", id="d-1", action=Action.ASK_AGAIN)
        ),
        Sample(System.ERP, PurchasingPort, "post_issue", issue, at=LATE),
        Sample(System.ERP, PurchasingPort, "replenish", wanted),
        Sample(System.WMS, TransferPort, "transfer", transfer),
    )


def _wms() -> tuple[Sample, ...]:
    instruction = WarehouseInstruction(
        order="SO-1",
        site="LYS",
        revision=1,
        lines=(OrderLine(line=1, item="A", quantity=2),),
        ship_to=PARTY,
        priority=3,
        promised_on=DAY,
    )
    amendment = WarehouseAmendment(
        order="SO-1", site="LYS", revision=2, lines=(LineTarget(line=1, item="A", quantity=3),), reason=TEXT
    )
    hold = WarehouseHold(order="SO-1", revision=3, on=True, reason=TEXT)
    cancellation = WarehouseCancellation(order="SO-1", revision=4, reason=TEXT)
    notice = ReturnNotice(order="SO-1", rma="RMA-1", lines=LINES, reason=TEXT)
    return (
        Sample(System.WMS, WmsPort, "instruct", instruction, (TEXT,)),
        Sample(System.WMS, WmsPort, "amend", amendment, (TEXT,)),
        Sample(System.WMS, WmsPort, "hold", hold, (TEXT,)),
        Sample(System.WMS, WmsPort, "cancel", cancellation, (TEXT,)),
        Sample(System.WMS, WmsPort, "expect_return", notice, (TEXT,)),
    )


def _tms() -> tuple[Sample, ...]:
    tender = Tender(order="SO-1", ship_from=PARTY, ship_to=PARTY, packs=42, promised_on=DAY)
    collection = ReturnCollection(order="SO-1", rma="RMA-1", ship_from=PARTY, site="LYS", packs=2)
    interception = Interception(order="SO-1", shipment="DN-1", reason=TEXT)
    return (
        Sample(System.TMS, TmsPort, "tender", tender, (TEXT,)),
        Sample(System.TMS, TmsPort, "amend", TenderAmendment(order="SO-1", packs=40, reason=TEXT), (TEXT,)),
        Sample(System.TMS, TmsPort, "hold", TenderHold(order="SO-1", on=True, reason=TEXT), (TEXT,)),
        Sample(System.TMS, TmsPort, "void", TenderVoid(order="SO-1", revision=2, reason=TEXT), (TEXT,)),
        Sample(System.TMS, TmsPort, "intercept", interception, (TEXT,)),
        Sample(System.TMS, TmsPort, "collect_return", collection, (TEXT,)),
    )


def _planning() -> tuple[Sample, ...]:
    row = PlanningRow(key="k", item="A", site="LYS", day=DAY, kind="stock:on_hand", packs=-3)
    result = ReplenishmentResult(id="R-1", state=ReplenishmentState.REFUSED, kind=SourcedBy.PURCHASE, reason=TEXT)
    decision = PlanDecision(
        proposal="P-1",
        item="A",
        site="LYS",
        region="EMEA",
        verdict=PlanVerdict.REJECTED,
        causes=(),
        reason=TEXT,
        decided_by="ann",
        decided_at=LATE.astimezone(UTC),
    )
    signal = PlanningSignal(
        key="k",
        source="crm",
        kind=next(iter(SignalKind)),
        customer=TEXT,
        item="A",
        site="LYS",
        day=DAY,
        packs=3,
        revision=1,
    )
    return (
        Sample(System.PLANNING, PlanningPort, "send", PlanningBatch(rows=(row,)), ("-3",)),
        Sample(System.PLANNING, ProposingPort, "answer", result, (TEXT,)),
        Sample(System.PLANNING, ReplanPort, "decided", decision, (TEXT,), LATE),
        Sample(System.PLANNING, ReplanPort, "signal", PlanningSignals(region="EMEA", rows=(signal,)), (TEXT,)),
    )


SAMPLES = (
    *(*_erp(), *_bulk(), *_purchasing(), *_wms(), *_tms(), *_planning()),
    # one sample a line: `make step` writes above this one
)
"""One for each method that changes something, of every port."""
