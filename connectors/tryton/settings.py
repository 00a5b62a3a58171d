"""What a connection to Tryton says beside address and login."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from schemas.base import SiteId, Text


def _pairs(said: object) -> object:
    """`LYS=WH, PAR=P2`, as the registry of partners has it, or a mapping."""
    if not isinstance(said, str):
        return said
    return {name.strip(): code.strip() for name, _, code in (it.partition("=") for it in said.split(",") if it.strip())}


class TrytonSettings(BaseModel):
    """`company`: id of the company whose books are meant. `warehouses`: code of a site's warehouse in Tryton, where it
    is not the site's own id. `parties`: code of a party there, where it is not the order's own id for it.

    `short_stock`: an instruction that Tryton cannot reserve in full is refused, so that people see it. Or it is
    accepted, as Tryton's own planning will find the stock. `sales_by`: the field of a sale that has our order number.
    `shipment_number_in`: the field of a sale's shipment that takes our shipment's number; `shipping_reference` needs
    the module stock_package_shipping.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    company: Annotated[int, Field(ge=1)] = 1
    warehouses: Annotated[dict[SiteId, Text], BeforeValidator(_pairs)] = {}
    parties: Annotated[dict[Text, Text], BeforeValidator(_pairs)] = {}
    short_stock: Literal["refuse", "accept"] = "refuse"
    sales_by: Literal["number", "reference"] = "number"
    shipment_number_in: Literal["reference", "shipping_reference"] = "reference"

    def warehouse(self, site: str) -> str:
        """The code of a site's warehouse."""
        return self.warehouses.get(site, site)

    def party(self, id: str) -> str:
        """The code of a party."""
        return self.parties.get(id, id)
