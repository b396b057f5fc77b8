"""What one session's two ends said to each other, packet by packet: counts of each kind, and the first few's numbers.

The same reader counts while a validation runs and numbers the frames of a file after it, so that what a finding says
and what its proof shows cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_network
from typing import Final, TypeVar

from simulator.packets import messages
from simulator.packets.dissect import (
    ACK,
    ECHO_REPLY,
    ECHO_REQUEST,
    FIN,
    RST,
    SYN,
    TCP,
    UDP,
    NeighborSaid,
    Packet,
    TcpSegment,
    quoted,
    read,
    segment,
)
from simulator.packets.forbidden import forbidden
from simulator.packets.kinds import AddressPair, Key, PacketKind, PacketsSeen, PacketTally

K = PacketKind
_BGP_PORT: Final = 179
_PENDING: Final = 1024
"""Questions of one session that wait for an answer at most; older ones are counted as unanswered. As many MACs and
directions of TCP connections are known (simulator)."""
_ACKNOWLEDGED: Final = SYN | ACK


class Conversation:
    """Of one edge's address with one peer's."""

    def __init__(self, ends: AddressPair, prefixes: Iterable[str] = (), *, reads_messages: bool = True) -> None:
        """`prefixes`: those to be looked for in the peer's UPDATEs. `reads_messages`: BGP is read, not TCP alone."""
        self.edge, self.peer = (address.packed for address in ends)
        self.macs: set[bytes] = set()
        """Who answers for the peer's address."""
        self._prefixes = {text: _wire(text) for text in dict.fromkeys(prefixes)}
        self._reads_messages = reads_messages
        self._found: dict[Key, PacketTally] = {}
        self._pending: dict[tuple[PacketKind, object], PacketTally] = {}
        """By kind and question: how often it was asked since it was answered."""
        self._cutters: dict[tuple[bool, int, int], messages.Cutter] = {}
        self._forbidden: dict[bytes, PacketTally] = {}

    def found(self) -> Mapping[Key, PacketTally]:
        """Every kind that was seen up to now; what is not answered by now counts as unanswered."""
        found = {key: PacketTally(tally.count, list(tally.first)) for key, tally in self._found.items()}
        for (kind, _), asked in sorted(self._pending.items(), key=lambda each: each[1].first):
            found.setdefault((kind, ""), PacketTally()).join(asked)
        for mac in self.macs & self._forbidden.keys():
            tally = found.setdefault((K.FORBIDDEN, ""), PacketTally())
            tally.count += self._forbidden[mac].count
            tally.first = sorted([*tally.first, *self._forbidden[mac].first])[: len(self._forbidden[mac].first)]
        return found

    def seen(self, *, whole: bool) -> PacketsSeen:
        """The counts up to now. `whole`: nothing was lost since it began."""
        counts = {kind: tally.count for (kind, detail), tally in self.found().items() if not detail}
        return PacketsSeen(counts, frozenset(mac.hex(":") for mac in self.macs), whole)

    # --- what comes ---

    def neighbor(self, number: int, said: NeighborSaid) -> None:
        """Somebody asks for the peer's address, or says who has it."""
        if said.asks:
            self._asked(K.NEIGHBOR_ASKED, b"", number)
        else:
            if len(self.macs) < _PENDING:
                self.macs.add(said.mac)
            self._add(K.NEIGHBOR_ANSWERED, number)
            self._pending.pop((K.NEIGHBOR_ASKED, b""), None)

    def forbidden(self, number: int, mac: bytes) -> None:
        """A frame that an exchange forbids, of anybody."""
        if mac in self._forbidden or len(self._forbidden) < _PENDING:
            self._forbidden.setdefault(mac, PacketTally()).add(number)

    def error(self, number: int, protocol: int, ports: tuple[int, int]) -> None:
        """An ICMP error about a packet of the edge's to the peer."""
        self._add(K.UNREACHABLE, number)
        if protocol == TCP and _BGP_PORT in ports:
            self._add(K.REJECTED, number)
            self._pending.pop((K.SYN_SENT_UNANSWERED, ports), None)

    def packet(self, number: int, packet: Packet) -> None:
        """A packet from one end to the other."""
        sent = packet.source == self.edge
        said = packet.protocol, packet.payload[0] if packet.payload else 0
        if packet.protocol == TCP:
            carried = segment(packet)
            if carried is not None and _BGP_PORT in (carried.source_port, carried.destination_port):
                self._segment(number, packet, carried, sent=sent)
        elif packet.protocol == UDP:
            self._add(K.DATAGRAM_SENT if sent else K.DATAGRAM_RECEIVED, number)
        elif sent and said in ECHO_REQUEST:
            self._asked(K.ECHO_UNANSWERED, packet.payload[4:8], number)
        elif not sent and said in ECHO_REPLY:
            self._pending.pop((K.ECHO_UNANSWERED, packet.payload[4:8]), None)

    # --- TCP ---

    def _segment(self, number: int, packet: Packet, carried: TcpSegment, *, sent: bool) -> None:
        flags, ports = carried.flags, (carried.source_port, carried.destination_port)
        back = ports[::-1]
        if not sent:
            if flags & SYN or carried.data:
                # A RST, and an ACK after the end, may be the kernel's own: it has no socket's TTL to send them with.
                self._add(K.TTL_FULL if packet.ttl == 255 else K.TTL_LOW, number)
            self._add(K.SIGNED if carried.signed else K.UNSIGNED, number)
        if flags & RST:
            self._reset(number, back, sent=sent)
        elif flags & _ACKNOWLEDGED == SYN:
            self._syn(number, ports, signed=carried.signed, sent=sent)
        elif flags & _ACKNOWLEDGED == _ACKNOWLEDGED:
            asked = K.SYN_RECEIVED_UNANSWERED if sent else K.SYN_SENT_UNANSWERED
            self._pending.pop((asked, back), None)
            if not sent:
                self._add(K.OPENED, number)
        if flags & FIN and not sent:
            self._add(K.FIN_RECEIVED, number)
        if self._reads_messages:
            for kind, detail in self._messages(carried, sent=sent):
                self._add(kind, number, detail)

    def _syn(self, number: int, ports: tuple[int, int], *, signed: bool, sent: bool) -> None:
        if sent:
            self._add(K.SYN_SENT, number)
            self._asked(K.SYN_SENT_UNANSWERED, ports, number)
            if not signed:
                self._add(K.SYN_SENT_UNSIGNED, number)
        else:
            self._asked(K.SYN_RECEIVED_UNANSWERED, ports, number)
            self._add(K.SYN_RECEIVED_SIGNED if signed else K.SYN_RECEIVED_UNSIGNED, number)

    def _reset(self, number: int, back: tuple[int, int], *, sent: bool) -> None:
        if sent:
            self._add(K.RST_SENT, number)
            self._pending.pop((K.SYN_RECEIVED_UNANSWERED, back), None)
            return
        self._add(K.RST_RECEIVED, number)
        if self._pending.pop((K.SYN_SENT_UNANSWERED, back), None) is not None:
            self._add(K.REFUSED, number)

    def _messages(self, carried: TcpSegment, *, sent: bool) -> Iterator[Key]:
        if not carried.data and not carried.flags & SYN:
            return
        flow = (sent, carried.source_port, carried.destination_port)
        if flow not in self._cutters and len(self._cutters) >= _PENDING:
            del self._cutters[next(iter(self._cutters))]
        for message in self._cutters.setdefault(flow, messages.Cutter()).take(carried):
            yield from self._message(message, sent=sent)

    def _message(self, message: bytes, *, sent: bool) -> Iterator[Key]:
        kind = message[18]
        if kind == messages.OPEN:
            yield (K.OPEN_SENT if sent else K.OPEN_RECEIVED), ""
        elif kind == messages.NOTIFICATION and len(message) >= 21:
            said = K.NOTIFICATION_SENT if sent else K.NOTIFICATION_RECEIVED
            yield said, ""
            yield said, f"{message[19]}/{message[20]}"
        elif kind == messages.UPDATE:
            routes = messages.routes(message)
            if routes:
                yield (K.UPDATE_SENT if sent else K.UPDATE_RECEIVED), ""
            elif routes.is_end_of_rib and not sent:
                yield K.END_OF_RIB_RECEIVED, ""
            if routes and not sent:
                for text, (version, octets) in self._prefixes.items():
                    if routes.announces(octets, version):
                        yield K.PREFIX_RECEIVED, text

    # --- counting ---

    def _add(self, kind: PacketKind, number: int, detail: str = "") -> None:
        self._found.setdefault((kind, detail), PacketTally()).add(number)

    def _asked(self, kind: PacketKind, question: object, number: int) -> None:
        if (kind, question) not in self._pending and len(self._pending) >= _PENDING:
            oldest = next(iter(self._pending))
            self._found.setdefault((oldest[0], ""), PacketTally()).join(self._pending.pop(oldest))
        self._pending.setdefault((kind, question), PacketTally()).add(number)


def _wire(prefix: str) -> tuple[int, bytes]:
    network = ip_network(prefix)
    octets = network.network_address.packed[: (network.prefixlen + 7) // 8]
    return network.version, bytes([network.prefixlen]) + octets


class Sorter:
    """Gives each frame to the conversations that it belongs to."""

    def __init__(self) -> None:
        self._by_ends: dict[tuple[bytes, bytes], list[Conversation]] = {}
        self._by_peer: dict[bytes, list[Conversation]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_peer)

    def add(self, conversation: Conversation) -> None:
        """From now on. The same two addresses may be looked at by several."""
        edge, peer = conversation.edge, conversation.peer
        for ends in {(edge, peer), (peer, edge)}:
            self._by_ends.setdefault(ends, []).append(conversation)
        self._by_peer.setdefault(peer, []).append(conversation)

    def leave(self, conversation: Conversation) -> None:
        """Safe to call twice."""
        for ends in ((conversation.edge, conversation.peer), (conversation.peer, conversation.edge)):
            _drop(self._by_ends, ends, conversation)
        _drop(self._by_peer, conversation.peer, conversation)

    def take(self, number: int, frame: bytes) -> None:
        """One frame of the link, with its number."""
        packet = read(frame)
        if isinstance(packet, NeighborSaid):
            for conversation in self._by_peer.get(packet.address, ()):
                conversation.neighbor(number, packet)
            return
        if packet is not None:
            concerned = self._by_ends.get((packet.source, packet.destination), ())
            for conversation in concerned:
                conversation.packet(number, packet)
            if concerned:
                return
            about = quoted(packet)
            for conversation in self._by_ends.get((about.source, about.destination), ()) if about else ():
                if about is not None and conversation.edge == about.source:
                    conversation.error(number, about.protocol, about.ports)
            if about is not None:
                return
        if forbidden(frame):
            for conversations in self._by_peer.values():
                for conversation in conversations:
                    conversation.forbidden(number, frame[6:12])


_K = TypeVar("_K")


def _drop(table: dict[_K, list[Conversation]], key: _K, conversation: Conversation) -> None:
    kept = [each for each in table.pop(key, ()) if each is not conversation]
    if kept:
        table[key] = kept
