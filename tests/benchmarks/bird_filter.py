"""BIRD as the receiver: a filter with the same rules as the `exchange` profile, so that both do the same work."""

from __future__ import annotations

from simulator.policy.registries import BOGON_ASNS, DOCUMENTATION, DOCUMENTATION_ASNS, MARTIANS
from tests.benchmarks.feed import PEER_AS


def configuration(local: str, peer: str) -> str:
    """A passive BIRD that imports through the filter, as AS8075."""
    bogons = ", ".join(f"{prefix}+" for prefix, _ in MARTIANS + DOCUMENTATION if ":" not in prefix)
    asns = ", ".join(
        f"{block[0]}..{block[-1]}" if len(block) > 1 else f"{block[0]}" for block, _ in BOGON_ASNS + DOCUMENTATION_ASNS
    )
    return f"""
router id {local};
protocol device {{}}
filter exchange {{
    if net.len > 24 then reject;
    if net.len < 8 then reject;
    if net = 0.0.0.0/0 then reject;
    if net ~ [ {bogons} ] then reject;
    if bgp_path.len > 50 then reject;
    if bgp_path.len = 0 then reject;
    if bgp_path.first != {PEER_AS} then reject;
    if bgp_path ~ [ {asns} ] then reject;
    if bgp_path ~ [ 8075 ] then reject;
    if bgp_path ~ [ 12076 ] then reject;
    if bgp_next_hop != {peer} then reject;
    accept;
}}
protocol bgp feed {{
    local {local} as 8075;
    neighbor {peer} as {PEER_AS};
    passive on;
    hold time 240;
    ipv4 {{ import filter exchange; import keep filtered on; export none; }};
}}
"""
