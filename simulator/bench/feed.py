"""The feed of the benchmarks: a table as ready-made UPDATE messages, so that no sender hides the receiver."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import islice
from typing import Any

from simulator.rib.announcement import Announcement
from simulator.session.messages import Family
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.update import end_of_rib, pack_announcements, pack_withdrawals

PEER_AS = 9002
SOURCE_AS = 24940
"""Behind the peer, where the peer is a real daemon that passes the table on."""
LAN = "198.51.100.0/24"
MICROSOFT = tuple(f"20.{second}.0.0/16" for second in range(256))
_BLOCKS = (41, 154, 105, 197, *range(80, 92))
"""First octets of prefixes that nothing speaks against: room for a million /24s."""
_SPACES = ((100 << 8 | 64, 64), (20 << 8, 256))
"""Shared address space, and Microsoft's: the first two octets, and how many /16s."""


@dataclass(frozen=True, slots=True)
class Feed:
    """Octets to send, and what is in them."""

    announce: bytes
    withdraw: bytes
    prefixes: int
    attribute_sets: int


def table(prefixes: int, per_set: int, *, seed: int = 8075) -> list[Announcement]:
    """`prefixes` prefixes, `per_set` to a set of path attributes; paths are without the speaker's own AS.

    One set in 25 and one prefix in 50 is for some rule to reject.
    """
    rng = random.Random(seed)
    keys = list(islice((key for block in _BLOCKS for key in _keys(block << 8, 256)), prefixes))
    if len(keys) < prefixes:
        raise ValueError(f"the feed has no more than {len(keys)} prefixes")
    refused = [_keys(*space) for space in _SPACES]
    for at in range(0, prefixes, 50):
        if at % 100:
            keys[at] = bytes((25,)) + keys[at][1:] + b"\x80"
        else:
            keys[at] = next(refused[at // 100 % 2])
    return [_announcement(rng, tuple(keys[start : start + per_set])) for start in range(0, prefixes, per_set)]


def _keys(first: int, count: int) -> Iterator[bytes]:
    """The /24s of `count` /16s, by the first two octets."""
    return (bytes((24, two >> 8, two & 255, third)) for two in range(first, first + count) for third in range(256))


def _announcement(rng: random.Random, keys: tuple[bytes, ...]) -> Announcement:
    path = [rng.randrange(13000, 23000) for _ in range(rng.randrange(1, 6))]
    communities = [(PEER_AS << 16) | rng.randrange(1, 5000) for _ in range(rng.randrange(0, 5))]
    match rng.randrange(75):
        case 0:
            path.append(64512)
        case 1:
            path.insert(0, 3356)
        case 2:
            communities = [(PEER_AS << 16) | n for n in range(101)]
    attributes: dict[str, Any] = {"med": rng.choice([None, 0, 10]), "communities": tuple(communities)}
    return Announcement(
        Family.IPV4, PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, tuple(path)),), **attributes), keys
    )


def build(announcements: list[Announcement], asn: int, next_hop: str, *, message_size: int = 4096) -> Feed:
    """The table as the external speaker `asn` sends it: its AS in front, its address as the next hop."""
    hop = IPv4Address(next_hop)
    octets, keys, sets = [], list[bytes](), set[bytes]()
    for route in announcements:
        path = (AsSegment(SegmentKind.SEQUENCE, (asn, *route.attributes.asns)),)
        attributes = PathAttributes(
            as_path=path, next_hop=hop, med=route.attributes.med, communities=route.attributes.communities
        )
        raw = encode(attributes, asn4=True)
        sets.add(raw)
        keys += route.keys
        octets += [part for part, _ in pack_announcements(Family.IPV4, raw, hop.packed, route.keys, message_size)]
    withdraw = b"".join(message for message, _ in pack_withdrawals(Family.IPV4, keys, message_size))
    return Feed(b"".join(octets) + end_of_rib(Family.IPV4), withdraw, len(keys), len(sets))
