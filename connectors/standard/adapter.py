"""The standard connector in the catalogue: any system that speaks the Syncline REST API."""

from connectors.adapters import Adapter
from connectors.http.client import SystemClient
from connectors.ports import (
    BulkErpPort,
    ErpPort,
    MasterDataPort,
    OnceKind,
    PlanningPort,
    ProposingPort,
    PurchasingPort,
    ReplanPort,
    StockPort,
    TmsPort,
    TransferPort,
    WmsPort,
)
from connectors.standard.bulk import StandardBulkErp
from connectors.standard.clients import StandardErp, StandardPlanning, StandardTms, StandardWms
from connectors.standard.master import StandardMasterData
from connectors.standard.purchasing import StandardProposing, StandardPurchasing, StandardTransfers
from connectors.standard.replanning import StandardReplanning
from connectors.standard.stock import StandardStock
from schemas.base import System

STANDARD = Adapter(
    name="standard",
    title="Syncline REST API",
    systems=frozenset(System),
    ports={
        ErpPort: lambda it: StandardErp(it.client),
        PurchasingPort: lambda it: StandardPurchasing(it.client),
        BulkErpPort: lambda it: StandardBulkErp(it.client),
        MasterDataPort: lambda it: StandardMasterData(it.client),
        WmsPort: lambda it: StandardWms(it.client),
        TransferPort: lambda it: StandardTransfers(it.client),
        TmsPort: lambda it: StandardTms(it.client),
        PlanningPort: lambda it: StandardPlanning(it.client),
        ProposingPort: lambda it: StandardProposing(it.client),
        ReplanPort: lambda it: StandardReplanning(it.client),
        StockPort: lambda it: StandardStock(it.client),
        # one port a line: `make step` writes above this one
    },
    once=OnceKind.KEY,
    client=SystemClient,
    documents=("order", "purchase order", "tender", "stock", "master data", "planning rows"),
    tested=("Syncline REST API v1",),
    conformant=True,
    probe="/v1/stock?limit=1",
)
