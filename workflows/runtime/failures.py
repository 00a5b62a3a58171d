"""How a failure is indexed: lists in the Temporal UI find workflows by whose failure it was, and of what."""

from temporalio import workflow

from workflows.runtime.search_attributes import FAILURE_ORIGIN, LAST_FAILURE


def index_failure(origin: str, failure: str) -> None:
    """Index the workflow under its last failure: where it came from, and which operation of which system it was."""
    workflow.upsert_search_attributes([FAILURE_ORIGIN.value_set(origin), LAST_FAILURE.value_set(failure)])
