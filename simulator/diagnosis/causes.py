"""The causal table: what can be wrong, who has to act, what it explains, what must be seen for it and what must not.

Checks observe and this table explains; neither knows the other's inside. A row is a candidate where some fact of
`told_by` was seen (a `possible` one: also without), all of `needs`, and none of `contradicted`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simulator.diagnosis.check_ids import CheckId as C
from simulator.diagnosis.facts import Fact
from simulator.views.check import Side

F = Fact


@dataclass(frozen=True, slots=True)
class CauseRow:
    """One cause."""

    id: str
    side: Side
    text: str
    """A template: {edge}, {peer}, {family}, {local_as}, {expected}, {mtu}, {told}."""
    explains: tuple[C, ...]
    """The checks that fail because of it."""
    told_by: tuple[F, ...]
    """Facts that tell it: at least one must have been seen. It accounts for all of them."""
    source: str
    needs: tuple[F, ...] = ()
    """Facts that must all have been seen."""
    contradicted: tuple[F, ...] = ()
    """Facts of which none may have been seen."""
    unless: tuple[F, ...] = ()
    """Of a possible cause that nothing tells: facts that speak against it."""
    accounts: tuple[F, ...] = ()
    """Facts that follow from it, and do not tell it."""
    possible: bool = False
    """Where nothing tells it, it may still be, as long as nothing contradicts it."""
    once: bool = False
    """Of several sessions it is one cause, though each shows other routes: the text names those of the first."""
    apart: str = ""
    """Of a possible cause: what tells it from the others."""


_TCP: Final = (C.T1, C.S1, C.S2, C.S3, C.S4, C.S5, C.S6, C.A1, C.A3, C.A4, C.W1)
_OPEN: Final = (C.S1, C.S2, C.S3, C.S4, C.S5, C.S6, C.T1, C.A1, C.A3, C.A4, C.W1)
_LIFTED: Final = (C.A1, C.A3, C.A4)
_PEER, _LINK, _REQUESTER, _MICROSOFT = Side.PEER, Side.LINK, Side.REQUESTER, Side.MICROSOFT

CAUSES: Final[tuple[CauseRow, ...]] = (
    # --- the simulator itself ---
    CauseRow(
        "gate-leak",
        _MICROSOFT,
        "routes passed while the policy was DENY ALL: {told}",
        (C.D1, C.D2, C.D3),
        (F.LEAKED, F.HELD_WHILE_DENIED),
        "Microsoft: Exchange peering walkthrough",
    ),
    # --- the link ---
    CauseRow(
        "wrong-half",
        _PEER,
        "the peer took another half of the link's prefix: {told}",
        (C.L1, *_TCP),
        (F.OTHER_HALF_ANSWERS,),
        "simulator",
        accounts=(F.NOBODY_ANSWERS, F.CONFIGURED_SOURCE),
    ),
    CauseRow(
        "wrong-address",
        _PEER,
        "nobody answers for {peer} on the link",
        (C.L1, *_TCP),
        (F.NOBODY_ANSWERS,),
        "RFC 826, RFC 4861",
        contradicted=(F.OTHER_HALF_ANSWERS,),
        accounts=(F.CONFIGURED_SOURCE,),
    ),
    CauseRow("two-macs", _LINK, "two devices answer for {peer}", (C.L1, *_TCP), (F.TWO_MACS,), "RFC 5227"),
    CauseRow(
        "mtu",
        _LINK,
        "packets of {mtu} octets do not reach the peer or do not come back",
        (C.L2, C.A2),
        (F.SHORT_PACKETS_ONLY, F.LONG_PACKETS_LOST),
        "simulator",
    ),
    # --- what the router's own configuration says ---
    CauseRow(
        "shut-down",
        _PEER,
        "the session is administratively shut down on the router",
        _TCP,
        (F.SHUT_DOWN, F.NOTE_SHUTDOWN),
        "RFC 4486 §4",
        contradicted=(F.INTERFACE_NAME, F.VRF_NAME, F.LIMIT_HIT, F.NO_SESSION),
        accounts=(F.NOTE_RESET,),
    ),
    CauseRow(
        "interface-name",
        _PEER,
        "{told}",
        _TCP,
        (F.INTERFACE_NAME,),
        "simulator",
        accounts=(F.NO_SESSION, F.SHUT_DOWN, F.NOTE_UNWANTED),
    ),
    CauseRow(
        "vrf-name",
        _PEER,
        "{told}",
        _TCP,
        (F.VRF_NAME,),
        "simulator",
        accounts=(F.NO_SESSION, F.SHUT_DOWN, F.NOTE_UNWANTED),
    ),
    CauseRow(
        "session-missing",
        _PEER,
        "the router's configuration has no {family} session with {edge}",
        _TCP,
        (F.NO_SESSION, F.OTHER_UP),
        "simulator",
        contradicted=(F.UP, F.INTERFACE_NAME, F.VRF_NAME),
        accounts=(F.NOTE_UNWANTED, F.CLOSED_EARLY),
    ),
    CauseRow(
        "source-address",
        _PEER,
        "the router calls Microsoft from a wrong source address: {told}",
        (*_TCP, C.R9),
        (F.CONFIGURED_SOURCE,),
        "RFC 4271 §8.2.1",
        accounts=(F.NOTE_UNWANTED,),
    ),
    CauseRow(
        "md5-missing",
        _PEER,
        "the peer's MD5 key is missing: it does not sign its segments, and a key is agreed",
        (*_TCP, C.T2),
        (F.MD5_PEER_UNSIGNED,),
        "RFC 2385",
        contradicted=(F.UP,),
    ),
    CauseRow(
        "md5-not-agreed",
        _PEER,
        "the router has an MD5 key for this session, and none is agreed with Microsoft",
        (*_TCP, C.T2),
        (F.MD5_PEER_SIGNS,),
        "RFC 2385",
        contradicted=(F.UP,),
    ),
    CauseRow(
        "md5",
        _PEER,
        "the peer's MD5 key is not the one that was agreed",
        (*_TCP, C.T2),
        (F.MD5_DIFFERS,),
        "RFC 2385",
        needs=(F.OURS_SIGNED,),
        contradicted=(F.UP,),
        unless=(F.TALKS, F.TCP_REFUSED, F.MD5_PEER_UNSIGNED, F.CLOSED_EARLY, F.MD5_CLEAN),
        possible=True,
        apart="nstat -az TcpExtTCPMD5Failure TcpExtTCPMD5NotFound",
    ),
    CauseRow(
        "gtsm",
        _PEER,
        "GTSM is on at Microsoft's end only: the peer has none, so its packets arrive with a lower TTL and are dropped",
        (*_TCP, C.T3),
        (F.TTL_LOW_HERE,),
        "RFC 5082",
        needs=(F.OURS_GTSM,),
        contradicted=(F.UP,),
        unless=(F.TALKS, F.TTL_CLEAN),
        accounts=(F.CLOSED_EARLY,),
        possible=True,
        apart="nstat -az TcpExtTCPMinTTLDrop",
    ),
    CauseRow(
        "gtsm-at-peer",
        _PEER,
        "GTSM is on at the router only: it is not agreed, so our packets arrive there with a lower TTL and are dropped",
        (*_TCP, C.T3),
        (F.TTL_LOW_THERE,),
        "RFC 5082",
        contradicted=(F.UP,),
        accounts=(F.CLOSED_EARLY,),
    ),
    CauseRow(
        "remote-as-wrong",
        _PEER,
        "the router expects another AS than AS{local_as} from Microsoft: {told}",
        _OPEN,
        (F.CONFIGURED_REMOTE_AS, F.NOTE_AS),
        "RFC 4271 §6.2",
        accounts=(F.NOTE_UNWANTED,),
    ),
    CauseRow(
        "local-as-wrong",
        _PEER,
        "the router speaks for another AS than the PeerAsn's, AS{expected}: {told}",
        _OPEN,
        (F.OPEN_AS, F.CONFIGURED_LOCAL_AS),
        "RFC 4271 §6.2",
        accounts=(F.NOTE_UNWANTED, F.NOTE_RESET),
    ),
    CauseRow(
        "router-id-ours",
        _PEER,
        "the router's BGP Identifier is not its own: {told}",
        _OPEN,
        (F.OPEN_ID_ZERO, F.OPEN_ID_OURS, F.OPEN_ID_TAKEN, F.NOTE_ID),
        "RFC 6286",
    ),
    CauseRow(
        "hold-time",
        _PEER,
        "a hold time is 0 or at least 3 s: {told}",
        _OPEN,
        (F.OPEN_HOLD_BAD, F.NOTE_HOLD),
        "RFC 4271 §4.2",
        accounts=(F.CONFIGURED_HOLD,),
    ),
    CauseRow(
        "capabilities-missing",
        _PEER,
        "the router's OPEN carries no capability at all: negotiation is off, or it is about to turn the session away",
        _OPEN,
        (F.OPEN_BARE,),
        "RFC 5492 §3",
        accounts=(F.NO_FAMILY,),
    ),
    CauseRow(
        "family-missing",
        _PEER,
        "the router does not offer {family} unicast on this session: the address family is not activated on it",
        _OPEN,
        (F.OPEN_NO_FAMILY, F.NO_FAMILY),
        "RFC 4760 §8",
        accounts=(F.NOTE_CAPABILITY, F.NOTE_UNWANTED, F.NO_EXPORT_POLICY, F.NO_IMPORT_POLICY),
    ),
    CauseRow(
        "asn4-missing",
        _PEER,
        "the router has no four-octet AS numbers",
        _OPEN,
        (F.OPEN_NO_AS4,),
        "RFC 6793",
        contradicted=(F.NOTE_UNWANTED, F.NOTE_SHUTDOWN),
    ),
    CauseRow(
        "refresh-missing",
        _PEER,
        "the router has no route refresh",
        _OPEN,
        (F.OPEN_NO_REFRESH,),
        "RFC 2918",
        contradicted=(F.NOTE_UNWANTED, F.NOTE_SHUTDOWN),
    ),
    CauseRow(
        "role",
        _PEER,
        "the BGP role configured at the router does not match ours",
        _OPEN,
        (F.NOTE_ROLE,),
        "RFC 9234 §4.2",
    ),
    CauseRow(
        "not-configured",
        _PEER,
        "the router rejects the session: it has no such neighbor, or not any more",
        _TCP,
        (F.NOTE_UNWANTED, F.CLOSED_EARLY),
        "RFC 4271 §6.2, RFC 4486 §4",
        contradicted=(F.NO_SESSION,),
    ),
    CauseRow(
        "refused",
        _PEER,
        "the router refuses our OPEN: {told}",
        _OPEN,
        (F.NOTE_VERSION, F.NOTE_CAPABILITY, F.NOTE_RESOURCES),
        "RFC 4271 §6.2",
    ),
    # --- what ends a session that was up ---
    CauseRow(
        "peer-limit",
        _PEER,
        "the router's own prefix limit is below what Microsoft announces: {told}",
        (C.R5, C.S5, *_LIFTED, *_TCP),
        (F.LIMIT_LOW, F.NOTE_LIMIT, F.LIMIT_HIT),
        "RFC 4486 §4",
        accounts=(F.SHUT_DOWN, F.ROUTES_MISSING_THERE, F.NOTE_SHUTDOWN, F.NOTE_RESET),
    ),
    CauseRow(
        "reset",
        _PEER,
        "the router's operator reset the session, or its configuration was changed",
        _OPEN,
        (F.NOTE_RESET,),
        "RFC 4486 §4",
        contradicted=(F.SHUT_DOWN,),
    ),
    CauseRow("bfd", _PEER, "the router's BFD session with us is down", _OPEN, (F.NOTE_BFD,), "RFC 9384 §3"),
    CauseRow(
        "keepalives-missing",
        _PEER,
        "the peer stopped talking: its process hangs, or its packets do not arrive",
        _OPEN,
        (F.NOTE_EXPIRED_HERE, F.STUCK),
        "RFC 4271 §6.5",
        contradicted=(F.TTL_LOW_HERE,),
    ),
    CauseRow(
        "not-heard",
        _LINK,
        "the peer heard nothing from us for its hold time: our packets do not arrive",
        _OPEN,
        (F.NOTE_EXPIRED_THERE,),
        "RFC 4271 §6.5",
        contradicted=(F.TTL_LOW_THERE,),
    ),
    CauseRow(
        "malformed",
        _PEER,
        "the router and we do not agree on a message: {told}",
        _OPEN,
        (F.NOTE_MALFORMED_HERE, F.NOTE_MALFORMED_THERE),
        "RFC 4271 §6",
    ),
    # --- TCP without a better reason ---
    CauseRow(
        "not-listening",
        _PEER,
        "nothing listens on the BGP port of {peer}",
        _TCP,
        (F.TCP_REFUSED,),
        "RFC 4271 §8.2.1",
        contradicted=(F.UP, F.TALKS),
    ),
    CauseRow(
        "hangs",
        _PEER,
        "the router takes our OPEN and says nothing: its BGP process hangs",
        _TCP,
        (),
        "RFC 4271 §8.2.2",
        needs=(F.SILENT,),
        contradicted=(F.TALKS, F.UP, F.TTL_LOW_THERE, F.TTL_LOW_HERE),
        possible=True,
        apart="what the router itself says of the session: {show}",
    ),
    CauseRow(
        "passive",
        _PEER,
        "the router listens and neither calls nor takes our call",
        _TCP,
        (F.TCP_OPENS,),
        "RFC 4271 §8.1.1",
        contradicted=(F.TALKS, F.UP, F.CLOSED_EARLY, F.SILENT),
    ),
    CauseRow(
        "filtered",
        _LINK,
        "TCP port 179 is filtered, or the router is not there",
        (*_TCP, C.L1),
        (F.TCP_SILENT,),
        "RFC 4271 §8.2.1",
        contradicted=(F.TALKS, F.UP, F.TCP_REFUSED, F.TCP_OPENS, F.CLOSED_EARLY, F.SILENT),
        accounts=(F.NO_ECHO,),
        possible=True,
        apart="tcpdump on the router's interface: do our SYNs arrive?",
    ),
    # --- routes ---
    CauseRow(
        "too-many",
        _PEER,
        "the peer announces more prefixes than maxPrefixesAdvertised: {told}",
        (C.R2, C.S5, C.W3, C.W1),
        (F.TOO_MANY, F.NOTE_OUR_LIMIT),
        "Microsoft.Peering API",
    ),
    CauseRow(
        "policy-required",
        _PEER,
        "RFC 8212: the router has no export policy for this session, so it announces nothing",
        (C.R1,),
        (F.NO_EXPORT_POLICY,),
        "RFC 8212",
        accounts=(F.NO_IMPORT_POLICY, F.LACKS_PREFIXES),
    ),
    CauseRow(
        "import-policy-required",
        _PEER,
        "RFC 8212: the router has no import policy for this session, so it takes none of Microsoft's routes",
        (C.R5, *_LIFTED),
        (F.NO_IMPORT_POLICY,),
        "RFC 8212",
        accounts=(F.ROUTES_MISSING_THERE,),
    ),
    CauseRow(
        "network-not-in-rib",
        _PEER,
        "{told}",
        (C.R1, C.R4),
        (F.NETWORK_NOT_IN_RIB,),
        "simulator",
    ),
    CauseRow(
        "nothing-to-announce",
        _PEER,
        "{told}",
        (C.R1,),
        (F.NOTHING_TO_ANNOUNCE,),
        "simulator",
        contradicted=(F.NO_EXPORT_POLICY,),
        accounts=(F.LACKS_PREFIXES,),
    ),
    CauseRow(
        "export-policy",
        _PEER,
        "{told}",
        (C.R1,),
        (F.EXPORT_POLICY,),
        "simulator",
        contradicted=(F.NO_EXPORT_POLICY, F.NETWORK_NOT_IN_RIB),
        accounts=(F.LACKS_PREFIXES,),
    ),
    CauseRow(
        "no-export",
        _PEER,
        "the router announces nothing on this session",
        (C.R1,),
        (F.NONE_RECEIVED,),
        "RFC 8212",
        contradicted=(F.EXPORT_POLICY, F.NOTHING_TO_ANNOUNCE, F.NETWORK_NOT_IN_RIB, F.NO_EXPORT_POLICY),
        accounts=(F.LACKS_PREFIXES,),
    ),
    CauseRow(
        "one-session-only",
        _PEER,
        "prefixes are announced on one of two sessions only: {told}",
        (C.R9,),
        (F.LACKS_PREFIXES,),
        "simulator",
    ),
    CauseRow(
        "import-policy",
        _PEER,
        "the router's import policy refuses Microsoft's routes",
        _LIFTED,
        (F.ROUTES_MISSING_THERE,),
        "simulator",
        contradicted=(F.LIMIT_LOW, F.LIMIT_HIT, F.NOTE_LIMIT, F.NO_IMPORT_POLICY),
    ),
    # --- what an exchange's route server does to routes ---
    CauseRow(
        "rs-own-as",
        Side.EXCHANGE,
        "the route server puts its own AS into the path: {told}",
        (C.R7,),
        (F.SERVER_IN_PATH,),
        "RFC 7947 §2.2.2.1",
    ),
    CauseRow(
        "rs-next-hop",
        Side.EXCHANGE,
        "the route server makes itself the next hop of its members' routes: {told}",
        (C.R7,),
        (F.SERVER_NEXT_HOP,),
        "RFC 7947 §2.2.1",
    ),
    CauseRow(
        "rs-control-communities",
        Side.EXCHANGE,
        "the route server passes on the communities that are for itself alone: {told}",
        (C.R7,),
        (F.SERVER_CONTROL,),
        "RFC 7948 §4.6",
    ),
    CauseRow(
        "rs-keeps-routes",
        Side.EXCHANGE,
        "the route server does not pass Microsoft's routes on: {told}",
        (C.A5,),
        (F.MEMBERS_LACK,),
        "RFC 7947 §2.2",
    ),
    # --- what will bite later ---
    CauseRow(
        "icmp-filtered",
        _LINK,
        "ICMP echo is filtered at the peer, which answers ARP or Neighbor Discovery: BGP needs no echo",
        (C.L1,),
        (F.NO_ECHO,),
        "RFC 4890",
    ),
    CauseRow(
        "hold-time-zero",
        _PEER,
        "the hold time agreed is 0: no keepalives are sent, and a dead peer is never noticed",
        (C.S3,),
        (F.OPEN_HOLD_ZERO,),
        "RFC 4271 §4.2",
        accounts=(F.CONFIGURED_HOLD,),
    ),
    CauseRow(
        "hold-time-short",
        _PEER,
        "the hold time agreed is short: a busy router may flap ({told})",
        (C.S3,),
        (F.OPEN_HOLD_SHORT, F.CONFIGURED_HOLD),
        "RFC 4271 §10",
        contradicted=(F.OPEN_HOLD_ZERO, F.OPEN_HOLD_BAD),
    ),
    CauseRow(
        "peer-limit-near",
        _PEER,
        "the router's own prefix limit is near what Microsoft announces: {told}",
        (C.R5,),
        (F.LIMIT_NEAR,),
        "simulator",
    ),
    CauseRow(
        "one-edge",
        _REQUESTER,
        "one edge router, or one link, is enough to take this peering down",
        (C.C1,),
        (F.ONE_EDGE,),
        "Microsoft: peering policy",
    ),
    CauseRow(
        "forbidden-frames",
        _PEER,
        "the router sends what does not belong on an exchange's LAN: {told}",
        (C.L3,),
        (F.FORBIDDEN_FRAMES,),
        "simulator, after the exchanges' common rules",
    ),
    CauseRow(
        "med-sent",
        _PEER,
        "the peer sends a MED, which Microsoft overwrites: it steers nothing ({told})",
        (C.R8,),
        (F.MED_SENT,),
        "Microsoft: peering policy",
        once=True,
    ),
    CauseRow(
        "communities-stripped",
        _PEER,
        "the peer sends communities in AS8075's own name, which are taken off on import ({told})",
        (C.R8,),
        (F.COMMUNITIES_LOST,),
        "RFC 7454 §11",
        once=True,
    ),
    CauseRow(
        "rpki-not-found",
        _PEER,
        "no ROA covers accepted routes: Microsoft may refuse what is not signed ({told})",
        (C.R8,),
        (F.NO_ROA,),
        "Microsoft: peering policy",
        once=True,
    ),
    CauseRow(
        "nothing-to-rehearse",
        _REQUESTER,
        "AS8075 announces nothing on this connection: nothing is rehearsed of what the peer takes",
        (C.R6,),
        (F.NOT_ANNOUNCED,),
        "simulator",
    ),
    # --- traffic: routes are exchanged, packets do not follow them ---
    CauseRow(
        "next-hop-silent",
        _PEER,
        "Microsoft's packets go to a next hop for which nobody answers",
        (C.A2,),
        (F.NEXT_HOP_SILENT,),
        "RFC 4271 §5.1.3",
    ),
    CauseRow(
        "no-kernel-route",
        _PEER,
        "the router takes Microsoft's routes and forwards by none of them",
        (C.A2,),
        (F.ROUTER_HAS_NO_ROUTE,),
        "simulator",
    ),
    CauseRow(
        "edge-without-route",
        _MICROSOFT,
        "the edge took the peer's routes and forwards by none of them",
        (C.A2,),
        (F.EDGE_HAS_NO_ROUTE,),
        "simulator",
    ),
    CauseRow(
        "sent-back",
        _PEER,
        "the router sends packets to Microsoft that are not for Microsoft",
        (C.A2,),
        (F.PACKETS_COME_BACK,),
        "RFC 4271 §9.1.2",
    ),
    CauseRow(
        "ttl-expires",
        _PEER,
        "packets circle until their TTL is used up",
        (C.A2,),
        (F.PACKETS_EXPIRE,),
        "RFC 1812",
    ),
    CauseRow(
        "packets-dropped",
        _PEER,
        "packets are dropped on the way without a word",
        (C.A2,),
        (F.PACKETS_LOST,),
        "simulator",
        contradicted=(F.NEXT_HOP_SILENT,),
    ),
    CauseRow(
        "asymmetric-path",
        _PEER,
        "packets take another way than the peering's",
        (C.A2,),
        (F.PACKETS_ASTRAY,),
        "simulator",
    ),
    CauseRow(
        "static-route",
        _PEER,
        "the router sends packets to Microsoft without a route of Microsoft's",
        (C.A2,),
        (F.PASSES_EARLY, F.PASSES_LATE),
        "simulator",
    ),
    # --- what happens to an Active peering ---
    CauseRow(
        "prefix-flaps",
        _PEER,
        "a prefix comes and goes, as an aggregate does whose parts do: {told}",
        (C.W5, C.R1, C.A1, C.A3),
        (F.PREFIX_FLAPS, F.ROUTES_FLAP),
        "RFC 2439",
    ),
    CauseRow(
        "prefixes-lost",
        _PEER,
        "the peer does not announce what it announced: {told}",
        (C.W2,),
        (F.PREFIXES_LOST,),
        "simulator",
    ),
    CauseRow(
        "near-limit",
        _PEER,
        "the peer announces nearly as many prefixes as maxPrefixesAdvertised lets through: {told}",
        (C.W3,),
        (F.NEAR_OUR_LIMIT,),
        "Microsoft.Peering API",
        contradicted=(F.TOO_MANY,),
    ),
    CauseRow(
        "agreement-changed",
        _PEER,
        "the router came back with another configuration, or another router did: {told}",
        (C.W4,),
        (F.AGREEMENT_CHANGED,),
        "RFC 4271 §4.2, RFC 5492",
    ),
    CauseRow("went-down", _LINK, "the session went down: {told}", (C.W1,), (F.WENT_DOWN,), "RFC 4271 §8.2.2"),
    CauseRow("no-netem", _REQUESTER, "{told}", (C.L4,), (F.NO_NETEM,), "simulator"),
)
"""In the order in which to look at them: what lies below comes first."""

RULE_SIDES: Final = {"registered-origin": Side.REQUESTER, "registered-prefix": Side.REQUESTER}
"""By the policy's rule: who has to act, where it is not the peer."""

IMPLIED: Final = {
    "as-path-loop": ("microsoft-prefix",),
    "as-path-empty": ("first-as",),
    "bogon-asn": ("maps-private-asn",),
    "maps-prepending": ("maps-as-path-too-long",),
    "next-hop": ("microsoft-prefix",),
    "prefix-too-long": ("exchange-lan", "microsoft-prefix"),
    "prefix-too-short": ("default-route",),
    "rpki-unknown": ("bogon-prefix", "default-route", "exchange-lan"),
    "irr-prefix": ("bogon-prefix", "default-route", "exchange-lan", "microsoft-prefix"),
}
"""A rule that rejects nothing but what one of these rejects too follows from that: one mistake, not two."""

BY_ID: Final = {row.id: row for row in CAUSES}

RULE_ORDER: Final = [row.id for row in CAUSES].index("one-session-only")
"""Where the causes stand that a rule of the policy gives: behind those by which nothing comes at all."""
