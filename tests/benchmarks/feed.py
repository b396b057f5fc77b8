"""The feed of the benchmarks: a table as ready-made UPDATE messages, so that no sender hides the receiver."""

from __future__ import annotations

import random
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import islice

from netaddr import IPNetwork

from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.attributes import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.update import end_of_rib, pack_announcements, pack_withdrawals

PEER_AS = 9002
_BLOCKS = ("41.0.0.0/8", "102.0.0.0/8", "105.0.0.0/8", "197.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Feed:
    """Octets to send, and what is in them."""

    announce: bytes
    withdraw: bytes
    prefixes: int
    attribute_sets: int


def build(prefixes: int, per_set: int, next_hop: str, *, message_size: int = 4096, seed: int = 8075) -> Feed:
    """`prefixes` /24s, `per_set` to a set of path attributes, as a peer of AS9002 would send them."""
    rng = random.Random(seed)
    keys = [nlri.key(str(prefix))[1] for block in _BLOCKS for prefix in islice(IPNetwork(block).subnet(24), 65536)]
    keys = keys[:prefixes]
    hop = IPv4Address(next_hop)
    octets = []
    for start in range(0, prefixes, per_set):
        path = (PEER_AS, *(rng.randrange(13000, 23000) for _ in range(rng.randrange(1, 6))))
        attributes = PathAttributes(
            as_path=(AsSegment(SegmentKind.SEQUENCE, path),),
            next_hop=hop,
            med=rng.choice([None, 0, 10]),
            communities=tuple((PEER_AS << 16) | rng.randrange(1, 5000) for _ in range(rng.randrange(0, 5))),
        )
        raw = encode(attributes, asn4=True)
        messages = pack_announcements(Family.IPV4, raw, hop.packed, keys[start : start + per_set], message_size)
        octets += [message for message, _ in messages]
    withdraw = b"".join(message for message, _ in pack_withdrawals(Family.IPV4, keys, message_size))
    return Feed(b"".join(octets) + end_of_rib(Family.IPV4), withdraw, len(keys), -(-len(keys) // per_set))
