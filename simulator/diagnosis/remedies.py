"""What mends each cause, where the router has no words of its own (`simulator.routers.<kind>.remedies`)."""

from __future__ import annotations

from collections.abc import Mapping

REMEDIES: dict[str, str] = {
    "local-as-wrong": "configure AS{expected} as the local AS of this session (the PeerAsn's ASN)",
    "remote-as-wrong": "configure AS{local_as} as the remote AS of neighbor {edge}",
    "not-listening": "start BGP on the router and configure neighbor {edge}, remote AS {local_as}",
    "session-missing": "configure the {family} session too: neighbor {edge}, remote AS {local_as}, from {peer}",
    "filtered": ("permit TCP port 179 between {edge} and {peer}, both ways, in every ACL and firewall on the path"),
    "md5": ("compare the MD5 key at both ends; Microsoft's policy is not to use MD5: remove it at both ends"),
    "gtsm": "configure GTSM (TTL security) at both ends or at neither",
    "not-configured": ("configure the session with neighbor {edge}: the router accepts the connection and drops it"),
    "router-id-ours": "give the router a BGP Identifier of its own, for instance its exchange address",
    "hold-time": "configure a hold time of 90 s (at least 9 s; 0 switches keepalives off)",
    "family-missing": "activate the {family} unicast address family on the session with {edge}",
    "asn4-missing": "enable the four-octet AS capability (RFC 6793)",
    "refresh-missing": "enable the route refresh capability (RFC 2918)",
    "shut-down": "bring the session up on the router: it was shut down by its operator",
    "refused": "read the router's log of neighbor {edge}: it refused the session",
    "role": ("take the BGP role off the session with {edge}, or give it the one that fits ours (RFC 9234)"),
    "peer-limit": ("raise the prefix limit of the session with {edge} above what Microsoft announces, then clear it"),
    "reset": "leave the session with {edge} alone for the soak: it was reset on the router",
    "bfd": "take BFD off the session with {edge}, or find out why it is down",
    "no-export": "give the session an export policy: without one, RFC 8212 routers send nothing",
    "interface-name": (
        "call it in the topology what it is called on the router: `interface` of the peer, of a Direct "
        "connection `peer-interface`; or correct the file"
    ),
    "vrf-name": (
        "name the VRF in the topology: `vrf` of the peer, of a Direct connection `peer-vrf`; or correct the file"
    ),
    "network-not-in-rib": (
        "give the router a route to each of these prefixes: it announces only what is in its routing table"
    ),
    "nothing-to-announce": "originate the prefixes: the router has no {family} route to send to {edge}",
    "export-policy": "let the export policy of the session with {edge} pass the prefixes to be announced",
    "policy-required": (
        "give the session with {edge} an import and an export policy: RFC 8212 routers pass nothing without"
    ),
    "all-rejected": (
        "correct the routes that the rules above name, or announce at least one that none of them refuses"
    ),
    "too-many": "announce aggregates, or ask Microsoft for a higher maxPrefixesAdvertised",
    "import-policy": "let the import policy of the session with {edge} accept Microsoft's routes",
    "wrong-address": (
        "check that {peer} is configured on the router's interface towards {edge} and that the port is up"
    ),
    "wrong-half": (
        "configure {peer} on the router and {edge} as its neighbor; Microsoft's FAQ and its practice "
        "differ in who has which address of a /30: use what the connection's peerSessionIPv4Address says"
    ),
    "mtu": ("set the MTU of the router's interface, and of everything on the way to {edge}, to {mtu} octets"),
    "one-edge": ("request a second connection to another edge router of Microsoft's, at best at another facility"),
    "no-netem": (
        "as root: modprobe sch_netem (a kernel with CONFIG_NET_SCH_NETEM), and use link: netns; or leave"
        " latency, jitter and loss out of the topology"
    ),
    "two-macs": "find the second device that answers for {peer} and remove the address from it",
}


def remedy(cause: str, router: Mapping[str, str], **values: object) -> str:
    """The remedy's text in a router's own words; the general one where it has none of its own."""
    return (router.get(cause) or REMEDIES.get(cause, "")).format(**values)
