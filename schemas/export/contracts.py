"""Write the contracts for those who connect: JSON Schema 2020-12 for each message, OpenAPI 3.1 for what we call.

`python -m schemas.export.contracts` writes docs/contracts; with `--check` it only reports, by exit code 1, that they
are stale.
"""

import argparse
import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from schemas.cases.policies import PolicyRule
from schemas.export.standard_api import JSON_SCHEMA, standard
from schemas.finance.erp_feed import ErpForecastBatch, ErpFreightBatch, ErpStockBatch
from schemas.finance.reconciliation import AccountsReport, DemandReport, EffectsReport, OrdersReport, TargetsReport
from schemas.finance.self_audit import RepairAnswer, RepairRequest
from schemas.finance.valuation import Accounts, FreightInvoice, FreightSettled
from schemas.inventory.promising import AvailabilityList, PromiseAnswer, PromiseQuestion
from schemas.inventory.reports import SentBatch
from schemas.inventory.supply import StockReport
from schemas.messaging.envelope import Envelope
from schemas.messaging.instructions import (
    Accepted,
    ErpCancellation,
    ErpChange,
    ErpMilestone,
    ErpPromise,
    Interception,
    PlanningAnswer,
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
from schemas.orders.milestones import Milestone
from schemas.orders.release import CancelRequest, Promise, ReleaseAnswer, ReleaseRequest
from schemas.partners.master_data import Calendar, Carrier, Customer, Item, MasterChange, Site
from schemas.planning.demand import DemandBatch, DemandTaken, PlanningSignals
from schemas.planning.forecast import ForecastBatch
from schemas.planning.governor import PlanDecision
from schemas.procurement.postings import (
    ConfirmationReport,
    DecisionReport,
    InvoiceSettlement,
    IssuePosting,
    ReceiptPosting,
    TransferInstruction,
)
from schemas.procurement.purchase_orders import PurchaseAnswer
from schemas.procurement.replenishment import ReplenishmentProposal, ReplenishmentRequest, ReplenishmentResult
from schemas.procurement.sent_documents import SentAdvice, SentConfirmation, SentInvoice, SentOrder, SentReceipt
from schemas.workflows.commands import (
    ActionRequest,
    AmendRequest,
    CaseAnswer,
    CommandAnswer,
    HoldRequest,
    NoteRequest,
    ReplanDecision,
    ResumeRequest,
    ReturnAnswer,
    SentReturn,
)

DIRECTORY = Path(__file__).resolve().parents[2] / "docs" / "contracts"
STANDARD = "standard.openapi.json"


@dataclass(frozen=True)
class Published:
    """A contract that crosses a boundary. `owner` decides about its meaning; `at_door`: unknown fields are refused."""

    model: type[BaseModel]
    owner: str
    strict: bool = False

    @property
    def name(self) -> str:
        """The model's title in kebab case: `Envelope[Milestone]` is `envelope-milestone`."""
        words = re.sub(r"(?<=[a-z])(?=[A-Z])|\W+", "-", self.model.model_config.get("title") or self.model.__name__)
        return words.strip("-").lower()


CONTRACTS = (
    Published(ReleaseRequest, "erp", strict=True),
    Published(ReleaseAnswer, "orders"),
    Published(AmendRequest, "erp", strict=True),
    Published(CancelRequest, "erp", strict=True),
    Published(HoldRequest, "erp", strict=True),
    Published(ResumeRequest, "erp", strict=True),
    Published(SentReturn, "erp", strict=True),
    Published(ActionRequest, "orders", strict=True),
    Published(NoteRequest, "orders", strict=True),
    Published(RepairRequest, "orders", strict=True),
    Published(RepairAnswer, "orders"),
    Published(ReplanDecision, "planning", strict=True),
    Published(PolicyRule, "orders", strict=True),
    Published(FreightInvoice, "carrier", strict=True),
    Published(FreightSettled, "orders"),
    Published(Accounts, "orders"),
    Published(CommandAnswer, "orders"),
    Published(CaseAnswer, "orders"),
    Published(ReturnAnswer, "orders"),
    Published(Promise, "orders"),
    Published(PromiseQuestion, "orders", strict=True),
    Published(PromiseAnswer, "orders"),
    Published(AvailabilityList, "planning"),
    Published(Milestone, "carrier", strict=True),
    Published(Envelope[Milestone], "carrier", strict=True),
    Published(SentBatch, "wms", strict=True),
    Published(ForecastBatch, "planning", strict=True),
    Published(DemandBatch, "erp", strict=True),
    Published(DemandTaken, "erp"),
    Published(PlanningSignals, "erp"),
    Published(MasterChange, "erp", strict=True),
    *(Published(record, "erp") for record in (Item, Site, Customer, Carrier, Calendar)),
    Published(PlanningRow, "planning"),
    Published(PlanningBatch, "planning"),
    Published(PlanningAnswer, "planning"),
    Published(PlanDecision, "planning"),
    Published(ErpMilestone, "erp"),
    Published(ErpStockBatch, "wms"),
    Published(ErpForecastBatch, "planning"),
    Published(ErpFreightBatch, "tms"),
    Published(ErpPromise, "erp"),
    Published(ErpChange, "erp"),
    Published(ErpCancellation, "erp"),
    Published(WarehouseInstruction, "wms"),
    Published(WarehouseAmendment, "wms"),
    Published(WarehouseHold, "wms"),
    Published(WarehouseCancellation, "wms"),
    Published(ReturnNotice, "wms"),
    Published(Tender, "tms"),
    Published(TenderAmendment, "tms"),
    Published(TenderHold, "tms"),
    Published(TenderVoid, "tms"),
    Published(Interception, "tms"),
    Published(ReturnCollection, "tms"),
    Published(Accepted, "orders"),
    Published(StockReport, "wms"),
    Published(OrdersReport, "erp"),
    Published(TargetsReport, "orders"),
    Published(EffectsReport, "orders"),
    Published(AccountsReport, "erp"),
    Published(DemandReport, "planning"),
    Published(SentOrder, "erp", strict=True),
    Published(Envelope[SentOrder], "erp", strict=True),
    Published(Envelope[SentConfirmation], "supplier", strict=True),
    Published(Envelope[SentAdvice], "supplier", strict=True),
    Published(Envelope[SentReceipt], "wms", strict=True),
    Published(Envelope[SentInvoice], "supplier", strict=True),
    Published(ReplenishmentProposal, "planning", strict=True),
    Published(ConfirmationReport, "erp"),
    Published(ReceiptPosting, "erp"),
    Published(InvoiceSettlement, "erp"),
    Published(DecisionReport, "erp"),
    Published(IssuePosting, "erp"),
    Published(TransferInstruction, "wms"),
    Published(PurchaseAnswer, "orders"),
    Published(ReplenishmentRequest, "erp"),
    Published(ReplenishmentResult, "planning"),
    # one contract a line: `make step` writes above this one
)


def documents() -> dict[str, str]:
    """Every document by its file name."""
    schemas = {f"{contract.name}.v1.json": _schema(contract) for contract in CONTRACTS}
    return {name: _formatted(document) for name, document in {**schemas, STANDARD: standard()}.items()}


def stale(directory: Path) -> list[str]:
    """Names of files in a directory that are missing, out of date, or no longer of any contract."""
    wanted = documents()
    found = {path.name: path.read_text(encoding="utf-8") for path in directory.glob("*.json")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def write(directory: Path) -> None:
    """Bring a directory up to date."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = documents()
    for path in directory.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (directory / name).write_text(text, encoding="utf-8")


def _formatted(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _schema(contract: Published) -> dict[str, Any]:
    schema = contract.model.model_json_schema()
    if contract.strict:
        for part in (schema, *schema.get("$defs", {}).values()):
            if "properties" in part:
                part["additionalProperties"] = False
    head = {
        "$schema": JSON_SCHEMA,
        "$id": f"urn:syncline:contract:{contract.name}:v1",
        "title": schema.pop("title"),
        "description": inspect.getdoc(contract.model),  # a parametrised generic inherits it, but not in its schema
        "x-owner": contract.owner,
        "x-lifecycle": "active",
    }
    return head | schema


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m schemas.export.contracts", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when the files are stale")
    parser.add_argument("--directory", type=Path, default=DIRECTORY)
    options = parser.parse_args()
    if not options.check:
        write(options.directory)
    elif names := stale(options.directory):
        raise SystemExit(f"stale, run `python -m schemas.export.contracts`: {', '.join(names)}")


if __name__ == "__main__":
    main()
