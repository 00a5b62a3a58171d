"""Reports the activities of this process to the confirmer: the workflow that calls, and every step that is written."""

from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from dispatch.confirming import Confirmer
from schemas.workflows.steps import WorkflowStep


class Expecting(Interceptor):
    """Stands around the activities of a worker."""

    def __init__(self, confirmer: Confirmer) -> None:
        self._confirmer = confirmer

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See `temporalio.worker.Interceptor`."""
        return _Expecting(next, self._confirmer)


class _Expecting(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, confirmer: Confirmer) -> None:
        super().__init__(inner)
        self._confirmer = confirmer

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        with self._confirmer.calling(activity.info().workflow_id or ""):
            answer = await super().execute_activity(input)
        for step in input.args:
            if isinstance(step, WorkflowStep):
                self._confirmer.expect(step)
        return answer
