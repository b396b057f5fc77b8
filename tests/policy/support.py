"""What the policy's tests share: keys, paths, and data made of a few lines."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from simulator.policy.data import irr, registered, vrp
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.policy import Policy
from simulator.policy.prefixes import PrefixSet
from simulator.policy.rules import PolicyContext
from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind

V4, V6 = Family.IPV4, Family.IPV6
PEERS = {V4: "206.126.239.200", V6: "2001:504:0:2::200"}
LAN = ("206.126.236.0/22", "2001:504:0:2::/64")
OWN = (("13.64.0.0/11", "Microsoft"), ("2603:1000::/24", "Microsoft"))
PREFIX = {V4: "20.1.0.0/16", V6: "2a00:1::/32"}
"""What no rule refuses."""
SEQUENCE, SET = SegmentKind.SEQUENCE, SegmentKind.SET


def context(family: Family, **changes: Any) -> PolicyContext:
    return replace(PolicyContext(3321, PEERS[family], lan=LAN, own=PrefixSet(OWN)), **changes)


def path(family: Family, *asns: int, **changes: Any) -> PathAttributes:
    """The peer's own path with more behind it."""
    as_path = (AsSegment(SEQUENCE, (3321, *asns)),)
    return replace(PathAttributes(as_path=as_path, next_hop=ip_address(PEERS[family])), **changes)


def key(prefix: str) -> bytes:
    return nlri.key(prefix)[1]


def fired(policy: Policy, family: Family, prefix: str, attributes: PathAttributes) -> list[str]:
    """Every rule that refuses the route."""
    return [hit.rule for hit in policy.verdict(family, key(prefix), attributes, denied=False).hits]


def vrps(*entries: tuple[str, int, int]) -> vrp.VrpTable:
    roas = [{"prefix": prefix, "asn": asn, "maxLength": longest} for prefix, asn, longest in entries]
    return vrp.read(json.dumps({"roas": roas}).encode())


def irr_lists(**lists: list[Any]) -> irr.IrrLists:
    return irr.read(json.dumps(lists).encode())


DATA = PolicyData(
    vrp=vrps(
        ("20.1.0.0/16", 3321, 18),
        ("20.9.0.0/16", 0, 32),
        ("2a00:1::/32", 3321, 34),
        ("2a00:9::/32", 0, 128),
    ),
    irr=irr_lists(
        NN=[
            {"prefix": "20.1.0.0/16", "exact": True},
            {"prefix": "20.2.0.0/16", "exact": False, "greater-equal": 18, "less-equal": 20},
            {"prefix": "2a00:1::/32", "exact": True},
            {"prefix": "2a00:2::/32", "exact": False, "greater-equal": 34, "less-equal": 36},
        ],
        asns=[3321, 3333],
    ),
    registered_prefixes=registered.read_prefixes(b"20.1.0.0/16\n2a00:1::/32\n"),
    registered_asns=frozenset({3321, 3333}),
)
"""What PREFIX passes, with the peer as its origin."""
