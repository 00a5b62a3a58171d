"""The page of a replenishment in the Temporal UI: half a page of markdown."""

from schemas.procurement.replenishment import ReplenishmentRecord


def details(record: ReplenishmentRecord) -> str:
    """The proposal on half a page of markdown: what is proposed, where it is, which hop failed and why."""
    proposal = record.proposal
    lines = [
        f"**{record.state}** {record.number} · {proposal.kind} of {proposal.quantity} {proposal.unit} {proposal.item} "
        f"for {proposal.site} by {proposal.wanted_on}",
        "",
        f"- hop: {record.hop}",
        f"- planning knows: {'yes' if record.answered else 'not yet'}",
    ]
    if record.origin:
        lines.append(f"- failure: **{record.origin}**: {record.reason}")
    entries = (f"{x.at:%Y-%m-%d %H:%M} {x.hop} {x.origin or 'went well'} {x.reason}".rstrip() for x in record.trail)
    return "\n".join([*lines, "", *(f"1. {entry}" for entry in entries)])
