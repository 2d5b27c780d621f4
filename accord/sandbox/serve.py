"""The sandbox over HTTP, on this machine only."""

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from accord.errors import Misconfigured
from accord.sandbox.wire import DROP

_READY_WITHIN = 10.0


class Closable(H11Protocol):
    """HTTP by uvicorn, where an application can close its connection (ASGI itself has no word for that)."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        application = self.app

        async def closable(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[DROP] = self.transport.close
            await application(scope, receive, send)

        self.app = closable


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


def _prepare(app: Starlette, port: int, host: str, on_ready: Callable[[int], None]) -> tuple[_Server, socket.socket]:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise Misconfigured(f"the sandbox listens on loopback addresses only, not on {host}; use 127.0.0.1")
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    # The protocol is named because asyncio switches Nagle's algorithm off only then; small answers would take 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Misconfigured(f"port {port} is taken or not allowed ({error.strerror}); choose another or 0") from error
    bound: int = listener.getsockname()[1]
    config = uvicorn.Config(
        app,
        http=Closable,
        ws="none",
        loop="asyncio",
        lifespan="on",
        access_log=False,
        date_header=False,  # the providers say the time by the sandbox's own clock
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    return _Server(config, lambda: on_ready(bound)), listener


def announce(port: int) -> None:
    """The line that a starter of this process waits for."""
    print(f"READY {port}", flush=True)


def serve(port: int, host: str = "127.0.0.1", *, app: Starlette, on_ready: Callable[[int], None] = announce) -> None:
    """Serve until the process is told to stop; `on_ready` gets the port (0 chose a free one) once it listens.

    Raises Misconfigured for an address beyond this machine and for a port that is taken.
    """
    server, listener = _prepare(app, port, host, on_ready)
    with listener, contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


@contextlib.contextmanager
def served(app: Starlette, port: int = 0, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve in a thread for as long as the block lasts; gives the base URL."""
    ports: list[int] = []
    ready = threading.Event()

    def on_ready(bound: int) -> None:
        ports.append(bound)
        ready.set()

    server, listener = _prepare(app, port, host, on_ready)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    with listener:
        thread.start()
        if not ready.wait(_READY_WITHIN):
            raise TimeoutError("the sandbox did not start")
        try:
            yield f"http://{host}:{ports[0]}"
        finally:
            server.should_exit = True
            thread.join(_READY_WITHIN)
