"""A proposal of planning on its way to the ERP: is it sensible, and how many packs is it."""

from typing import NamedTuple

from schemas.base import Origin, Unit
from schemas.procurement.replenishment import Hop, ReplenishmentProposal, ReplenishmentRequest, SourcedBy


class Failure(NamedTuple):
    """Which hop failed, whose failure it is, and why; without an origin, it goes well."""

    hop: Hop
    origin: Origin | None
    reason: str


def check(proposal: ReplenishmentProposal) -> Failure | None:
    """Errors of the proposal by itself."""
    needed, other = ("supplier", "from_site") if proposal.kind is SourcedBy.PURCHASE else ("from_site", "supplier")
    reason = ""
    if getattr(proposal, needed) is None:
        reason = f"{needed}: is required for a {proposal.kind}"
    elif getattr(proposal, other) is not None:
        reason = f"{other}: does not belong to a {proposal.kind}"
    elif proposal.from_site == proposal.site:
        reason = "from_site: goods cannot come from where they go"
    elif proposal.wanted_on < proposal.proposed_at.date():
        reason = "wanted_on: lies before the proposal"
    return Failure(Hop.PROPOSAL, Origin.PARTNER_MESSAGE, reason) if reason else None


def convert(proposal: ReplenishmentProposal) -> ReplenishmentRequest | Failure:
    """The proposal in packs, in which ERPs order; a fraction of a pack is never rounded."""
    packs, rest = divmod(proposal.quantity, proposal.units_per_pack or 1)
    reason = ""
    if proposal.unit is not Unit.PACK and proposal.units_per_pack is None:
        reason = f"units_per_pack: {proposal.unit} cannot be converted into packs without it"
    elif proposal.unit is Unit.PACK and proposal.units_per_pack is not None:
        reason = "units_per_pack: does not belong to packs"
    elif rest:
        reason = f"quantity: {proposal.quantity} is not a whole number of packs of {proposal.units_per_pack}"
    if reason:
        return Failure(Hop.TRANSFORMATION, Origin.TRANSFORMATION, reason)
    common = ("id", "kind", "item", "site", "region", "supplier", "from_site", "wanted_on")
    return ReplenishmentRequest(packs=packs, **{name: getattr(proposal, name) for name in common})
