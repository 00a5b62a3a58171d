"""Tryton's records that messages name in our words: warehouses, items, parties, shipments, and notes on them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.http.vendor import RULE_ORIGIN
from connectors.ports import Call, Refused
from connectors.tryton.client import Row, TrytonClient
from connectors.tryton.codes import ADDRESS, COMPANY, LOCATION, NOTE, PARTY, PRODUCT, SALE, SHIPMENT, TrytonState
from connectors.tryton.journal import JournalEntry, entry_of, pattern_of, text_of
from connectors.tryton.mapping import (
    SHIPMENT_FIELDS,
    KnownItem,
    Shipment,
    TrytonCustomer,
    Warehouse,
    address_values,
    shipment_of,
)
from connectors.tryton.settings import TrytonSettings
from schemas.orders.release import Party

ZONES = ("input_location", "storage_location", "output_location")


@dataclass(frozen=True)
class TrytonRecords:
    """Looks records up. Every method raises `Refused` for what Tryton does not have, beside what calls raise."""

    client: TrytonClient
    settings: TrytonSettings

    async def warehouse(self, site: str, call: Call) -> Warehouse:
        """A site's warehouse."""
        code = self.settings.warehouse(site)
        domain = [["type", "=", "warehouse"], ["code", "=", code]]
        rows = await self.client.find(LOCATION, domain, ZONES, call, limit=2)
        row = self._only(rows, f"warehouse {code}")
        return self.client.read(lambda it: Warehouse(it["id"], *(int(it[zone]) for zone in ZONES)), row)

    async def items(self, codes: Iterable[str], call: Call) -> dict[str, KnownItem]:
        """Products by their codes."""
        asked = sorted(set(codes))
        if not asked:
            return {}
        rows = await self.client.find(PRODUCT, [["code", "in", asked]], ("code", "default_uom"), call)
        known = {row.get("code"): row for row in rows}
        if unknown := [it for it in asked if it not in known]:
            raise self.refused(f"unknown item {', '.join(unknown[:5])}")
        return {
            it: self.client.read(lambda row: KnownItem(row["id"], int(row["default_uom"])), known[it]) for it in asked
        }

    async def currency(self, call: Call) -> int:
        """The company's own."""
        rows = await self.client.find(COMPANY, [["id", "=", self.settings.company]], ("currency",), call, limit=1)
        return self.client.read(lambda it: int(it["currency"]), self._only(rows, f"company {self.settings.company}"))

    async def customer(self, id: str, call: Call) -> TrytonCustomer:
        """A party."""
        code = self.settings.party(id)
        rows = await self.client.find(PARTY, [["code", "=", code]], ("customer_location",), call, limit=2)
        row = self._only(rows, f"party {code}")
        return self.client.read(lambda it: TrytonCustomer(it["id"], int(it["customer_location"])), row)

    async def address(self, ship_to: Party, customer: TrytonCustomer, call: Call) -> int:
        """The address of a party that goods go to: the one that reads like ours, which is created where there is
        none. Without an address of ours, the party's first for deliveries."""
        fields = ("party_name", "street", "delivery")
        rows = await self.client.find(ADDRESS, [["party", "=", customer.id]], fields, call)
        if not ship_to.address:
            rows.sort(key=lambda it: not it.get("delivery"))
            return self.client.read(lambda it: int(it["id"]), self._first(rows, f"address of party {ship_to.id}"))
        for row in rows:
            if (row.get("party_name") or "", row.get("street")) == (ship_to.name or "", ship_to.address):
                return int(row["id"])
        countries = await self.client.find("country.country", [["code", "=", ship_to.country]], (), call, limit=1)
        country = countries[0]["id"] if countries else None
        created = await self.client.create(ADDRESS, address_values(ship_to, customer.id, country), ("street",), call)
        return int(created["id"])

    async def created_shipment(self, order: str, at: Warehouse, call: Call) -> Shipment | None:
        """The shipment that we have created for an order."""
        domain = [["reference", "=", order], ["warehouse", "=", at.id]]
        rows = await self.client.find(SHIPMENT, domain, SHIPMENT_FIELDS, call, limit=1)
        return self.client.read(shipment_of, rows[0]) if rows else None

    async def sale(self, number: str, call: Call) -> Row:
        """The sale of an order."""
        fields = ("number", "state", "shipments")
        rows = await self.client.find(SALE, [[self.settings.sales_by, "=", number]], fields, call, limit=2)
        return self._only(rows, f"sale {number}")

    async def sale_shipments(self, sale: Row, call: Call, at: Warehouse | None = None) -> list[Shipment]:
        """A sale's shipments that were not cancelled, of a warehouse or of all."""
        domain: list[Any] = [["id", "in", sale.get("shipments") or []], ["state", "!=", TrytonState.CANCELLED]]
        if at is not None:
            domain.append(["warehouse", "=", at.id])
        rows = await self.client.find(SHIPMENT, domain, SHIPMENT_FIELDS, call)
        return [self.client.read(shipment_of, it) for it in rows]

    async def notes(self, order: str, resources: Sequence[str], call: Call) -> list[JournalEntry]:
        """What was told of an order, by notes on these resources."""
        domain = [["resource", "in", list(resources)], ["message", "like", pattern_of(order)]]
        rows = await self.client.find(NOTE, domain, ("message",), call)
        found = (entry_of(str(row.get("message"))) for row in rows)
        return [it for it in found if it and it.order == order]

    async def note(self, resource: str, entry: JournalEntry, reason: str, call: Call) -> None:
        """Write down what was told."""
        values = {"resource": resource, "message": text_of(entry, reason)}
        await self.client.create(NOTE, values, ("resource",), call)

    def refused(self, said: str) -> Refused:
        """A refusal by what Tryton has, or has not."""
        return Refused(RULE_ORIGIN[self.client.system], f"{self.client.system}: {said}")

    def _only(self, rows: list[Row], what: str) -> Row:
        if len(rows) > 1:
            raise self.refused(f"more than one {what}")
        return self._first(rows, what)

    def _first(self, rows: list[Row], what: str) -> Row:
        if not rows:
            raise self.refused(f"unknown {what}")
        return rows[0]
