"""The database steps of workflows: what orders, cases and returns write down, and what they ask the store."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio import activity

from domain.cases.escalation_policies import case_policy, purchase_case_policy
from schemas.cases.cases import CaseHistory, CaseName, CaseQuery, CaseRecord
from schemas.cases.exceptions import CasePolicy
from schemas.ids import is_purchase
from schemas.workflow_ids import workflow_of
from schemas.workflows.records import Replay, StepRecord, StepWritten
from schemas.workflows.returns import ReturnStart, ReturnState
from schemas.workflows.steps import WorkflowStep
from store.audit import audit_trail
from store.cases import cases, policies
from store.engine import Database
from store.messaging import quarantine
from store.orders import returns, steps


@dataclass(frozen=True)
class RecordActivities:
    """Writes what workflows decide. Every activity is safe to repeat."""

    database: Database

    def all(self) -> list[Callable[..., Any]]:
        """The activities, for the worker of queue `orders`."""
        return [
            self.write_step,
            self.case_policy,
            self.case_history,
            self.write_case,
            self.authorise_return,
            self.write_return,
            self.replay,
        ]

    @activity.defn(name="records.write_step")
    async def write_step(self, step: WorkflowStep[StepRecord]) -> StepWritten:
        """Write one step of an order as one transaction."""
        await steps.write(self.database, step)
        return StepWritten(version=step.version)

    @activity.defn(name="records.case_policy")
    async def case_policy(self, query: CaseQuery) -> CasePolicy:
        """Handling of a new case: the rules in force for its kind, partner, site, region and customer."""
        async with self.database.connection() as connection:
            rules = await policies.rules(connection, "case")
            if is_purchase(query.order):
                return purchase_case_policy(rules, query)
            customer = await policies.customer_of(connection, query.order)
        return case_policy(rules, query, customer)

    @activity.defn(name="records.case_history")
    async def case_history(self, case: CaseName) -> CaseHistory:
        """The history of a case before it is opened again; empty when it never wrote any."""
        async with self.database.connection() as connection:
            row = await cases.show(connection, case.id)
        return CaseHistory.model_validate({"entries": row["history"] if row else ()})

    @activity.defn(name="records.write_case")
    async def write_case(self, step: WorkflowStep[CaseRecord]) -> StepWritten:
        """Write one step of a case, with its notices, as one transaction."""
        await cases.write(self.database, step)
        return StepWritten(version=step.version)

    @activity.defn(name="records.authorise_return")
    async def authorise_return(self, start: ReturnStart) -> ReturnState:
        """Decide whether goods may come back."""
        return await returns.authorise(self.database, start)

    @activity.defn(name="records.write_return")
    async def write_return(self, step: WorkflowStep[StepRecord]) -> StepWritten:
        """Write one step of a return as one transaction."""
        await returns.write(self.database, step)
        return StepWritten(version=step.version)

    @activity.defn(name="records.replay")
    async def replay(self, wish: Replay) -> StepWritten:
        """Bring quarantined messages back to the relay, for an order; those that are not quarantined stay. `version` is
        how many there were."""
        async with self.database.transaction() as connection:
            brought = await quarantine.replay(connection, list(wish.ids))
            if brought:
                detail = {"ids": wish.ids, "replayed": brought}
                await audit_trail.add_entry(
                    connection, workflow_of(wish.order), "quarantine_replayed", "inbox", **detail
                )
        return StepWritten(version=brought)
