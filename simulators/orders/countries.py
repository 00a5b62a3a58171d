"""Countries and regions: names as people write them become ISO 3166-1 alpha-2 codes, and codes become sales regions."""

import re
from functools import lru_cache

import pycountry

_SPELLINGS = {
    "burma": "MM",
    "cape verde": "CV",
    "congo, drc": "CD",
    "congo, republic of": "CG",
    "ivory coast": "CI",
    "palestine": "PS",
    "south korea": "KR",
    "swaziland": "SZ",
    "turkey": "TR",
}
"""Spellings that ISO does not list. Côte d'Ivoire needs no entry: ISO has it."""

_PLACES = {
    "access": "US",
    "africa": "ZA",
    "alere": "JP",
    "aranda": "ES",
    "basel": "CH",
    "biolytical": "CA",
    "chembio": "US",
    "crawley": "GB",
    "human": "DE",
    "korea": "KR",
    "madrid": "ES",
    "nashik": "IN",
    "orasure": "US",
    "orgenics": "IL",
    "pally": "IN",
    "premier": "IN",
    "rad": "FR",
    "ranbaxy": "IN",
    "rico": "PR",
    "sa": "ZA",
    "trinity": "IE",
    "uk": "GB",
    "usa": "US",
    "wadhwan": "IN",
    "wiesbaden": "DE",
}
"""Words of manufacturing sites that tell their country although they do not name it."""

_REGIONS = {
    "AFR": "DZ AO BJ BW BF BI CV CM CF TD KM CG CD CI DJ EG GQ ER SZ ET GA GM GH GN GW KE LS LR LY MG MW ML MR MU YT "
    "MA MZ NA NE NG RE RW SH ST SN SC SL SO ZA SS SD TZ TG TN UG EH ZM ZW",
    "AMER": "AG AI AR AW BB BL BM BO BQ BR BS BZ CA CL CO CR CU CW DM DO EC FK GD GF GL GP GT GY HN HT JM KN KY LC MF "
    "MQ MS MX NI PA PE PM PR PY SR SV SX TC TT US UY VC VE VG VI",
    "APAC": "AF AS AU BD BN BT CC CK CN CX FJ FM GU HK ID IN IO JP KH KI KP KR LA LK MH MM MN MO MP MV MY NC NF NP NR "
    "NU NZ PF PG PH PK PN PW SB SG TH TK TL TO TV TW UM VN VU WF WS",
}
_REGION_OF = {code: region for region, codes in _REGIONS.items() for code in codes.split()}


@lru_cache(maxsize=512)
def alpha2(name: str) -> str:
    """The ISO 3166-1 alpha-2 code of a country name. Raises LookupError when nobody calls a country so."""
    spelled = _SPELLINGS.get(name.casefold())
    return spelled or str(pycountry.countries.lookup(name).alpha_2)


def region_of(code: str) -> str:
    """AFR, AMER or APAC after the UN M49 areas (Africa, the Americas, Asia and Oceania); all else is EMEA."""
    return _REGION_OF.get(code, "EMEA")


@lru_cache(maxsize=512)
def country_in(text: str) -> str | None:
    """The country that a site's text names, such as `Cipla, Goa, India`: the last one, or None."""
    for word in reversed(re.findall(r"[^\W\d_]+", text)):
        code = _PLACES.get(word.casefold()) or _named(word)
        if code:
            return code
    return None


def _named(word: str) -> str | None:
    try:
        if len(word) == 2:  # noqa: PLR2004 - the length of an alpha-2 code; lower case pairs are just words
            return word if pycountry.countries.get(alpha_2=word) and word.isupper() else None
        return alpha2(word) if len(word) > 3 else None  # noqa: PLR2004 - three letters are abbreviations of companies
    except LookupError:
        return None
