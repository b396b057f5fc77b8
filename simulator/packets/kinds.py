"""What a packet of one session can be, and what says which packets are meant: data, no packet is looked at here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from simulator.addresses import IpAddress


class PacketKind(Enum):
    """What one packet shows. The value is said of it: {edge} and {peer} are the two ends' addresses."""

    NEIGHBOR_ASKED = "ARP or Neighbor Discovery asks for {peer}, and nobody answers"
    NEIGHBOR_ANSWERED = "ARP or Neighbor Discovery answers for {peer}"
    SYN_SENT = "SYN from {edge} to {peer}"
    SYN_SENT_UNANSWERED = "SYN from {edge} to {peer} that nobody answers"
    SYN_SENT_UNSIGNED = "SYN from {edge} to {peer} without an MD5 option"
    SYN_RECEIVED_UNANSWERED = "SYN from {peer} to {edge} that is not answered"
    SYN_RECEIVED_SIGNED = "SYN from {peer} to {edge} with an MD5 option"
    SYN_RECEIVED_UNSIGNED = "SYN from {peer} to {edge} without an MD5 option"
    SIGNED = "TCP packet from {peer} to {edge} with an MD5 option"
    UNSIGNED = "TCP packet from {peer} to {edge} without an MD5 option"
    OPENED = "SYN-ACK from {peer} to {edge}"
    RST_RECEIVED = "RST from {peer} to {edge}"
    REFUSED = "RST from {peer} that answers a SYN of {edge}"
    RST_SENT = "RST from {edge} to {peer}"
    FIN_RECEIVED = "FIN from {peer} to {edge}"
    TTL_LOW = "SYN or data from {peer} to {edge} with a TTL or hop limit below 255"
    TTL_FULL = "SYN or data from {peer} to {edge} with a TTL or hop limit of 255"
    UNREACHABLE = "ICMP error about a packet from {edge} to {peer}"
    REJECTED = "ICMP error about a TCP packet from {edge} to {peer}"
    ECHO_UNANSWERED = "ICMP echo request from {edge} to {peer} without a reply"
    OPEN_SENT = "OPEN from {edge} to {peer}"
    OPEN_RECEIVED = "OPEN from {peer} to {edge}"
    UPDATE_SENT = "UPDATE from {edge} to {peer} that announces prefixes"
    UPDATE_RECEIVED = "UPDATE from {peer} to {edge} that announces prefixes"
    PREFIX_RECEIVED = "UPDATE from {peer} to {edge} that announces {detail}"
    END_OF_RIB_RECEIVED = "End-of-RIB from {peer} to {edge}"
    NOTIFICATION_SENT = "NOTIFICATION{detail} from {edge} to {peer}"
    NOTIFICATION_RECEIVED = "NOTIFICATION{detail} from {peer} to {edge}"
    DATAGRAM_SENT = "UDP datagram from {edge} to {peer}"
    DATAGRAM_RECEIVED = "UDP datagram from {peer} to {edge}"
    FORBIDDEN = "frame of {peer}'s MAC that an exchange's LAN forbids"


Detail = str
"""Of a NOTIFICATION ` 6/2` (empty: any), of a prefix its text; empty for every other kind."""
Key = tuple[PacketKind, Detail]
AddressPair = tuple[IpAddress, IpAddress]
"""The edge's address and the peer's."""


@dataclass(frozen=True, slots=True)
class Packets:
    """Which packets are meant: of one kind, between two addresses."""

    kind: PacketKind
    ends: AddressPair
    detail: Detail = ""
    besides: bool = False
    """They belong to the check, and do not tell its cause: they are shown where nothing else is found."""

    @property
    def key(self) -> Key:
        return self.kind, self.detail

    def __str__(self) -> str:
        edge, peer = self.ends
        detail = f" {self.detail}" if self.detail and self.kind in _NUMBERED else self.detail
        return self.kind.value.format(edge=edge, peer=peer, detail=detail)


_NUMBERED = (PacketKind.NOTIFICATION_SENT, PacketKind.NOTIFICATION_RECEIVED)

FIRST = 4
"""Packets of one kind whose numbers are kept (simulator)."""


@dataclass(slots=True)
class PacketTally:
    """How many packets there are of one kind, and the numbers of the first few."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, number: int) -> None:
        self.count += 1
        if len(self.first) < FIRST:
            self.first.append(number)

    def join(self, later: PacketTally) -> None:
        """Add those of another one, behind these."""
        self.count += later.count
        self.first += later.first[: FIRST - len(self.first)]


@dataclass(frozen=True, slots=True)
class PacketsSeen:
    """What a capture saw of one session's two addresses since a validation began."""

    counts: Mapping[PacketKind, int]
    macs: frozenset[str] = frozenset()
    """Who answered for the peer's address."""
    whole: bool = False
    """Nothing was lost of it: only then what is not there was not sent."""

    def __getitem__(self, kind: PacketKind) -> int:
        """How many there were."""
        return self.counts.get(kind, 0)
