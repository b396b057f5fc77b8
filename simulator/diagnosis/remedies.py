"""What mends each cause, in plain words; a router's own words come from `simulator.routers.mender`."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from simulator.diagnosis.about import About
from simulator.diagnosis.evidence import RejectedRoutes, SessionEvidence
from simulator.session.messages import Family

REMEDIES: dict[str, str] = {
    "gate-leak": "keep wire.pcap and events.jsonl, and report it: the gate has to hold, whatever a peer does",
    "nothing-to-rehearse": "leave `announce` of `microsoft` out of the topology, for the table that comes with turnup",
    "wrong-half": "configure {peer} on the router and {edge} as its neighbor; Microsoft's FAQ and its practice "
    "differ in who has which address of a /30: use what the connection's peerSessionIPv4Address says",
    "wrong-address": "check that {peer} is configured on the router's interface towards {edge} and that the port is up",
    "address-of-another": "request the peering with the router's own address on this link, or have the exchange say "
    "whose {peer} is",
    "two-macs": "find the second device that answers for {peer} and remove the address from it",
    "lossy-link": "look at the error counters of the interfaces and of the cross-connect on the way to {edge}",
    "mtu": "set the MTU of the router's interface, and of everything on the way to {edge}, to {mtu} octets",
    "shut-down": "bring the session with {edge} up on the router: its operator shut it down",
    "interface-name": "call it in the topology what it is called on the router: `interface` of the peer, of a Direct "
    "connection `peer-interface`; or correct the file",
    "vrf-name": "name the VRF in the topology: `vrf` of the peer, of a Direct connection `peer-vrf`; or correct the "
    "file",
    "session-missing": "configure the {family} session: neighbor {edge}, remote AS {local_as}, from {peer}",
    "source-address": "let the session with {edge} call from {peer}: that address was agreed, and is the router's own",
    "md5-missing": "configure {key} for neighbor {edge}",
    "md5-not-agreed": "remove the MD5 key of neighbor {edge}: Microsoft's policy is not to use it, and none was agreed",
    "md5-at-microsoft": "tell Microsoft: its edge {edge} has to have the key that was agreed, or none where none was",
    "md5": "compare the MD5 key at both ends; Microsoft's policy is not to use MD5: remove it at both ends",
    "gtsm": "configure GTSM (TTL security) for neighbor {edge}, or have it taken off the peering",
    "gtsm-at-peer": "remove GTSM (TTL security) from neighbor {edge}, or ask for it in the peering",
    "remote-as-wrong": "configure AS{local_as} as the remote AS of neighbor {edge}",
    "local-as-wrong": "configure AS{expected} as the local AS of this session (the PeerAsn's ASN)",
    "router-id-ours": "give the router a BGP Identifier of its own, for instance its exchange address",
    "hold-time": "configure a hold time of 90 s for neighbor {edge}",
    "hold-time-zero": "configure a hold time of 90 s for neighbor {edge}: 0 switches keepalives off",
    "hold-time-short": "configure a hold time of 90 s for neighbor {edge} (at least 9 s)",
    "family-missing": "activate the {family} unicast address family on the session with {edge}",
    "asn4-missing": "enable the four-octet AS capability (RFC 6793) for neighbor {edge}",
    "refresh-missing": "enable the route refresh capability (RFC 2918) for neighbor {edge}",
    "role": "take the BGP role off the session with {edge}, or give it the one that fits ours (RFC 9234)",
    "not-configured": "configure the session with neighbor {edge}, remote AS {local_as}, from {peer}: the router "
    "turns it away",
    "refused": "read the router's log of neighbor {edge}: it refused the session",
    "peer-limit": "raise the prefix limit of the session with {edge} to {limit}, then clear the session",
    "peer-limit-near": "raise the prefix limit of the session with {edge} to {limit}",
    "reset": "leave the session with {edge} alone for the soak: it was reset on the router",
    "late": "leave the session with {edge} up, and have it validated again; where it is as slow again, shorten the "
    "router's connect retry, or give the topology more time (`times`: `deadline`)",
    "sent-limit": "raise or remove the limit of what the router sends on the session with {edge}",
    "bfd": "take BFD off the session with {edge}, or find out why it is down",
    "keepalives-missing": "look at the router: its BGP process or the path from {peer} to {edge} stopped",
    "not-heard": "look at the path from {edge} to {peer}: our packets do not arrive",
    "malformed": "read the router's log of neighbor {edge}, and update its software",
    "not-listening": "start BGP on the router and configure neighbor {edge}, remote AS {local_as}",
    "hangs": "restart the router's BGP process",
    "passive": "let the router take connections from {edge}, or call it: one end must not be passive",
    "filtered": "permit TCP port 179 between {edge} and {peer}, both ways, in every ACL and firewall on the path",
    "too-many": "announce aggregates, or ask Microsoft for a higher maxPrefixesAdvertised",
    "policy-required": "give the session with {edge} an import and an export policy: RFC 8212 routers pass nothing "
    "without",
    "import-policy-required": "give the session with {edge} an import policy: RFC 8212 routers take nothing without",
    "network-not-in-rib": "give the router a route to each of these prefixes: it announces only what is in its routing "
    "table",
    "nothing-to-announce": "originate the prefixes: the router has no {family} route to send to {edge}",
    "export-policy": "let the export policy of the session with {edge} pass the prefixes to be announced",
    "no-export": "give the session with {edge} an export policy that passes your prefixes",
    "prefix-missing": "originate these prefixes too, or take them out of `announce` of the peer in the topology",
    "next-hop": "set next-hop self on the session with {edge}: the next hop must be {peer}",
    "one-session-only": "announce the same prefixes on the session with {edge}",
    "import-policy": "let the import policy of the session with {edge} accept Microsoft's routes",
    "capabilities-missing": "let the router negotiate capabilities with neighbor {edge}, and see in its log whether it "
    "turns the session away",
    "rs-keeps-routes": "let the route server export AS8075's routes to its members: look at its export policy, its "
    "limits, and whether the members' sessions with it are up",
    "rs-own-as": "have the exchange configure {edge} as a route server client (BIRD: `rs client`): its own AS must not "
    "be in the path",
    "rs-next-hop": "have the exchange leave next hops alone on the session with {edge}: traffic goes to the member",
    "rs-control-communities": "have the exchange delete its control communities on the session with {edge}",
    "icmp-filtered": "permit ICMP echo from {edge} to {peer}, or leave it: BGP works without",
    "forbidden-frames": "switch these protocols off on the router's interface towards {edge}",
    "med-sent": "do not steer Microsoft with MED on the session with {edge}: announce where the traffic is to come in",
    "communities-stripped": "send no community in AS{local_as}'s name on the session with {edge}, but {local_as}:8007",
    "rpki-not-found": "publish a ROA for each prefix, with its origin AS and a maxLength that it is announced with",
    "taken-back": "leave the peering until it is Active or ProvisioningFailed, then delete it; or request it again",
    "one-edge": "request a second connection to another edge router of Microsoft's, at best at another facility",
    "prefixes-lost": "look at what the router has in its table, and at the export policy of the session with {edge}",
    "near-limit": "announce aggregates on the session with {edge}, or ask Microsoft for a higher maxPrefixesAdvertised",
    "agreement-changed": "restore the configuration of the session with {edge}, or have the peering validated again",
    "prefix-flaps": "announce the prefix from a static route (to null0) on the router, whatever its parts do",
    "went-down": "look at the router's log of neighbor {edge}, and at the link between {peer} and {edge}",
    "next-hop-silent": "on the session with {edge}, announce a next hop that answers on the link: {peer}",
    "no-kernel-route": "let the router put what BGP learns from {edge} into its kernel (BIRD: protocol kernel)",
    "edge-without-route": "tell Microsoft: its edge {edge} forwards nothing to what was announced",
    "sent-back": "route each prefix that is announced to its hosts, or to null0 where it has no host: no default route "
    "to {edge}",
    "ttl-expires": "route each prefix that is announced to its hosts, or to null0 where it has no host",
    "packets-dropped": "look at the packet filters of the router, and between it and the host",
    "asymmetric-path": "let the router prefer the routes of the session with {edge} for what is reached by it",
    "edge-passes-on": "tell Microsoft: its edge {edge} has a way to what was announced that its policy denies",
    "static-route": "remove the static or default route that leads to {edge}: Microsoft's routes come by BGP",
    "no-netem": "as root: modprobe sch_netem (a kernel with CONFIG_NET_SCH_NETEM), and use link: netns; or leave "
    "latency, jitter and loss out of the topology",
}

RULES: dict[str, str] = {
    "*": "do not announce these routes to Microsoft: filter them out on the session with {edge}",
    "prefix-too-long": "announce the aggregate (/{length} or shorter) on the session with {edge}, not its parts",
    "prefix-too-short": "announce your own allocation on the session with {edge}, nothing shorter",
    "default-route": "filter the default route out on the session with {edge}",
    "exchange-lan": "filter the exchange's LAN out on the session with {edge}: do not redistribute connected routes",
    "microsoft-prefix": "filter out what comes from Microsoft on the session with {edge}: export your own routes only",
    "as-path-loop": "filter out what comes from Microsoft on the session with {edge}: export your own routes only",
    "first-as": "put AS{expected} first in the path: let the session with {edge} be an eBGP session of AS{expected}",
    "next-hop": "set next-hop self on the session with {edge}: the next hop must be {peer}",
    "link-local-next-hop": "set a global IPv6 next hop on the session with {edge}: {peer}",
    "as-path-too-long": "take prepends off the session with {edge}",
    "maps-prepending": "take prepends off the session with {edge}",
    "maps-as-path-too-long": "announce on the session with {edge} only what is at most three ASes away",
    "bogon-asn": "remove private and reserved ASNs from the path on the session with {edge} (remove-private-as)",
    "maps-private-asn": "remove private ASNs from the path on the session with {edge} (remove-private-as)",
    "as-path-empty": "let the session with {edge} be an eBGP session of AS{expected}: it then stands first in the path",
    "as-set": "aggregate without AS_SET on the session with {edge}",
    "rpki-invalid": "correct the ROA of the prefix (origin AS and maxLength), or announce what it allows",
    "rpki-unknown": "publish a ROA for the prefix with its origin AS",
    "irr-prefix": "register a route object for the prefix in the IRR",
    "irr-origin": "put the origin AS into your as-set in the IRR",
    "registered-prefix": "register the prefix with the peering (RegisteredPrefix), or do not announce it",
    "registered-origin": "register the origin AS with the peering (RegisteredAsn), or do not announce its routes",
    "maps-community-missing": "put the Peering Service community on the prefix on the session with {edge}",
    "otc": "do not announce what came from a provider or peer: Only to Customer (RFC 9234) says that it leaked",
    "too-many-communities": "strip communities on the session with {edge}",
    "transit-free-asn": "do not announce routes of your transits to Microsoft: filter on the session with {edge}",
}
"""By the policy's rule; `*` for any other."""


_FILTERED = {
    *(
        "prefix-too-short",
        "default-route",
        "exchange-lan",
        "microsoft-prefix",
        "as-path-loop",
        "as12076",
        "bogon-prefix",
    ),
    *("transit-free-asn", "otc", "registered-prefix", "registered-origin", "maps-as-path-too-long"),
}
"""Rules whose mend is to filter the routes out; what else is wrong with a route is mended otherwise."""


_OF_PATHS = {
    *("transit-free-asn", "as12076", "as-path-loop", "first-as", "bogon-asn", "maps-private-asn"),
    *("as-path-too-long", "maps-prepending", "maps-as-path-too-long"),
}
"""Rules that an ASN breaks which the router's own policy may have put into the path."""

_LOOKED_AT = {"refused", "malformed", "reset", "not-heard", "bfd", "keepalives-missing", "hangs", "import-policy"}
"""What the router itself tells more of: its command is shown with the words."""


def mend(
    cause: str,
    session: SessionEvidence | None,
    *,
    rule: bool = False,
    lacks: tuple[str, ...] = (),
    returned: bool = False,
) -> tuple[str, str]:
    """The remedy of a cause and the language in which it is; empty for plain English.

    `lacks`: the prefixes that another session has and this one has not. `returned`: of a rule whose routes came from
    Microsoft itself, as their paths say.
    """
    general = RULES.get(cause, RULES["*"]) if rule else REMEDIES.get(cause, "")
    if session is None:
        return general, ""
    if cause == "one-session-only" and not lacks:  # it is this session that has them
        general = "announce on every session what you announce on the session with {edge}"
    words = _filled(general, session)
    if session.mender is None or (cause == "one-session-only" and not lacks):
        return words, ""
    about = _about(cause, session, rule=rule)
    if lacks and cause == "one-session-only":
        about = replace(about, prefixes=lacks)
    if lacks and cause == "export-policy":
        about = replace(about, prefixes=tuple(each for each in about.prefixes if each not in lacks))
    own = session.mender.remedy("from-microsoft", about) if returned else ""
    if rule and not own and cause in _OF_PATHS:
        own = session.mender.remedy("prepended", about)
    if not own and cause == "as-path-loop" and any(each.rule == cause and each.all for each in session.rejected):
        own = session.mender.remedy("all-prepended", about)  # to announce nothing would not help
    if not own:
        own = session.mender.remedy(cause if not rule or cause not in _FILTERED else "*", about)
        more = sum(each.count - len(each.examples) for each in session.rejected if rule and each.rule == cause)
        own += f"\n(and so for {more} more)" if own and more > 0 and about.prefixes[0] in own else ""
    if own:
        return own, session.mender.language
    if cause in _LOOKED_AT and (look := session.mender.look(about)):
        return f"{words}: {look}", session.mender.language
    return words, ""


def _about(cause: str, session: SessionEvidence, *, rule: bool) -> About:
    answer = session.answer
    rejected = [rejected for rejected in session.rejected if rule and rejected.rule == cause]
    prefixes = [example.partition(" ")[0] for each in rejected for example in each.examples]
    if cause == "prefix-missing":
        prefixes = list(session.unheard)
    elif cause == "export-policy" and answer is not None and answer.withheld:  # the link's own is kept back for good
        peer = session.view.peer_address
        prefixes = [prefix for prefix in answer.withheld if peer not in ip_network(prefix)]
    elif cause == "network-not-in-rib" and answer is not None and answer.away:
        prefixes = list(answer.away)
    elif not rejected:
        prefixes = list(session.own_prefixes)
    return About(
        name=answer.name if answer is not None else "",
        prefixes=tuple(dict.fromkeys(prefixes)),
        values=_values(cause, rejected, session),
        limit=_limit(session) if cause in ("peer-limit", "peer-limit-near") else None,
    )


def _values(cause: str, rejected: list[RejectedRoutes], session: SessionEvidence) -> tuple[str, ...]:
    """What was seen in the routes that a remedy is about: next hops, AS numbers, MEDs, communities."""
    if cause in ("med-sent", "communities-stripped"):
        return session.marks.values if session.marks is not None else ()
    if cause in ("as-path-too-long", "maps-prepending", "maps-as-path-too-long"):
        return (str(session.view.peer_as),)
    if cause == "as-path-loop":
        return (str(session.view.local_open.asn),)
    if cause == "next-hop" and not rejected:
        return (str(session.view.local_address),)
    return tuple(dict.fromkeys(value for each in rejected for value in each.values))


def _limit(session: SessionEvidence) -> int:
    return max(2 * len(session.announced), 2000 if session.view.family is Family.IPV4 else 500)


def _filled(template: str, session: SessionEvidence) -> str:
    view = session.view
    edge, peer = session.carried or (view.local_address, view.peer_address)
    values: dict[str, Any] = {
        "expected": view.peer_as,
        "local_as": view.local_open.asn,
        "edge": edge,
        "peer": peer,
        "family": view.family.label,
        "length": 24 if view.family is Family.IPV4 else 48,
        "mtu": session.mtu,
        "limit": _limit(session),
        "key": "the key that was agreed (md5AuthenticationKey)",
    }
    return template.format(**values)
