"""Keeps a speaker's own octets where the link allows no capture: source of a pcap that is written, not captured."""

from __future__ import annotations

from sys import intern
from typing import Final

from simulator.addresses import IpAddress
from simulator.peer.events import NeighborConfig
from simulator.speakers.tcp import PeerEnd, TcpConnection
from simulator.views.octets import Octets

EACH: Final = 176
"""Octets of memory that a record takes besides its data: most records are of KEEPALIVEs, a FIN's has none at all."""


class Tap:
    """Records in the order of the event loop. The passive side's port reads as 179, whatever the link really uses."""

    def __init__(self, limit: int = 256 * 1024 * 1024) -> None:
        """`limit`: octets of memory for the records; the first that finds no room is the end of them."""
        self.records: list[Octets] = []
        self.truncated = False
        self._room = limit
        self._names: dict[str, tuple[IpAddress, IpAddress]] = {}

    def name(self, session: str, local: IpAddress, peer: IpAddress) -> None:
        """The addresses of a session's ends as the topology has them, where others carry it."""
        self._names[session] = local, peer

    def forget(self, session: str) -> None:
        """A session is gone, and its connections are."""
        self._names.pop(session, None)

    def opened(self, config: NeighborConfig, tcp: TcpConnection, now: float) -> None:
        dialled = tcp.stream.channel.value == "dialled"
        self._add(config, tcp, b"", outbound=dialled, now=now, flags="S")
        self._add(config, tcp, b"", outbound=not dialled, now=now, flags="SA")

    def lost(self, config: NeighborConfig, tcp: TcpConnection, now: float) -> None:
        """The peer ended the connection: its FIN, which is answered by ours, or its RST."""
        if tcp.peer_end is PeerEnd.FIN:
            self._add(config, tcp, b"", outbound=False, now=now, flags="FA")
            self._add(config, tcp, b"", outbound=True, now=now, flags="FA")
        elif tcp.peer_end is PeerEnd.RESET:
            self._add(config, tcp, b"", outbound=False, now=now, flags="R")

    def closed(self, config: NeighborConfig, tcp: TcpConnection, now: float) -> None:
        """We ended the connection."""
        self._add(config, tcp, b"", outbound=True, now=now, flags="FA")

    def reset(self, config: NeighborConfig, tcp: TcpConnection, now: float) -> None:
        """We cut the connection."""
        self._add(config, tcp, b"", outbound=True, now=now, flags="R")

    def octets(self, config: NeighborConfig, tcp: TcpConnection, data: bytes, *, outbound: bool, now: float) -> None:
        self._add(config, tcp, data, outbound=outbound, now=now)

    def _add(
        self, config: NeighborConfig, tcp: TcpConnection, data: bytes, *, outbound: bool, now: float, flags: str = "PA"
    ) -> None:
        self._room -= EACH + len(data)
        if self._room < 0:
            self.truncated = True
            return
        dialled = tcp.stream.channel.value == "dialled"
        local, peer = self._names.get(config.id, (config.local_address, config.peer_address))
        ours = (intern(str(local)), tcp.local_port if dialled else 179)
        theirs = (intern(str(peer)), 179 if dialled else tcp.peer_port)
        source, destination = (ours, theirs) if outbound else (theirs, ours)
        self.records.append(Octets(now, *source, *destination, data, flags))
