"""Identifiers with a standard behind them, checked to the last digit.

GTIN, GLN and SSCC follow the GS1 General Specifications (modulo-10 check digit, section 7.9). UN/LOCODE follows UNECE
Recommendation 16; countries are ISO 3166-1 alpha-2. Incoterms are ICC Incoterms 2020, with DDU (Incoterms 2000) because
long-running agreements still name it.
"""

from base64 import b64encode
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated

import pycountry
from biip import ParseError
from biip.gln import Gln as _Gln
from biip.gtin import Gtin as _Gtin
from biip.sscc import Sscc as _Sscc
from pydantic import AfterValidator, StringConstraints


def short_id(name: str) -> str:
    """An input's name in twelve characters: an order that hears for years hands its names to each new run."""
    return b64encode(blake2b(name.encode(), digest_size=9).digest()).decode()


def _checked(parse: Callable[[str], object], name: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        try:
            parse(value)
        except ParseError as error:
            raise ValueError(f"is not a valid {name}: wrong length or check digit") from error
        return value

    return check


@lru_cache(maxsize=512)
def _country(code: str) -> str:
    if pycountry.countries.get(alpha_2=code) is None:
        raise ValueError("is not an ISO 3166-1 alpha-2 country code")
    return code


def _locode(value: str) -> str:
    _country(value[:2])
    return value


Gtin = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{8}([0-9]{4,6})?$"), AfterValidator(_checked(_Gtin.parse, "GTIN"))
]
"""Global Trade Item Number: 8, 12, 13 or 14 digits."""
Gln = Annotated[str, StringConstraints(pattern=r"^[0-9]{13}$"), AfterValidator(_checked(_Gln.parse, "GLN"))]
"""Global Location Number: 13 digits."""
Sscc = Annotated[str, StringConstraints(pattern=r"^[0-9]{18}$"), AfterValidator(_checked(_Sscc.parse, "SSCC"))]
"""Serial Shipping Container Code: 18 digits."""
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), AfterValidator(_country)]
UnLocode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[A-Z2-9]{3}$"), AfterValidator(_locode)]
"""UN/LOCODE: country and three letters or digits 2-9, for example `NLRTM`."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class Incoterm(StrEnum):
    """The party that bears cost and risk, and until which place (ICC Incoterms 2020; DDU from 2000)."""

    EXW = "EXW"
    FCA = "FCA"
    CPT = "CPT"
    CIP = "CIP"
    DAP = "DAP"
    DPU = "DPU"
    DDP = "DDP"
    FAS = "FAS"
    FOB = "FOB"
    CFR = "CFR"
    CIF = "CIF"
    DDU = "DDU"


class TransportMode(StrEnum):
    """Mode of the main carriage."""

    AIR = "air"
    AIR_CHARTER = "air_charter"
    OCEAN = "ocean"
    ROAD = "road"
    RAIL = "rail"
