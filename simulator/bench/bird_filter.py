"""BIRD as the receiver: a filter with the same rules as the `exchange` profile, so that both do the same work.

One rule is left out: BIRD 2 has no filter expression for an AS_SET. The feed has none. Rules that need data (RPKI, IRR)
have nothing to judge by on either side.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.bench.feed import LAN, MICROSOFT, PEER_AS
from simulator.policy.registries import (
    BOGON_ASNS,
    DOCUMENTATION,
    DOCUMENTATION_ASNS,
    MARTIANS,
    REACHABLE,
    TRANSIT_FREE_ASNS,
)
from simulator.policy.rules import RULES

_REACHABLE = {prefix for prefix, _ in REACHABLE}


def _set(members: list[str]) -> str:
    return f"[ {', '.join(members)} ]"


def _longer(prefixes: list[str]) -> str:
    return _set([f"{prefix}+" for prefix in prefixes if ":" not in prefix and prefix not in _REACHABLE])


def _bogon_asns() -> str:
    blocks = [block for block, _ in BOGON_ASNS + DOCUMENTATION_ASNS]
    return _set([f"{block[0]}..{block[-1]}" if len(block) > 1 else f"{block[0]}" for block in blocks])


def _parameter(rule: str, name: str) -> object:
    return RULES[rule].parameters[name]


CONDITIONS: dict[str, Callable[[str], str]] = {
    "prefix-too-long": lambda peer: f"net.len > {_parameter('prefix-too-long', 'ipv4')}",
    "prefix-too-short": lambda peer: f"net.len > 0 && net.len < {_parameter('prefix-too-short', 'ipv4')}",
    "default-route": lambda peer: "net.len = 0",
    "bogon-prefix": lambda peer: f"net ~ {_longer([prefix for prefix, _ in MARTIANS + DOCUMENTATION])}",
    "exchange-lan": lambda peer: f"net ~ {_longer([LAN])}",
    "microsoft-prefix": lambda peer: f"net ~ {_longer(list(MICROSOFT))}",
    "bogon-asn": lambda peer: f"bgp_path ~ {_bogon_asns()}",
    "as-path-too-long": lambda peer: f"bgp_path.len > {_parameter('as-path-too-long', 'limit')}",
    "as-path-empty": lambda peer: "bgp_path.len = 0",
    "first-as": lambda peer: f"bgp_path.first != {PEER_AS}",
    "next-hop": lambda peer: f"bgp_next_hop != {peer}",
    "as-path-loop": lambda peer: "bgp_path ~ [ 8075 ]",
    "as12076": lambda peer: f"bgp_path ~ [ {_parameter('as12076', 'asn')} ]",
    "transit-free-asn": lambda peer: f"bgp_path ~ {_set(list(map(str, TRANSIT_FREE_ASNS)))}",
    "otc": lambda peer: f"defined(bgp_otc) && bgp_otc != {PEER_AS}",
    "too-many-communities": lambda peer: (
        "bgp_community.len + bgp_ext_community.len + bgp_large_community.len"
        f" > {_parameter('too-many-communities', 'limit')}"
    ),
}
"""Rule id → when BIRD rejects, for an IPv4 session with this peer address."""
NOT_FOR_BIRD = frozenset({"as-set", "link-local-next-hop"})
"""The first has no expression; the second says nothing on an IPv4 session."""


def receiver(local: str, peer: str) -> str:
    """A passive BIRD that imports as AS8075, through the filter."""
    rules = "\n".join(f"    if {condition(peer)} then reject; # {name}" for name, condition in CONDITIONS.items())
    return f"""
router id {local};
timeformat log iso long us;
log stderr all;
protocol device {{}}
filter exchange {{
{rules}
    accept;
}}
protocol bgp feed {{
    debug {{ states }};
    local {local} as 8075;
    neighbor {peer} as {PEER_AS};
    passive on;
    hold time 240;
    ipv4 {{ import filter exchange; import keep filtered on; export none; }};
}}
"""


def taker(local: str, peer: str, *, asn: int, peer_as: int, dials: bool = False) -> str:
    """A BIRD that takes everything: the receiver of the senders that are compared."""
    return f"""
router id {local};
timeformat log iso long us;
log stderr all;
protocol device {{}}
protocol bgp feed {{
    debug {{ states }};
    local {local} as {asn};
    neighbor {peer} as {peer_as};
    {"connect delay time 1; connect retry time 1; error wait time 1, 1" if dials else "passive on"};
    hold time 240;
    ipv4 {{ import all; export none; }};
}}
"""
