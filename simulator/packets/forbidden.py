"""Frames that the rules of an exchange's LAN forbid its members, by who sent them."""

from __future__ import annotations

import struct
from collections import Counter
from typing import Final

_ETHERTYPES: Final = {0x88CC: "LLDP", 0x8035: "RARP"}
_IPV4, _IPV6 = 0x0800, 0x86DD
_LLC_MOST: Final = 0x05DC
"""Up to here the field is a length, and LLC follows (IEEE 802.3)."""
_SPANNING_TREE: Final = b"\x42\x42"
_CISCO: Final = b"\x01\x00\x0c\xcc\xcc\xcc"
_UDP, _ICMPV6, _OSPF = 17, 58, 89
_ROUTER_ADVERTISEMENT: Final = 134
_DHCP: Final = {67, 68, 546, 547}
_SENDERS: Final = 4096
"""Senders that are remembered at most: later ones are left out (simulator)."""


class ForbiddenFrames:
    """What an interface heard: counts by the sender's MAC and the kind of frame."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._answered: dict[bytes, bytes | None] = {}
        """By MAC: the address that it answered ARP for; None: several."""

    def look_at(self, frame: bytes) -> None:
        """Any Ethernet frame; what is too short to tell counts for nothing."""
        kind = forbidden(frame) or self._proxy(frame)
        sent = frame[6:12].hex(":"), kind
        if kind and (sent in self._counts or len(self._counts) < _SENDERS):
            self._counts[sent] += 1

    def of(self, macs: frozenset[str]) -> tuple[str, ...]:
        """`3 LLDP`: what these MACs sent, the most first."""
        found: Counter[str] = Counter()
        for (mac, kind), count in self._counts.items():
            if mac in macs:
                found[kind] += count
        return tuple(f"{count} {kind}" for kind, count in found.most_common())

    def _proxy(self, frame: bytes) -> str:
        """A MAC that answers ARP for a second address answers for somebody else."""
        if len(frame) < 42 or frame[12:14] != b"\x08\x06" or frame[20:22] != b"\x00\x02":
            return ""
        mac, address = frame[22:28], frame[28:32]
        if mac not in self._answered and len(self._answered) >= _SENDERS:
            return ""
        if self._answered.setdefault(mac, address) != address:
            self._answered[mac] = None
        return "" if self._answered[mac] else "proxy ARP"


def forbidden(frame: bytes) -> str:
    """What a frame is by itself, if an exchange forbids it: `LLDP`; empty for every other."""
    if len(frame) < 18:
        return ""
    (ethertype,) = struct.unpack_from("!H", frame, 12)
    if ethertype <= _LLC_MOST:
        return "STP" if frame[14:16] == _SPANNING_TREE else "CDP" if frame[:6] == _CISCO else ""
    if ethertype == _IPV4 and len(frame) >= 34:
        return _of_packet(frame[23], frame[14 + 4 * (frame[14] & 0x0F) :])
    if ethertype == _IPV6 and len(frame) >= 54:
        return _of_packet(frame[20], frame[54:])
    return _ETHERTYPES.get(ethertype, "")


def _of_packet(protocol: int, payload: bytes) -> str:
    if protocol == _OSPF:
        return "OSPF"
    if protocol == _ICMPV6 and payload[:1] == bytes((_ROUTER_ADVERTISEMENT,)):
        return "RA"
    if protocol == _UDP and len(payload) >= 4 and _DHCP & set(struct.unpack_from("!HH", payload)):
        return "DHCP"
    return ""
