"""Replenishment: planning proposes, the ERP validates, a purchase or transfer order results, or a reason why not."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from schemas.base import Contract, Day, LocalMoment, LongText, Moment, Origin, Packs, Region, SiteId, SystemId, Unit
from schemas.ids import replenishment_key
from schemas.messaging.effects import Effect, EffectPayload, EffectTopic, Operation
from schemas.orders.milestones import ItemId
from schemas.workflow_ids import workflow_of

ProposalId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]


class SourcedBy(StrEnum):
    """Where the goods come from: a supplier, or another site."""

    PURCHASE = "purchase"
    TRANSFER = "transfer"


class ReplenishmentProposal(Contract):
    """What planning proposes: so much of an item at a site by a day.

    `quantity` is in `unit`; for units other than packs `units_per_pack` says how they become packs. A purchase names
    its `supplier`, a transfer the site that it comes `from_site`.
    """

    id: ProposalId
    erp: SystemId
    kind: SourcedBy
    item: ItemId
    site: SiteId
    region: Region
    supplier: SystemId | None = None
    from_site: SiteId | None = None
    quantity: Packs
    unit: Unit = Unit.PACK
    units_per_pack: Packs | None = None
    wanted_on: Day
    proposed_at: LocalMoment
    reason: LongText = ""


class ReplenishmentRequest(Contract):
    """POST {erp}/v1/replenishments: order this, or refuse it by a rule. The answer's `reference` is the order's number.

    An ERP that makes a purchase order of it releases that with the proposal's `id` as `replenishment`.
    """

    id: ProposalId
    kind: SourcedBy
    item: ItemId
    site: SiteId
    region: Region
    supplier: SystemId | None = None
    from_site: SiteId | None = None
    packs: Packs
    wanted_on: Day


class Hop(StrEnum):
    """The way of a proposal."""

    PROPOSAL = "proposal"
    TRANSFORMATION = "transformation"
    ERP = "erp"
    PLANNING = "planning"


class ReplenishmentState(StrEnum):
    """What has become of a proposal. `answered`: planning knows of the order, or of the refusal."""

    PROPOSED = "proposed"
    ORDERED = "ordered"
    REFUSED = "refused"


class ReplenishmentResult(Contract):
    """POST {planning}/v1/replenishments/{id}/result: the order that was made, or which hop failed and why."""

    id: ProposalId
    state: ReplenishmentState
    kind: SourcedBy
    number: str = ""
    hop: Hop | None = None
    origin: Origin | None = None
    reason: str = ""


class ReplenishmentStart(Contract):
    """Start of a replenishment's workflow."""

    proposal: ReplenishmentProposal
    by: str
    inbox_id: int
    accepted_at: Moment
    traceparent: str = ""

    @property
    def key(self) -> str:
        """`<erp>/replenishment:<id>`: names it wherever an order's key may stand."""
        return replenishment_key(self.proposal.erp, self.proposal.id)

    @property
    def workflow_id(self) -> str:
        """`replenishment/<id>`."""
        return workflow_of(self.key)


class PlaceReplenishment(EffectPayload):
    """A replenishment is to be validated and ordered."""

    operation: Literal[Operation.PLACE_REPLENISHMENT] = Operation.PLACE_REPLENISHMENT
    message: ReplenishmentRequest

    @property
    def topic(self) -> EffectTopic:
        """The site that is supplied."""
        return EffectTopic(site=self.message.site)


class AnswerReplenishment(EffectPayload):
    """The planning of a region hears what came of its proposal for a site."""

    operation: Literal[Operation.ANSWER_REPLENISHMENT] = Operation.ANSWER_REPLENISHMENT
    region: str
    site: str
    message: ReplenishmentResult


ReplenishmentPayload = Annotated[PlaceReplenishment | AnswerReplenishment, Field(discriminator="operation")]


class ReplenishmentEffect(Effect[ReplenishmentPayload]):
    """What is asked of the ERP, or answered to planning. `order` is `<erp>/replenishment:<id>`."""


class HopEntry(Contract):
    """What happened at a hop: `origin` says whose failure, nothing when it went well. `final`: no retry can help."""

    at: Moment
    hop: Hop
    origin: Origin | None = None
    reason: str = ""
    final: bool = False


class ReplenishmentRun(ReplenishmentStart):
    """A start, and where an earlier run had come to: its number, and the version of its newest step."""

    run: int = 1
    version: int = 0


class ReplenishmentRecord(Contract):
    """One step of a replenishment, written as one transaction.

    `hop`, `origin` and `reason`: where it is, or failed. What is overcome stays in `trail`.
    """

    proposal: ReplenishmentProposal
    by: str
    version: int
    state: ReplenishmentState
    hop: Hop
    origin: Origin | None = None
    reason: str = ""
    number: str = ""
    answered: bool = False
    trail: tuple[HopEntry, ...] = ()
    effects: tuple[ReplenishmentEffect, ...] = ()
