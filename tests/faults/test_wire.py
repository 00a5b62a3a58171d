"""What is not to be lost comes through as it is: answers, errors with details, long polls, large messages."""

import asyncio

import grpc
import pytest
from grpc import aio
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from tests.faults.chances import Fault
from tests.faults.conftest import Desk, Ledger
from tests.faults.temporal_proxy import task_faults
from tests.faults.wire import Metadata, method
from tests.stack.standins import WITHIN_S, until

# gRPC writes a timeout of 10 to 100 s in tenths of a second, rounded up: each hop may add one.
ROUNDED_UP_S = 0.1


async def test_the_answer_to_a_signal_is_lost_and_it_is_delivered_twice(desk: Desk) -> None:
    ledger = await desk.begin()
    plan = desk.proxy.next_answer(ledger.id)
    await ledger.signal(Ledger.tell, "twice")
    assert plan.hit.is_set()
    await ledger.signal(Ledger.end)
    assert await ledger.result() == ["twice", "twice"]
    assert desk.proxy.lost == {Fault.ANSWER_LOST: 1}


async def test_the_answer_to_a_start_is_lost_and_its_repeat_finds_it_started(desk: Desk) -> None:
    desk.proxy.next_answer("ledger-started")
    with pytest.raises(WorkflowAlreadyStartedError):
        await desk.begin(id="ledger-started")
    await desk.client.get_workflow_handle("ledger-started").terminate()


async def test_answers_are_lost_by_chance(desk: Desk) -> None:
    ledger = await desk.begin()
    desk.proxy.chances.answer_rate = 1.0
    await ledger.signal(Ledger.tell, "a")
    desk.proxy.pause()
    await ledger.signal(Ledger.end)
    assert await ledger.result() == ["a", "a"]


async def test_an_error_comes_with_its_details(desk: Desk, temporal_client: Client) -> None:
    ledger = await desk.begin()
    with pytest.raises(WorkflowAlreadyStartedError) as error:
        await desk.begin(id=ledger.id)
    assert error.value.run_id == ledger.first_execution_run_id  # it stands only in the details
    heard = []
    for client in (temporal_client, desk.client):
        with pytest.raises(RPCError) as refused:
            await client.get_workflow_handle("nobody").signal("tell", "x")
        heard.append((refused.value.status, refused.value.message, refused.value.raw_grpc_status))
    assert heard[0] == heard[1]
    assert heard[0][0] is RPCStatusCode.NOT_FOUND
    await ledger.terminate()


async def test_an_unknown_method_is_refused_by_the_server(desk: Desk) -> None:
    async with aio.insecure_channel(desk.proxy.address) as channel:
        with pytest.raises(aio.AioRpcError) as error:
            await method(channel, "/temporal.api.workflowservice.v1.WorkflowService/Nonsense")(b"")
    assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_long_poll_waits_and_a_query_is_answered(desk: Desk) -> None:
    ledger = await desk.begin()
    waiting = asyncio.create_task(ledger.result())
    await ledger.signal(Ledger.tell, "one")
    await until(lambda: desk.written == ["one"])
    assert await ledger.query(Ledger.so_far) == ["one"]
    assert not waiting.done()
    await ledger.signal(Ledger.end)
    async with asyncio.timeout(WITHIN_S):
        assert await waiting == ["one"]


class Echo:
    """A server that answers what it is asked, or not at all."""

    def __init__(self) -> None:
        self.metadata: Metadata = ()
        self.remaining_s: float | None = None
        self.asked = asyncio.Event()
        self.gone = asyncio.Event()
        self.server = aio.server(options=[("grpc.max_receive_message_length", -1)])

    async def start(self, address: str = "127.0.0.1:0") -> str:
        """Listen; where."""
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "Echo": grpc.unary_unary_rpc_method_handler(self._echo),
            "Hang": grpc.unary_unary_rpc_method_handler(self._hang),
        }
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", handlers),))
        port = self.server.add_insecure_port(address)
        await self.server.start()
        return f"127.0.0.1:{port}"

    async def _echo(self, request: bytes, context: aio.ServicerContext[bytes, bytes]) -> bytes:
        self.metadata = tuple((key, value) for key, value in context.invocation_metadata() or ())
        await context.send_initial_metadata((("first", "1"),))
        context.set_trailing_metadata((("last-bin", b"\x00\xff"),))
        return request

    async def _hang(self, request: bytes, context: aio.ServicerContext[bytes, bytes]) -> bytes:
        self.remaining_s = context.time_remaining()
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.gone.set()
        return b""


async def test_metadata_and_messages_of_50_megabytes_come_through() -> None:
    echo = Echo()
    async with task_faults(await echo.start(), seed=1) as proxy:
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        async with aio.insecure_channel(proxy.address, options=options) as channel:
            large = bytes(50_000_000)
            call = method(channel, "/test/Echo")(large, metadata=(("client-name", "test"), ("raw-bin", b"\xfe")))
            assert await call == large
            assert ("first", "1") in tuple(await call.initial_metadata())
            assert ("last-bin", b"\x00\xff") in tuple(await call.trailing_metadata())
    assert {("client-name", "test"), ("raw-bin", b"\xfe")} <= set(echo.metadata)
    await echo.server.stop(None)


async def test_a_deadline_and_a_cancellation_reach_the_server() -> None:
    echo = Echo()
    async with task_faults(await echo.start(), seed=1) as proxy, aio.insecure_channel(proxy.address) as channel:
        call = method(channel, "/test/Hang")(b"", timeout=30)
        await echo.asked.wait()
        assert echo.remaining_s is not None
        assert 0 < echo.remaining_s <= 30 + 2 * ROUNDED_UP_S
        call.cancel()
        async with asyncio.timeout(WITHIN_S):
            await echo.gone.wait()
    await echo.server.stop(None)


async def test_a_server_that_comes_again_is_found() -> None:
    echo = Echo()
    address = await echo.start()
    async with task_faults(address, seed=1) as proxy, aio.insecure_channel(proxy.address) as channel:
        ask = method(channel, "/test/Echo")

        async def answers() -> bool:
            try:
                return await ask(b"1") == b"1"
            except aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.UNAVAILABLE
                return False

        assert await answers()
        await echo.server.stop(None)
        assert not await answers()
        again = Echo()
        await again.start(address)
        await until(answers)
        await again.server.stop(None)
