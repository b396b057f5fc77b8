"""The TCP connections of one neighbour: those that talk, those that end, and the dial under way."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from ipaddress import ip_address

from simulator.peer.events import NeighborConfig, cease
from simulator.places.endpoint import Address
from simulator.places.errors import LabError
from simulator.session.fsm import Channel
from simulator.session.messages import Cease
from simulator.speakers.services import Services
from simulator.speakers.tcp import Owner, Wire
from simulator.wire.notification import encode_notification

_MOST_ENDING = 8
"""So many connections of one caller may wait to be closed in order; who calls more often is cut without a word."""


class Connections:
    """At most one connection a channel, and whatever has not ended yet."""

    def __init__(
        self, config: NeighborConfig, services: Services, owner: Owner, dial_failed: Callable[[str], None]
    ) -> None:
        self.wires: dict[Channel, Wire] = {}
        self.ending: dict[asyncio.Future[None], Wire] = {}
        """Connections that are not gone yet, those that talk among them."""
        self.dials: set[asyncio.Task[None]] = set()
        """The dial under way and those that were given up and have not ended."""
        self._dialling: asyncio.Task[None] | None = None
        self._config, self._services = config, services
        self._owner, self._dial_failed = owner, dial_failed

    async def ended(self) -> None:
        """Wait until no connection and no dial is left."""
        while self.dials or self.ending:
            await asyncio.wait({*self.dials, *self.ending})

    def written(self, *, whole: bool = False) -> dict[tuple[Address, int, Address, int], int]:
        """How many octets were ever written to each connection that talks; by address and port, ours and the peer's.

        `whole`: a withdrawal that the kernel has in part, because the peer reads slowly, counts as if it had all of it.
        """
        found = {}
        for wire in self.wires.values():
            assert wire.transport is not None
            here, there = (wire.transport.get_extra_info(name) for name in ("sockname", "peername"))
            if here and there:  # or it was reset before anybody could look
                with contextlib.suppress(OSError):
                    found[_address(here), here[1], _address(there), there[1]] = wire.written + (
                        wire.under_way if whole else 0
                    )
        return found

    # --- dialling ---

    def dial(self) -> None:
        self._dialling = asyncio.get_running_loop().create_task(self._connect())
        self.dials.add(self._dialling)
        self._dialling.add_done_callback(self.dials.discard)

    def dialled(self) -> None:
        """The dial is a connection now: nothing is left to give up."""
        self._dialling = None

    async def _connect(self) -> None:
        config, services = self._config, self._services
        try:
            await services.connect(
                services.place,
                config.local.host,
                config.remote,
                lambda: Wire(Channel.DIALLED, self._owner),
                md5=config.md5,
                gtsm=config.gtsm,
            )
        except (OSError, LabError) as error:
            self._dialling = None
            self._dial_failed(os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error))

    # --- connections ---

    def keep(self, wire: Wire) -> None:
        """The session talks on this one."""
        self._until_ended(wire)
        self.wires[wire.channel] = wire
        wire.kept = True
        if self._services.tap is not None:
            self._services.tap.opened(self._config, wire, self._services.clock.now())

    def cut(self, wire: Wire) -> None:
        """The session has another one, or none any more: end this one without a word."""
        self._until_ended(wire)
        wire.abort()

    def refuse(self, wire: Wire) -> None:
        """The session is Idle: tell the caller so (RFC 4486 §4, Connection Rejected), and close."""
        self._until_ended(wire)
        if len(self.ending) > _MOST_ENDING:
            wire.abort()
            return
        wire.write(encode_notification(cease(Cease.CONNECTION_REJECTED)))
        wire.close()

    def lost(self, wire: Wire) -> bool:
        """A connection ended, not by us. False when it is none that the session talks on."""
        if self.wires.get(wire.channel) is not wire:
            return False
        del self.wires[wire.channel]
        if self._services.tap is not None:
            self._services.tap.lost(self._config, wire, self._services.clock.now())
        return True

    def close(self, channel: Channel) -> None:
        """Give up the channel's dial, end its connection once everything is flushed."""
        if channel is Channel.DIALLED and self._dialling is not None:
            self._dialling.cancel()
            self._dialling = None
        wire = self.wires.pop(channel, None)
        if wire is not None:
            wire.close()

    def finished(self, wire: Wire) -> None:
        """Our direction of a connection ended."""
        if self._services.tap is not None and wire.kept:
            self._services.tap.closed(self._config, wire, self._services.clock.now())

    def reset(self, wire: Wire) -> None:
        """Cut a connection at once, with all that has not left."""
        if self.wires.get(wire.channel) is wire:
            del self.wires[wire.channel]
        wire.reset()
        if self._services.tap is not None and wire.kept:
            self._services.tap.reset(self._config, wire, self._services.clock.now())

    def _until_ended(self, wire: Wire) -> None:
        self.ending[wire.ended] = wire
        wire.ended.add_done_callback(self.ending.pop)


def _address(name: tuple[str, int]) -> Address:
    return ip_address(name[0].split("%")[0])
