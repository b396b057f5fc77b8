"""What mends a cause, as it is typed for FRR; `*` is for a rule of the policy without words of its own."""

from __future__ import annotations

REMEDIES: dict[str, str] = {
    "shut-down": "router bgp {expected}; no neighbor {edge} shutdown",
    "local-as-wrong": "router bgp {expected}    (or neighbor {edge} local-as {expected})",
    "remote-as-wrong": "router bgp {expected}; neighbor {edge} remote-as {local_as}",
    "source-address": "router bgp {expected}; neighbor {edge} update-source {peer}",
    "session-missing": (
        "router bgp {expected}; neighbor {edge} remote-as {local_as}; address-family {channel} "
        "unicast; neighbor {edge} activate"
    ),
    "not-configured": (
        "router bgp {expected}; neighbor {edge} remote-as {local_as}; address-family {channel} "
        "unicast; neighbor {edge} activate"
    ),
    "not-listening": (
        "systemctl start frr (bgpd=yes in /etc/frr/daemons); router bgp {expected}; neighbor "
        "{edge} remote-as {local_as}"
    ),
    "md5-missing": "router bgp {expected}; neighbor {edge} password KEY    with {key} for KEY",
    "md5-not-agreed": "router bgp {expected}; no neighbor {edge} password",
    "md5": "router bgp {expected}; neighbor {edge} password KEY    with {key} for KEY",
    "gtsm": "router bgp {expected}; neighbor {edge} ttl-security hops 1",
    "gtsm-at-peer": "router bgp {expected}; no neighbor {edge} ttl-security hops 1",
    "router-id-ours": "router bgp {expected}; bgp router-id {peer}",
    "hold-time": "router bgp {expected}; neighbor {edge} timers 30 90",
    "hold-time-zero": "router bgp {expected}; neighbor {edge} timers 30 90",
    "hold-time-short": "router bgp {expected}; neighbor {edge} timers 30 90",
    "family-missing": ("router bgp {expected}; address-family {channel} unicast; neighbor {edge} activate"),
    "asn4-missing": "router bgp {expected}; no neighbor {edge} dont-capability-negotiate",
    "refresh-missing": "router bgp {expected}; no neighbor {edge} dont-capability-negotiate",
    "role": "router bgp {expected}; no neighbor {edge} local-role",
    "passive": "router bgp {expected}; no neighbor {edge} passive",
    "peer-limit": (
        "router bgp {expected}; address-family {channel} unicast; neighbor {edge} maximum-prefix "
        "{limit}    then clear bgp {edge}"
    ),
    "peer-limit-near": (
        "router bgp {expected}; address-family {channel} unicast; neighbor {edge} maximum-prefix {limit}"
    ),
    "policy-required": (
        "router bgp {expected}; address-family {channel} unicast; neighbor {edge} route-map "
        "MICROSOFT-OUT out    (a route-map that permits your prefixes, and one for `in`; no bgp "
        "ebgp-requires-policy switches RFC 8212 off for all)"
    ),
    "import-policy-required": (
        "router bgp {expected}; address-family {channel} unicast; neighbor {edge} route-map "
        "MICROSOFT-IN in    (route-map MICROSOFT-IN permit 10; no bgp ebgp-requires-policy "
        "switches RFC 8212 off for all)"
    ),
    "network-not-in-rib": (
        "give each of these prefixes a route: ip route ... blackhole, for IPv6 ipv6 route; or "
        "router bgp {expected}: no bgp network import-check    vtysh: show bgp {channel} unicast"
    ),
    "nothing-to-announce": (
        "router bgp {expected}; address-family {channel} unicast; network {prefix}    and a route"
        " to it: ip route, ipv6 route"
    ),
    "export-policy": (
        "vtysh: show route-map, show bgp {channel} unicast neighbors {edge} advertised-routes; "
        "let the outbound route-map of neighbor {edge} permit them"
    ),
    "no-export": (
        "vtysh: show bgp {channel} unicast neighbors {edge} advertised-routes; let the outbound "
        "route-map of neighbor {edge} permit your prefixes"
    ),
    "one-session-only": (
        "vtysh: show bgp {channel} unicast neighbors {edge} advertised-routes; let the outbound "
        "route-map of neighbor {edge} permit them"
    ),
    "import-policy": (
        "vtysh: show bgp {channel} unicast neighbors {edge} routes; let the inbound route-map of "
        "neighbor {edge} permit Microsoft's routes"
    ),
    "next-hop": ("router bgp {expected}; address-family {channel} unicast; neighbor {edge} next-hop-self"),
    "link-local-next-hop": "route-map of neighbor {edge} out: set ipv6 next-hop global {peer}",
    "bogon-asn": ("router bgp {expected}; address-family {channel} unicast; neighbor {edge} remove-private-AS"),
    "*": "the outbound route-map of neighbor {edge}: deny {prefix} with a prefix-list",
}
