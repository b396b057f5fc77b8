"""The TCP connections of one neighbour: those that are not gone yet, and the dial under way."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import replace
from ipaddress import ip_address
from typing import Protocol

from simulator.addresses import IpAddress
from simulator.peer.events import NeighborConfig
from simulator.peer.stream import KernelQueue, Stream
from simulator.places.errors import LabError
from simulator.session.fsm import Channel
from simulator.speakers.runtime import Runtime
from simulator.speakers.tcp import Acceptor, TcpConnection


class Dialler(Acceptor, Protocol):
    """The owner of connections that are dialled."""

    def dial_failed(self, why: str) -> None: ...


class Connections:
    """The sockets behind a peer's streams."""

    def __init__(self, config: NeighborConfig, runtime: Runtime, owner: Dialler) -> None:
        self.open: dict[Stream, TcpConnection] = {}
        """Connections that are not gone yet, those that talk among them."""
        self.dials: set[asyncio.Task[None]] = set()
        """The dial under way, and those that were given up and have not ended."""
        self._dialling: asyncio.Task[None] | None = None
        self._config, self._runtime, self._owner = config, runtime, owner

    def sign_with(self, key: str | None) -> None:
        """Dial with this MD5 key from now on."""
        self._config = replace(self._config, md5=key)

    async def ended(self) -> None:
        """Wait until no connection and no dial is left."""
        while self.dials or self.open:
            await asyncio.wait({*self.dials, *(tcp.ended for tcp in self.open.values())})

    def kernel_queues(self) -> dict[Stream, KernelQueue]:
        """What the kernel holds of each connection now."""
        return {stream: tcp.outlet.queue for stream, tcp in self.open.items() if tcp.outlet is not None}

    def close(self, stream: Stream) -> None:
        """End a connection in order, if it is not gone."""
        if stream in self.open:
            self.open[stream].close()

    def abort(self, stream: Stream) -> None:
        """End a connection at once, if it is not gone."""
        if stream in self.open:
            self.open[stream].abort()

    # --- dialling ---

    def dial(self) -> None:
        self._dialling = asyncio.get_running_loop().create_task(self._connect())
        self.dials.add(self._dialling)
        self._dialling.add_done_callback(self.dials.discard)

    def stop_dial(self) -> None:
        if self._dialling is not None:
            self._dialling.cancel()
            self._dialling = None

    async def _connect(self) -> None:
        config, runtime = self._config, self._runtime
        try:
            await runtime.connect(
                runtime.place,
                config.local.host,
                config.remote,
                lambda: TcpConnection(Channel.DIALLED, self._owner),
                md5=config.md5,
                gtsm=config.gtsm,
            )
        except (OSError, LabError) as error:
            self._owner.dial_failed(
                os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            )


def octets_written(tcp: TcpConnection, *, whole: bool) -> dict[tuple[IpAddress, int, IpAddress, int], int]:
    """How many octets were ever written to a connection; by address and port, ours and the peer's.

    `whole`: a withdrawal that the kernel has in part, because the peer reads slowly, counts as if it had all of it.
    Empty where the connection was reset before it could be read.
    """
    assert tcp.transport is not None
    here, there = (tcp.transport.get_extra_info(name) for name in ("sockname", "peername"))
    if here and there:
        with contextlib.suppress(OSError):
            count = tcp.written + (tcp.stream.under_way if whole else 0)
            return {(_address(here), here[1], _address(there), there[1]): count}
    return {}


def _address(name: tuple[str, int]) -> IpAddress:
    return ip_address(name[0].split("%")[0])
