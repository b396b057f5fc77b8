"""The HTTP server in front of a running provider."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_address

import uvicorn

from simulator.azure.provider.provider import Provider
from simulator.azure.rest.app import ArmApp
from simulator.faults.injection import Injections
from simulator.places.errors import LabError
from simulator.portal.app import portal
from simulator.portal.sign_ins import SignIns
from simulator.serving.durable import Durable
from simulator.serving.guard import AccessGuard, App, AsgiReceive, AsgiScope, AsgiSend
from simulator.serving.http_connection import HttpConnection
from simulator.serving.lab_api import lab_api

_ARM = ("/subscriptions", "/providers")
_LAB = ("/lab/v1/", "/docs", "/openapi.json")


def application(provider: Provider, token: str = "", ending: asyncio.Event | None = None) -> App:
    """ARM's paths and the lab's; everything else is the portal's. `ending` ends those who follow the events."""
    ending = ending or asyncio.Event()
    sign_ins = SignIns(token)
    faults = Injections(provider.network, provider.clock.now)
    arm, lab = ArmApp(provider), lab_api(provider, ending, faults)
    pages = portal(provider, ending, faults, sign_ins)

    async def app(scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        of = arm if path.lower().startswith(_ARM) else lab if path.startswith(_LAB) else pages
        await of(scope, receive, send)

    return AccessGuard(Durable(app, provider.unit), token, sign_ins)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises LabError in one line."""
    try:
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        raise LabError(f"--host {host}: not an IP address") from None
    # The protocol is named because asyncio switches Nagle's algorithm off only where it is.
    server = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((host, port))
        server.listen(512)
    except OSError as error:
        server.close()
        why = "it is in use: choose another with --port" if error.errno == errno.EADDRINUSE else error.strerror
        raise LabError(f"{host}:{port}: {why}") from None
    server.setblocking(False)
    return server


@contextlib.asynccontextmanager
async def serving(provider: Provider, server_socket: socket.socket, token: str = "") -> AsyncIterator[str]:
    """Serve while inside; yields the base URL."""
    ending = asyncio.Event()
    said = _in_one_line(ending)
    config = uvicorn.Config(
        application(provider, token, ending),
        log_config=None,
        access_log=False,
        lifespan="off",
        http=HttpConnection,
        limit_concurrency=500,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    server = _Server(config, ending)
    task = asyncio.ensure_future(server.serve([server_socket]))
    try:
        host, port = server_socket.getsockname()[:2]
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        ending.set()
        provider.unit.wake()
        await task
        logging.getLogger("uvicorn.error").removeHandler(said)


def _in_one_line(ending: asyncio.Event) -> logging.Handler:
    """The server logs only its defects; a request that it cuts off at its end is not one."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.ERROR)
    handler.setFormatter(_OneLine())
    handler.addFilter(lambda _record: not ending.is_set())
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(handler)
    logger.propagate = False
    return handler


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        cause = f" ({type(error).__name__}: {error})" if error is not None else ""
        return f"turnup: server: {record.getMessage().splitlines()[0]}{cause}"


class _Server(uvicorn.Server):
    """Signals are the command's business, and so is the end."""

    def __init__(self, config: uvicorn.Config, ending: asyncio.Event) -> None:
        super().__init__(config)
        self._ending = ending

    async def main_loop(self) -> None:
        """Until the end, which uvicorn looks for ten times a second: a server that does nothing was woken for that
        alone. The second is that of the header Date."""
        while not self._ending.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._ending.wait()

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield
