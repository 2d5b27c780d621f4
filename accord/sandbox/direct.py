"""A client's way into the sandbox without a socket: an httpx transport that calls the providers in the same thread."""

from collections.abc import Callable

import httpx

from accord.sandbox.app import Sandbox
from accord.sandbox.wire import Ask, Dropped


class Direct(httpx.BaseTransport):
    """Answers requests to any host from a sandbox; `sleep` does the waiting that a latency fault asks for.

    A connection that would be closed is an httpx.RemoteProtocolError, as on a socket. Drips arrive at once.
    """

    def __init__(self, sandbox: Sandbox, sleep: Callable[[float], None] = lambda seconds: None) -> None:
        self._sandbox = sandbox
        self._sleep = sleep

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        first, _, rest = request.url.path.removeprefix("/").partition("/")
        provider = self._sandbox.providers.get(f"/{first}")
        if provider is None:
            return httpx.Response(404, text="no provider lives there")
        ask = Ask(
            request.method,
            f"/{rest}",
            request.url.query.decode("latin-1"),
            request.read(),
            {name.lower(): value for name, value in request.headers.items()},
        )
        answer = provider.answer(ask, self._sleep)
        if answer.manner == "none":
            raise Dropped("Server disconnected without sending a response.", request=request)
        if answer.manner == "midway":
            raise Dropped("peer closed connection without sending complete message body", request=request)
        return httpx.Response(answer.status, headers=answer.headers, stream=httpx.ByteStream(answer.body))
