"""A look at a workflow's history, from its end: whether the server has kept the task in which a step was decided."""

from collections.abc import AsyncIterator

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from dispatch.ports import TaskKept
from store.messaging.heads import Provisional
from workflows.runtime.timeouts_and_retries import HISTORY_TIMEOUT

FIRST_PAGE, PAGE = 8, 100
"""Events that are read at once. A page is small because few events follow from a task: the first page nearly always
shows its end."""
MOST_PAGES = 60
"""Further back nothing is looked for: a workflow that goes on so far writes another step, which confirms this one."""


class HistoryReader:
    """Looks into histories. `calls` counts the calls to the server."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.calls = 0

    async def kept(self, step: Provisional) -> TaskKept:
        """Whether the task of a step was kept. Its end is the event after its start: completed, failed or timed out."""
        try:
            async for event in self._from_the_end(step):
                if event.event_id == step.task + 1:
                    completed = event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
                    return TaskKept.YES if completed else TaskKept.NOT_YET
                if event.event_id <= step.task:
                    break
        except RPCError as error:
            return TaskKept.LOST if error.status is RPCStatusCode.NOT_FOUND else TaskKept.AWAY
        return TaskKept.NOT_YET

    async def _from_the_end(self, step: Provisional) -> AsyncIterator[HistoryEvent]:
        token = b""
        for page in range(MOST_PAGES):
            self.calls += 1
            answer = await self._client.workflow_service.get_workflow_execution_history_reverse(
                GetWorkflowExecutionHistoryReverseRequest(
                    namespace=self._client.namespace,
                    execution=WorkflowExecution(workflow_id=step.workflow_id, run_id=step.run_id),
                    maximum_page_size=PAGE if page else FIRST_PAGE,
                    next_page_token=token,
                ),
                timeout=HISTORY_TIMEOUT,
            )
            for event in answer.history.events:
                yield event
            token = answer.next_page_token
            if not token:
                return
