"""Evidence from the wire: everything at one node's interface, kept in a file where one is wanted, and watched.

A watch puts together again what its own sessions send, from the moment at which it began. It keeps that and nothing
else, so that a lab may run for months; a file keeps everything, for the report of one rehearsal.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from simulator.addresses import IpAddress
from simulator.counts import count_of
from simulator.lab.netns import netns_place
from simulator.lab.packet_socket import PacketSocket
from simulator.lab.streams import AbsenceProof, Beginnings, Ends, UnreadableError, Watch, dissect, load_scapy
from simulator.lab.streams import prove_absence as prove_absence_of
from simulator.packets.conversation import Conversation, Sorter
from simulator.packets.forbidden import ForbiddenFrames
from simulator.packets.kinds import PacketsSeen
from simulator.places.errors import LabError
from simulator.places.link import INTERFACE
from simulator.places.place import Place

_BATCH = 256
"""Frames to take before others have a turn in the event loop."""

_LINKTYPE_ETHERNET = 1


class Capture:
    """All frames that a node's interface sends and receives, while the event loop runs."""

    def __init__(self, place: Place, path: Path | None = None, interface: str = INTERFACE) -> None:
        """`path`: a pcap file for all of them, as long as the disk takes them. Raises LabError when the place has no
        interface of its own."""
        self._place = netns_place(place, "a capture")
        self._interface = interface
        self.path = path
        self.problem = ""
        """Why the file does not hold all of them; what is seen is not harmed."""
        self.packets = 0
        self.forbidden = ForbiddenFrames()
        self._dropped = 0
        self._socket: PacketSocket | None = None
        self._writer: Any = None
        self._beginnings = Beginnings()
        self._watches: dict[Watch, int] = {}
        """Each with the frames that had been dropped before it began."""
        self._sorter = Sorter()
        self._conversations: dict[Conversation, int] = {}
        """As the watches."""

    @property
    def dropped(self) -> int:
        """Frames that the kernel had to drop because we did not read in time."""
        if self._socket is not None:
            self._dropped += self._socket.lost()
        return self._dropped

    async def start(self) -> None:
        """Returns when every frame from now on is seen. Raises LabError when that is not possible.

        A file that cannot be written is a `problem` and no more, whether at first or later.
        """
        await asyncio.to_thread(load_scapy)
        try:
            self._socket = self._place.run(functools.partial(PacketSocket, self._interface))
        except OSError as error:
            raise LabError(f"no capture of {self._place.name}: {error.strerror or error}") from error
        if self.path is not None:
            self._open_file(self.path)
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._drain, _BATCH)

    def _open_file(self, path: Path) -> None:
        from scapy.utils import RawPcapWriter

        try:
            self._writer = RawPcapWriter(str(path), linktype=_LINKTYPE_ETHERNET)
            self._writer.write_header(None)
        except OSError as error:
            self._cannot_be_written(error)
            self._close_file()

    async def stop(self) -> None:
        """Take what has arrived, then end; safe to call twice."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
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

    def listen(self, edge: IpAddress, peer: IpAddress) -> Conversation:
        """Count the packets between two addresses from now on, by what each shows; end it with `forget`."""
        if self._socket is not None:
            self._drain()
        conversation = Conversation((edge, peer), reads_messages=False)
        self._sorter.add(conversation)
        self._conversations[conversation] = self.dropped
        return conversation

    def heard(self, conversation: Conversation) -> PacketsSeen:
        """What it counted up to now."""
        if self._socket is not None:
            self._drain()
        return conversation.seen(whole=self.dropped == self._conversations[conversation])

    def forget(self, conversation: Conversation) -> None:
        """Safe to call twice."""
        self._sorter.leave(conversation)
        self._conversations.pop(conversation, None)

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
        doubts = [*watch.doubts, *([f"{count_of(lost, 'packet was', 'packets were')} dropped"] if lost else [])]
        return await asyncio.to_thread(prove_absence_of, watch.streams(sent), doubts)

    async def __aenter__(self) -> Capture:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _drain(self, most: int | None = None) -> None:
        """Take what has arrived, at most so many frames."""
        assert self._socket is not None, "it is open"
        for _ in itertools.count() if most is None else range(most):
            try:
                frame, seconds = self._socket.receive()
            except OSError:
                return  # nothing left; or the interface is gone, and nothing will ever come
            self.packets += 1
            self._keep(frame, seconds)
            self._look_at(frame)

    def _keep(self, frame: bytes, seconds: float) -> None:
        if self._writer is None:
            return
        whole = int(seconds)
        micro = min(round((seconds - whole) * 1e6), 999_999)
        try:
            self._writer.write_packet(frame, sec=whole, usec=micro)
        except OSError as error:
            self._cannot_be_written(error)
            self._close_file()

    def _look_at(self, frame: bytes) -> None:
        if self._sorter:
            self._sorter.take(self.packets, frame)
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
        self._close_file()

    def _close_file(self) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            writer.close()
        except OSError as error:
            self._cannot_be_written(error)

    def _cannot_be_written(self, error: OSError) -> None:
        """Tell of the first time alone."""
        self.problem = self.problem or f"{self.path} cannot be written: {error.strerror}"
