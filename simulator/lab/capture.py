"""Evidence from the wire: everything at one node's interface, kept in a file where one is wanted, and watched.

A watch puts together again what its own sessions send, from the moment at which it began. It keeps that and nothing
else, so that a lab may run for months; a file keeps everything, for the report of one rehearsal.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import socket
import struct
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from simulator.addresses import IpAddress
from simulator.lab.forbidden_frames import ForbiddenFrames
from simulator.lab.netns import netns_place
from simulator.lab.streams import AbsenceProof, Beginnings, Ends, UnreadableError, Watch, dissect, load_scapy
from simulator.lab.streams import prove_absence as prove_absence_of
from simulator.places.errors import LabError
from simulator.places.link import INTERFACE
from simulator.places.place import Place

_SOL_PACKET = 263
_PACKET_ADD_MEMBERSHIP = 1
_PACKET_MR_PROMISC = 1
_PACKET_STATISTICS = 6
_SO_RCVBUFFORCE = 33
_RECEIVE_BUFFER = 64 << 20
"""Bytes that the kernel holds for us while the event loop is busy."""

_BATCH = 256
"""Frames to take before others have a turn in the event loop."""

_LINKTYPE_ETHERNET = 1


class Capture:
    """All frames that a node's interface sends and receives, while the event loop runs."""

    def __init__(self, place: Place, path: Path | None = None, interface: str = INTERFACE) -> None:
        """`path`: a pcap file for all of them. Raises LabError when the place has no interface of its own."""
        self._place = netns_place(place, "a capture")
        self._interface = interface
        self.path = path
        self.packets = 0
        self.forbidden = ForbiddenFrames()
        self._dropped = 0
        self._socket: Any = None
        self._writer: Any = None
        self._beginnings = Beginnings()
        self._watches: dict[Watch, int] = {}
        """Each with the frames that had been dropped before it began."""

    @property
    def dropped(self) -> int:
        """Frames that the kernel had to drop because we did not read in time."""
        if self._socket is not None:
            # Reading the counters resets them.
            counters = self._socket.ins.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
            self._dropped += struct.unpack("II", counters)[1]
        return self._dropped

    async def start(self) -> None:
        """Returns when every frame from now on is captured. Raises LabError when that is not possible."""
        await asyncio.to_thread(load_scapy)
        from scapy.utils import RawPcapWriter

        try:
            self._socket = self._place.run(functools.partial(listen, self._interface))
            if self.path is not None:
                self._writer = RawPcapWriter(str(self.path), linktype=_LINKTYPE_ETHERNET)
                self._writer.write_header(None)
        except OSError as error:
            self._close()
            where = f" to {self.path}" if self.path is not None else ""
            raise LabError(f"no capture of {self._place.name}{where}: {error.strerror or error}") from error
        asyncio.get_running_loop().add_reader(self._socket.ins.fileno(), self._drain, _BATCH)

    async def stop(self) -> None:
        """Take what has arrived, then end; safe to call twice."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.ins.fileno())
            self._drain()
            self._dropped = self.dropped
        self._close()

    def watch(self, pairs: Collection[tuple[IpAddress, IpAddress]], sent: Mapping[Ends, int]) -> Watch:
        """Watch from now on what the node sends to some peers: pairs of its own address and the peer's.

        `sent`: how many octets their running TCP connections have carried. End it with `leave`.
        """
        if self._socket is not None:
            self._drain()
        watch = Watch(pairs, sent, self._beginnings)
        self._watches[watch] = self.dropped
        return watch

    def leave(self, watch: Watch) -> None:
        """Forget a watch; safe to call twice."""
        self._watches.pop(watch, None)

    async def prove_absence(self, watch: Watch, sent: Mapping[Ends, int]) -> AbsenceProof:
        """What was seen since the watch began proves about routes; it may go on meanwhile.

        `sent`: how many octets the running TCP connections have carried by now.
        """
        if self._socket is not None:
            self._drain()
        lost = self.dropped - self._watches[watch]
        doubts = [*watch.doubts, *([f"{lost} packets were dropped"] if lost else [])]
        return await asyncio.to_thread(prove_absence_of, watch.streams(sent), doubts)

    async def __aenter__(self) -> Capture:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _drain(self, most: int | None = None) -> None:
        """Take what has arrived, at most so many frames."""
        for _ in itertools.count() if most is None else range(most):
            try:
                _, frame, seconds = self._socket.recv_raw()
            except OSError:
                return  # nothing left; or the interface is gone, and nothing will ever come
            self.packets += 1
            if self._writer is not None:
                whole = int(seconds)
                micro = min(round((seconds - whole) * 1e6), 999_999)
                self._writer.write_packet(frame, sec=whole, usec=micro)
            self._look_at(frame)

    def _look_at(self, frame: bytes) -> None:
        try:
            segment = dissect(frame, len(frame))
        except UnreadableError as error:
            for watch in self._watches:
                watch.doubt(error.source, error.destination, str(error))
            return
        if segment is None:
            self.forbidden.look_at(frame)
        else:
            self._beginnings.take(segment)
            for watch in self._watches:
                watch.take(segment)

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def listen(interface: str = INTERFACE) -> Any:
    """scapy's listening socket on an interface of the caller's namespace, not blocking, hearing every frame."""
    from scapy.arch.linux import L2ListenSocket, LinuxInterfaceProvider
    from scapy.interfaces import NetworkInterface

    index = socket.if_nametoindex(interface)
    # A ready-made interface, because scapy would look the name up in its one list for the whole process.
    described = NetworkInterface(
        LinuxInterfaceProvider(), {"name": interface, "network_name": interface, "description": "", "index": index}
    )
    opened = L2ListenSocket(iface=described, promisc=False)
    promiscuous = struct.pack("IHH8s", index, _PACKET_MR_PROMISC, 0, b"")
    opened.ins.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, promiscuous)
    try:
        opened.ins.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
    except PermissionError:
        # In a user namespace the host's limit holds; what then gets lost is counted.
        opened.ins.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    opened.ins.setblocking(False)
    # Reading the counters resets them: what was lost before this point was never promised.
    opened.ins.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
    return opened
