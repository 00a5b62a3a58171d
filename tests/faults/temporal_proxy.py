"""A proxy between Temporal and everybody: it loses workflow tasks that a worker has done, and answers.

    async with task_faults(address, seed=1, rate=0.15) as proxy:
        client = await Client.connect(proxy.address)

The faults and what they stand for: `tests.faults.chances.Fault`.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
from grpc import aio
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import CommandType, PendingWorkflowTaskState, WorkflowTaskFailedCause
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
    SignalWithStartWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
)
from temporalio.client import Client
from temporalio.worker import Worker

from tests.faults.chances import Chances, Fault, Planned, Target
from tests.faults.tasks import Completion, Task, Tasks, When, remember
from tests.faults.wire import Refused, Send, Wire

SERVICE = "/temporal.api.workflowservice.v1.WorkflowService/"
POLL, COMPLETE = SERVICE + "PollWorkflowTaskQueue", SERVICE + "RespondWorkflowTaskCompleted"
SENDINGS: dict[str, type[Any]] = {
    SERVICE + "StartWorkflowExecution": StartWorkflowExecutionRequest,
    SERVICE + "SignalWorkflowExecution": SignalWorkflowExecutionRequest,
    SERVICE + "SignalWithStartWorkflowExecution": SignalWithStartWorkflowExecutionRequest,
}
"""The methods whose answers can be lost."""
CLOSE_SHARD = "/temporal.server.api.adminservice.v1.AdminService/CloseShard"
SHARDS = range(1, 5)
"""The dev server has one shard; it ignores numbers that it has not."""
LOOK_AGAIN_S = 0.05


class TaskFaults:
    """The running proxy. Made by `task_faults`."""

    def __init__(self, target: str, chances: Chances) -> None:
        self.address = ""
        """Where clients and workers connect: `host:port`."""
        self.chances = chances
        self.completions = 0
        """Tasks whose completion has come by, lost or not."""
        self.lost: Counter[Fault] = Counter()
        self.hits: list[tuple[str, Fault]] = []
        """Workflow id and fault of every loss, in the order in which they began."""
        self.tasks = Tasks()
        self.under_way: Counter[str] = Counter()
        """Calls that have no answer yet, by method."""
        self._fates: dict[bytes, Fault | None] = {}
        self._unanswered: dict[str, str] = {}
        self._wire = Wire(target, self._handle)
        self._means: dict[Fault, Callable[[Completion, bytes, Send], Awaitable[bytes]]] = {
            Fault.FAILED: self._fail,
            Fault.GIVEN_UP: self._give_up,
            Fault.REJECTED: self._reject,
            Fault.WITHHELD: self._withhold,
            Fault.FORGOTTEN: self._forget,
        }

    async def start(self, listen: str) -> None:
        """Listen. Temporal itself may start later."""
        self.address = await self._wire.start(listen)

    async def stop(self) -> None:
        """End every call under way."""
        await self._wire.stop()

    def pause(self) -> None:
        """Lose nothing by chance until `resume`."""
        self.chances.paused = True

    def resume(self) -> None:
        """Lose by chance again."""
        self.chances.paused = False

    def next_task(self, fault: Fault, workflow_id: str, when: When = lambda completion: True) -> Planned:
        """Lose exactly the next completed task of a workflow that `when` chooses."""
        plan = Planned(fault, workflow_id, when)
        self.chances.planned.append(plan)
        return plan

    def next_answer(self, workflow_id: str) -> Planned:
        """Lose exactly the next answer to a start or signal of a workflow."""
        return self.next_task(Fault.ANSWER_LOST, workflow_id)

    async def _handle(self, method: str, request: bytes, send: Send) -> bytes:
        self.under_way[method] += 1
        try:
            return await self._answer(method, request, send)
        finally:
            self.under_way[method] -= 1

    async def _answer(self, method: str, request: bytes, send: Send) -> bytes:
        if method == COMPLETE:
            return await self._complete(request, send)
        if method in SENDINGS:
            return await self._sent(method, request, send)
        answer = await send(method, request)
        if method == POLL:
            self.tasks.polled(answer)
        return answer

    async def _complete(self, request: bytes, send: Send) -> bytes:
        message = RespondWorkflowTaskCompletedRequest.FromString(request)
        completion = Completion(self.tasks.of(message.task_token), message)
        if message.task_token not in self._fates:  # a repeated call meets the same fate, and is not counted twice
            self.completions += 1
            fault = self.chances.of_task(completion)
            remember(self._fates, message.task_token, fault)
            if fault:
                self._note(completion.task.workflow_id, fault)
        if fault := self._fates[message.task_token]:
            return await self._means[fault](completion, request, send)
        answer = await send(COMPLETE, request)
        self.tasks.answered(answer)
        return answer

    async def _fail(self, completion: Completion, request: bytes, send: Send) -> bytes:
        """Put a bad command first, a timer without a name: the server fails the task for it."""
        completion.request.commands.insert(0, Command(command_type=CommandType.COMMAND_TYPE_START_TIMER))
        with suppress(aio.AioRpcError):  # the worker hears the same in every case
            await send(COMPLETE, completion.request.SerializeToString())
            raise AssertionError("the server took a task with a bad command")
        raise not_found()

    async def _give_up(self, completion: Completion, request: bytes, send: Send) -> bytes:
        said = completion.request
        failed = RespondWorkflowTaskFailedRequest(
            task_token=said.task_token,
            namespace=said.namespace,
            identity=said.identity,
            resource_id=said.resource_id,
            cause=WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE,
        )
        with suppress(aio.AioRpcError):  # a task that timed out meanwhile is lost already
            await send(SERVICE + "RespondWorkflowTaskFailed", failed.SerializeToString())
        raise not_found()

    async def _reject(self, completion: Completion, request: bytes, send: Send) -> bytes:
        raise not_found()

    async def _withhold(self, completion: Completion, request: bytes, send: Send) -> bytes:
        while await self._under_way(completion.task, completion.request.namespace):
            await asyncio.sleep(LOOK_AGAIN_S)
        return await send(COMPLETE, request)

    async def _forget(self, completion: Completion, request: bytes, send: Send) -> bytes:
        for shard in SHARDS:
            await self._wire.send(CLOSE_SHARD, bytes([0x08, shard]))  # field 1, a number
        return await send(COMPLETE, request)

    async def _under_way(self, task: Task, namespace: str) -> bool:
        """Whether the server still waits for this attempt."""
        execution = WorkflowExecution(workflow_id=task.workflow_id, run_id=task.run_id)
        question = DescribeWorkflowExecutionRequest(namespace=namespace, execution=execution)
        answer = await self._wire.send(SERVICE + "DescribeWorkflowExecution", question.SerializeToString())
        pending = DescribeWorkflowExecutionResponse.FromString(answer).pending_workflow_task
        started = PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED
        return pending.state == started and pending.started_time.ToNanoseconds() == task.started_ns

    async def _sent(self, method: str, request: bytes, send: Send) -> bytes:
        """A start or signal. The repeat of one whose answer was lost comes under a new request id, as from a sender
        that begins anew: the server would know the old one."""
        message = SENDINGS[method].FromString(request)
        if message.request_id in self._unanswered:
            message.request_id = self._unanswered[message.request_id]
            return await send(method, message.SerializeToString())
        answer = await send(method, request)
        execution = method == SERVICE + "SignalWorkflowExecution" and message.workflow_execution
        workflow_id = execution.workflow_id if execution else message.workflow_id
        if not self.chances.of_answer(Target(workflow_id, "" if execution else message.workflow_type.name)):
            return answer
        self._note(workflow_id, Fault.ANSWER_LOST)
        remember(self._unanswered, message.request_id, f"{message.request_id}-again")
        raise Refused(grpc.StatusCode.UNAVAILABLE, "the answer was lost")

    def _note(self, workflow_id: str, fault: Fault) -> None:
        self.lost[fault] += 1
        self.hits.append((workflow_id, fault))


def not_found() -> Refused:
    """What the server answers to the completion of a task that it does not know any more."""
    return Refused(grpc.StatusCode.NOT_FOUND, "workflow task not found")


@asynccontextmanager
async def task_faults(
    target: str, *, seed: int, listen: str = "127.0.0.1:0", **chances: Any
) -> AsyncIterator[TaskFaults]:
    """Stand before the server at `target`. For the further arguments see `Chances`."""
    proxy = TaskFaults(target, Chances(seed, **chances))
    await proxy.start(listen)
    try:
        yield proxy
    finally:
        await proxy.stop()


def cold_worker(client: Client, **options: Any) -> Worker:
    """A worker that keeps no workflow in memory: it replays each from its history at every task."""
    return Worker(client, max_cached_workflows=0, **options)
