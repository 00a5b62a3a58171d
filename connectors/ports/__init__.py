"""Ports of connected systems: a protocol for each part of a system, and the ways in which a call fails."""

from connectors.ports.call import MAX_LIST_LAG_S, Call, OnceKind, OnceRule
from connectors.ports.erp import BulkErpPort, ErpPort
from connectors.ports.errors import ConnectorError, Refused, Unavailable, UnknownOutcome
from connectors.ports.master_data import MasterDataPort
from connectors.ports.planning import PlanningPort, ProposingPort, ReplanPort
from connectors.ports.purchasing import PurchasingPort
from connectors.ports.stock import StockPort
from connectors.ports.tms import TmsPort
from connectors.ports.wms import TransferPort, WmsPort

__all__ = [
    "MAX_LIST_LAG_S",
    "BulkErpPort",
    "Call",
    "ConnectorError",
    "ErpPort",
    "MasterDataPort",
    "OnceKind",
    "OnceRule",
    "PlanningPort",
    "ProposingPort",
    "PurchasingPort",
    "Refused",
    "ReplanPort",
    "StockPort",
    "TmsPort",
    "TransferPort",
    "Unavailable",
    "UnknownOutcome",
    "WmsPort",
]
