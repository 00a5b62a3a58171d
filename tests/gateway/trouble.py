"""Orders in trouble: cases and proposals as workflows write them down."""

from datetime import UTC, date, datetime
from typing import Any

from schemas.cases.cases import CaseEntry, CaseRecord, CaseState, Finding
from schemas.cases.exceptions import Action, ExceptionKind
from schemas.orders.release import OrderStatus
from schemas.planning.proposals import Proposal, ProposalKind
from store.cases import cases
from store.engine import Database
from store.orders import steps
from tests import written

CASE = "erp-one/PO-1/tender_reject/1"
PROPOSAL = "erp-one/PO-1/delay/1"
AT = datetime(2026, 3, 3, 8, tzinfo=UTC)


async def open_case(database: Database, **changes: Any) -> None:
    """A rejected tender of order PO-1, on the transport desk."""
    record = CaseRecord(
        id=CASE,
        order="erp-one/PO-1",
        kind=ExceptionKind.TENDER_REJECT,
        version=1,
        state=CaseState.OPEN,
        tier=0,
        queue="transport",
        summary="no carrier has accepted",
        findings=(Finding(kind=ExceptionKind.TENDER_REJECT, subject="tender", summary="ups declined"),),
        actions=(Action.RE_TENDER,),
        policy_version=1,
        opened_at=AT,
        history=(CaseEntry(at=AT, what="opened"),),
    )
    await cases.write(database, written.step(record.model_copy(update=changes)))


async def propose(database: Database) -> None:
    """The promise of order PO-1 would slip."""
    step = written.order_record(
        order="erp-one/PO-1",
        version=2,
        status=OrderStatus.PROMISED,
        promised_on=date(2026, 3, 9),
        proposals=(
            Proposal(
                id=PROPOSAL,
                kind=ProposalKind.DELAY,
                subject="order",
                promised_on=date(2026, 3, 9),
                proposed_on=date(2026, 3, 14),
                summary="five days late",
                raised_at=AT,
            ),
        ),
    )
    await steps.write(database, written.step(step))
