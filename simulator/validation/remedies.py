"""The remedy of each cause, as the operator would type it for the router in question."""

from __future__ import annotations

_ANY = "any"

REMEDIES: dict[str, dict[str, str]] = {
    "local-as-wrong": {
        _ANY: "configure AS{expected} as the local AS of this session (the PeerAsn's ASN)",
        "bird": "protocol bgp {{ local as {expected}; … }}",
    },
    "remote-as-wrong": {
        _ANY: "configure AS{local_as} as the remote AS of neighbor {edge}",
        "bird": "protocol bgp {{ neighbor {edge} as {local_as}; … }}",
    },
    "not-listening": {
        _ANY: "start BGP on the router and configure neighbor {edge}, remote AS {local_as}",
        "bird": "birdc: show protocols all, enable <protocol>; "
        "bird.conf: local {peer} as {expected}; neighbor {edge} as {local_as};",
    },
    "session-missing": {
        _ANY: "configure the {family} session too: neighbor {edge}, remote AS {local_as}, from {peer}",
        "bird": "protocol bgp {{ local {peer} as {expected}; neighbor {edge} as {local_as}; {channel} {{ … }}; }}",
    },
    "filtered": {
        _ANY: "permit TCP port 179 between {edge} and {peer}, both ways, in every ACL and firewall on the path"
    },
    "md5": {
        _ANY: "compare the MD5 key at both ends; Microsoft's policy is not to use MD5: remove it at both ends",
        "bird": 'protocol bgp {{ password "<the key of md5AuthenticationKey>"; … }}',
    },
    "gtsm": {
        _ANY: "configure GTSM (TTL security) at both ends or at neither",
        "bird": "protocol bgp {{ ttl security on; … }}    or remove it, as at the other end",
    },
    "not-configured": {
        _ANY: "configure the session with neighbor {edge}: the router accepts the connection and drops it",
        "bird": "protocol bgp {{ local {peer} as {expected}; neighbor {edge} as {local_as}; … }}",
    },
    "router-id-ours": {
        _ANY: "give the router a BGP Identifier of its own, for instance its exchange address",
        "bird": "router id {peer};",
    },
    "hold-time": {
        _ANY: "configure a hold time of 90 s (at least 9 s; 0 switches keepalives off)",
        "bird": "hold time 90;",
    },
    "family-missing": {
        _ANY: "activate the {family} unicast address family on the session with {edge}",
        "bird": "protocol bgp {{ {channel} {{ import all; export filter …; }}; … }}",
    },
    "asn4-missing": {_ANY: "enable the four-octet AS capability (RFC 6793)", "bird": "enable as4 on;"},
    "refresh-missing": {_ANY: "enable the route refresh capability (RFC 2918)", "bird": "enable route refresh on;"},
    "shut-down": {
        _ANY: "bring the session up on the router: it was shut down by its operator",
        "bird": "birdc enable <protocol>",
    },
    "refused": {_ANY: "read the router's log of neighbor {edge}: it refused the session"},
    "role": {_ANY: "take the BGP role off the session with {edge}, or give it the one that fits ours (RFC 9234)"},
    "peer-limit": {
        _ANY: "raise the prefix limit of the session with {edge} above what Microsoft announces, then clear it",
        "bird": "protocol bgp {{ {channel} {{ import limit <more> action restart; }}; … }}    birdc enable <protocol>",
    },
    "reset": {_ANY: "leave the session with {edge} alone for the soak: it was reset on the router"},
    "bfd": {_ANY: "take BFD off the session with {edge}, or find out why it is down"},
    "no-export": {
        _ANY: "give the session an export policy: without one, RFC 8212 routers send nothing",
        "bird": "protocol bgp {{ {channel} {{ export filter …; }}; … }}    birdc: show route export <protocol>",
    },
    "interface-name": {
        _ANY: "call it in the topology what it is called on the router: `interface` of the peer, of a Direct "
        "connection `peer-interface`; or correct the file"
    },
    "vrf-name": {
        _ANY: "name the VRF in the topology: `vrf` of the peer, of a Direct connection `peer-vrf`; or correct the file"
    },
    "network-not-in-rib": {
        _ANY: "give the router a route to each of these prefixes: it announces only what is in its routing table",
        "frr": "ip route <prefix> blackhole (or Null0), for IPv6 ipv6 route; or router bgp {expected}: "
        "no bgp network import-check    vtysh: show ip route <prefix>, show bgp {channel} unicast",
    },
    "nothing-to-announce": {
        _ANY: "originate the prefixes: the router has no {family} route to send to {edge}",
        "bird": "protocol static {{ {channel}; route <prefix> unreachable; }}    birdc: show route all",
        "frr": "ip route <prefix> blackhole; router bgp {expected}; address-family {channel} unicast; network <prefix>",
        "openbgpd": "network <prefix>    bgpctl show rib selforiginated",
        "gobgp": "gobgp global rib add <prefix> -a {channel}",
    },
    "export-policy": {
        _ANY: "let the export policy of the session with {edge} pass the prefixes to be announced",
        "bird": "protocol bgp {{ {channel} {{ export filter …; }}; … }}    birdc: show route export <protocol>, "
        "show route noexport <protocol>",
        "frr": "vtysh: show route-map, show bgp {channel} unicast neighbors {edge} advertised-routes",
        "openbgpd": "allow to {edge} prefix <prefix>    bgpctl show rib out neighbor {edge}",
    },
    "policy-required": {
        _ANY: "give the session with {edge} an import and an export policy: RFC 8212 routers pass nothing without",
        "frr": "router bgp {expected}; address-family {channel} unicast; neighbor {edge} route-map <NAME> in; "
        "neighbor {edge} route-map <NAME> out    (no bgp ebgp-requires-policy switches RFC 8212 off for all)",
    },
    "all-rejected": {
        _ANY: "correct the routes that the rules above name, or announce at least one that none of them refuses"
    },
    "too-many": {_ANY: "announce aggregates, or ask Microsoft for a higher maxPrefixesAdvertised"},
    "import-policy": {
        _ANY: "let the import policy of the session with {edge} accept Microsoft's routes",
        "bird": "protocol bgp {{ {channel} {{ import all; import limit 2000; }}; … }}    "
        "birdc: show route filtered protocol <protocol>",
    },
    "wrong-address": {
        _ANY: "check that {peer} is configured on the router's interface towards {edge} and that the port is up"
    },
    "wrong-half": {
        _ANY: "configure {peer} on the router and {edge} as its neighbor; Microsoft's FAQ and its practice differ in "
        "who has which address of a /30: use what the connection's peerSessionIPv4Address says"
    },
    "mtu": {_ANY: "set the MTU of the router's interface, and of everything on the way to {edge}, to {mtu} octets"},
    "one-edge": {
        _ANY: "request a second connection to another edge router of Microsoft's, at best at another facility"
    },
    "no-netem": {
        _ANY: "as root: modprobe sch_netem (a kernel with CONFIG_NET_SCH_NETEM), and use link: netns; or leave "
        "latency, jitter and loss out of the topology"
    },
    "two-macs": {_ANY: "find the second device that answers for {peer} and remove the address from it"},
}


def remedy(cause: str, router: str, **values: object) -> str:
    """The remedy's text for this kind of router; the general one where it has none of its own."""
    texts = REMEDIES.get(cause, {})
    template = texts.get(router) or texts.get(_ANY, "")
    return template.format(**values)
