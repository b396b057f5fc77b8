"""What mends a cause, as it is typed for FRR."""

from __future__ import annotations

REMEDIES: dict[str, str] = {
    "network-not-in-rib": (
        "ip route <prefix> blackhole (or Null0), for IPv6 ipv6 route; or router bgp {expected}: no bgp "
        "network import-check    vtysh: show ip route <prefix>, show bgp {channel} unicast"
    ),
    "nothing-to-announce": (
        "ip route <prefix> blackhole; router bgp {expected}; address-family {channel} unicast; network <prefix>"
    ),
    "export-policy": "vtysh: show route-map, show bgp {channel} unicast neighbors {edge} advertised-routes",
    "policy-required": (
        "router bgp {expected}; address-family {channel} unicast; neighbor {edge} route-map <NAME> in; "
        "neighbor {edge} route-map <NAME> out    (no bgp ebgp-requires-policy switches RFC 8212 off for "
        "all)"
    ),
}
