"""A gRPC server that hands every call on to another server as raw bytes, and its answer back unchanged."""

from collections.abc import Awaitable, Callable

import grpc
from grpc import aio

MAX_BYTES = 64 * 1024 * 1024
"""No message of Temporal is larger: the server refuses histories' pages and payloads long before."""
OPTIONS = (
    ("grpc.max_send_message_length", MAX_BYTES),
    ("grpc.max_receive_message_length", MAX_BYTES),
    ("grpc.max_metadata_size", 1024 * 1024),  # an error's details travel in a trailer
    ("grpc.initial_reconnect_backoff_ms", 100),  # a server that was killed is found again at once
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.so_reuseport", 0),  # a port that is in use is an error
    ("grpc.use_local_subchannel_pool", 1),  # no connection is shared with another proxy
    ("grpc.enable_retries", 0),  # who calls repeats, not who stands between
    ("grpc.http2.min_ping_interval_without_data_ms", 1000),  # the SDK pings idle connections
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1000),
    ("grpc.http2.max_ping_strikes", 0),
)
OWN_HEADERS = ("user-agent", "grpc-", "content-type", "te", ":")
"""What a transport says for itself: it says it anew on the next hop."""

Metadata = tuple[tuple[str, str | bytes], ...]
Send = Callable[[str, bytes], Awaitable[bytes]]
"""Hands a call's method and request on and gives the answer. Raises `aio.AioRpcError` as the server refused."""
Handle = Callable[[str, bytes, Send], Awaitable[bytes]]
"""Answers a call. Raises `Refused`, or what `Send` raised."""


class Refused(Exception):
    """The proxy answers with a status of its own."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


def carried(metadata: object) -> Metadata:
    """The metadata that belong to the call and not to the connection."""
    pairs = [(str(key), value) for key, value in metadata or ()]  # type: ignore[attr-defined]
    return tuple((key, value) for key, value in pairs if not key.startswith(OWN_HEADERS) or key == DETAILS)


DETAILS = "grpc-status-details-bin"
"""The trailer with an error's details. Temporal's clients tell errors apart by it."""


def method(channel: aio.Channel, name: str) -> "aio.UnaryUnaryMultiCallable[bytes, bytes]":
    """A method that takes and gives raw bytes."""
    return channel.unary_unary(name)  # without serializers


class Wire(grpc.GenericRpcHandler):
    """Every unary method, whatever its name. `target` is the server's `host:port`; it may start later."""

    def __init__(self, target: str, handle: Handle) -> None:
        self._channel = aio.insecure_channel(target, options=OPTIONS)
        self._handle = handle
        self._server = aio.server(options=OPTIONS)
        self._server.add_generic_rpc_handlers((self,))

    async def start(self, address: str) -> str:
        """Listen; port 0 means any. The address with its port."""
        port = self._server.add_insecure_port(address)
        await self._server.start()
        return f"{address.rsplit(':', 1)[0]}:{port}"

    async def stop(self) -> None:
        """End every call, and the connection to the server."""
        await self._server.stop(grace=None)
        await self._channel.close()

    async def send(self, name: str, request: bytes, metadata: Metadata = (), timeout_s: float | None = 10.0) -> bytes:
        """Ask the server something on the proxy's own behalf. Raises `aio.AioRpcError`."""
        return await method(self._channel, name)(request, metadata=metadata, timeout=timeout_s)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """See `grpc.GenericRpcHandler`."""
        name = handler_call_details.method

        async def answer(request: bytes, context: aio.ServicerContext[bytes, bytes]) -> bytes:
            return await self._pass(name, request, context)

        return grpc.unary_unary_rpc_method_handler(answer)

    async def _pass(self, name: str, request: bytes, context: aio.ServicerContext[bytes, bytes]) -> bytes:
        metadata = carried(context.invocation_metadata())

        async def send(to: str, message: bytes) -> bytes:
            call = method(self._channel, to)(message, metadata=metadata, timeout=context.time_remaining())
            answer = await call
            await context.send_initial_metadata(carried(await call.initial_metadata()))
            context.set_trailing_metadata(carried(await call.trailing_metadata()))
            return answer

        try:
            return await self._handle(name, request, send)
        except Refused as refused:
            await context.abort(refused.code, refused.message)
        except aio.AioRpcError as error:
            await context.abort(error.code(), error.details() or "", carried(error.trailing_metadata()))
