"""What can be observed of one session, as an enumeration, and which of it no healthy session shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from simulator.diagnosis.check_ids import CheckId as C


class Fact(Enum):
    """One kind of observation. The value says what it means."""

    # the link
    NOBODY_ANSWERS = "no MAC answers for the peer's address"
    OTHER_HALF_ANSWERS = "another address of the link's prefix is answered for"
    NO_ECHO = "a MAC answers, and no echo reply comes"
    FOREIGN_MAC = "what answers for the peer's address is no interface of its router"
    TWO_MACS = "two MACs answer for one address"
    SHORT_PACKETS_ONLY = "packets of the link's full size do not pass"
    LINK_LOSES = "some echoes are answered, and others of the same kind are not"
    FORBIDDEN_FRAMES = "the peer sends frames that an exchange's LAN forbids"
    NO_NETEM = "the kernel cannot give the link the quality that is asked for"
    TAKEN_BACK = "the peering was set for deprovisioning before it was Active"
    ONE_EDGE = "all connections of the peering lead to one edge"
    # traffic
    PASSES_EARLY = "packets pass before the lift"
    PASSES_LATE = "packets pass after the deny"
    EDGE_PASSES_ON = "the edge forwards to the peer while the policy is DENY ALL"
    ROUTER_HAS_NO_ROUTE = "the peer's router has no route to Microsoft in its kernel"
    EDGE_HAS_NO_ROUTE = "the edge has no route to the peer in its kernel"
    NEXT_HOP_SILENT = "nobody answers for the next hop of a route"
    PACKETS_COME_BACK = "what was for the peer comes back to the edge, or what was for Microsoft goes elsewhere"
    PACKETS_EXPIRE = "the TTL of packets expires on the way"
    PACKETS_LOST = "packets are dropped on the way, and nobody says so"
    LONG_PACKETS_LOST = "short packets pass, those of the link's full size do not"
    PACKETS_ASTRAY = "packets pass by another way than the session's"
    # TCP
    TCP_OPENS = "a TCP handshake with the router's BGP port succeeds"
    WAITS_UNHEARD = "the router is to be called on this session, and its kernel refuses TCP to its BGP port"
    TCP_REFUSED = "the router's kernel refuses TCP to its BGP port"
    TCP_REJECTED = "an ICMP error answers our SYN"
    TCP_SILENT = "nothing answers TCP to the router's BGP port"
    CLOSED_EARLY = "the router takes the TCP connection and ends it without a word"
    TALKS = "BGP messages of the peer were read"
    CAME_AGAIN = "the session ended, or came up more than once, and nobody sent a NOTIFICATION"
    UP = "the session is Established"
    LATE = "the session came up once, and not for the whole soak yet"
    HALF_UP = "the session is Established here, and not at the router"
    WAS_UP = "the session was Established when the time began that is looked at"
    SILENT = "TCP is up, our OPEN was sent, and the peer says nothing"
    MD5_CLEAN = "neither kernel dropped a segment for its MD5 signature"
    TTL_CLEAN = "no kernel dropped a packet for its TTL"
    STUCK = "the OPENs were exchanged, and no KEEPALIVE of the peer came"
    OURS_SIGNED = "MD5 is configured here"
    OURS_KEY_WRONG = "the edge's own MD5 key is not the one that was agreed"
    OURS_GTSM = "GTSM is configured here"
    MD5_PEER_UNSIGNED = "the peer does not sign its segments, and we do"
    MD5_PEER_SIGNS = "the peer signs its segments, and we do not"
    MD5_DIFFERS = "both sign, with different keys"
    TTL_LOW_HERE = "the peer's packets come with a TTL below what GTSM asks for here"
    TTL_LOW_THERE = "our packets come to the peer with a TTL below what its GTSM asks for"
    OTHER_UP = "another session of the connection is up, and this router cannot be asked"
    # the router's configuration and tables, as itself tells them
    ASKED = "the router could be asked"
    NO_SESSION = "the router has no such session"
    SHUT_DOWN = "the session is shut down on the router"
    LIMIT_HIT = "the router's own prefix limit ended the session"
    CONFIGURED_LOCAL_AS = "the router's local AS is another than the PeerAsn's"
    CONFIGURED_REMOTE_AS = "the router expects another AS than ours"
    CONFIGURED_SOURCE = "the router calls from another address than was agreed"
    CONFIGURED_HOLD = "the router's hold time is 0 or short"
    NO_FAMILY = "the router has the session without its address family"
    LIMIT_LOW = "the router's prefix limit is below what Microsoft announces"
    LIMIT_NEAR = "the router's prefix limit is near what Microsoft announces"
    NO_IMPORT_POLICY = "RFC 8212: the router has no import policy for the session"
    NO_EXPORT_POLICY = "RFC 8212: the router has no export policy for the session"
    INTERFACE_NAME = "the user's file binds to an interface that is not there"
    VRF_NAME = "the user's file binds to a VRF that is not there"
    NETWORK_NOT_IN_RIB = "a `network` has no route in the router's RIB"
    NOTHING_TO_ANNOUNCE = "the router's table has no route of its own"
    EXPORT_POLICY = "the router's table has routes, and its export policy lets none out"
    IMPORT_POLICY = "the router's import policy refuses every route, those of its own too"
    KEPT_BACK = "the router originates what the topology says, and its export policy lets others out and not this"
    NOT_ORIGINATED = "what the topology says that the peer announces does not come, and other prefixes do"
    NEXT_HOP_OURS = "another edge gets prefixes whose next hop is this edge, to which no router sends them"
    SENT_LIMIT = "the router limits what it sends on the session, and has more to send"
    # OPEN and NOTIFICATION
    OPEN_AS = "the OPEN carries another AS than the PeerAsn's"
    OPEN_ID_ZERO = "the BGP Identifier is 0.0.0.0"
    OPEN_ID_OURS = "the peer uses our BGP Identifier"
    OPEN_ID_TAKEN = "another peer of this edge has the same BGP Identifier"
    OPEN_HOLD_BAD = "the OPEN offers a hold time of 1 or 2 s"
    OPEN_HOLD_ZERO = "the hold time agreed is 0"
    OPEN_HOLD_SHORT = "the hold time agreed is short"
    OPEN_BARE = "the OPEN carries no capability at all"
    OPEN_NO_FAMILY = "the OPEN lacks the session's address family"
    OPEN_NO_AS4 = "the OPEN lacks four-octet AS numbers"
    OPEN_NO_REFRESH = "the OPEN lacks route refresh"
    NOTE_VERSION = "NOTIFICATION: the peer does not take BGP version 4 from us"
    NOTE_AS = "NOTIFICATION: the peer expects another AS from us"
    NOTE_ID = "NOTIFICATION: the peer does not take our BGP Identifier"
    NOTE_UNWANTED = "NOTIFICATION: the peer has no such neighbor, or not any more"
    NOTE_HOLD = "NOTIFICATION: the hold time is not acceptable"
    NOTE_CAPABILITY = "NOTIFICATION: the peer wants a capability or parameter otherwise"
    NOTE_ROLE = "NOTIFICATION: the BGP roles do not match"
    NOTE_LIMIT = "NOTIFICATION: the peer's own prefix limit was reached"
    NOTE_OUR_LIMIT = "NOTIFICATION that we sent: the peer announces more than its limit"
    NOTE_SHUTDOWN = "NOTIFICATION: the peer's operator shut the session down"
    NOTE_RESET = "NOTIFICATION: the peer's operator reset or changed the session"
    NOTE_RESOURCES = "NOTIFICATION: the peer has no resources left"
    NOTE_UNSPECIFIC = "NOTIFICATION: the peer ends the session, and does not say why"
    NOTE_BFD = "NOTIFICATION: the peer's BFD session is down"
    NOTE_EXPIRED_HERE = "NOTIFICATION that we sent: nothing came from the peer for the hold time"
    NOTE_EXPIRED_THERE = "NOTIFICATION: the peer heard nothing from us for its hold time"
    NOTE_MALFORMED_HERE = "NOTIFICATION that we sent: a message of the peer was malformed"
    NOTE_MALFORMED_THERE = "NOTIFICATION: the peer takes a message of ours for malformed"
    # routes
    NONE_RECEIVED = "the peer announces nothing"
    NONE_CAME_YET = "over a link that loses packets neither a route nor End-of-RIB has come yet"
    TOO_MANY = "the peer announces more than maxPrefixesAdvertised"
    LACKS_PREFIXES = "prefixes come on one of two edges' sessions alone"
    ROUTES_FLAP = "prefixes are withdrawn and announced again and again"
    SERVER_IN_PATH = "the route server's own AS stands in the path of a member's route"
    SERVER_NEXT_HOP = "the route server is the next hop of a member's route"
    SERVER_CONTROL = "communities for the route server alone are still on a member's route"
    MEMBERS_LACK = "members behind the route server lack routes of Microsoft's"
    ROUTES_MISSING_THERE = "the router lacks routes that were sent to it"
    LEAKED = "routes passed while the policy was DENY ALL"
    HELD_WHILE_DENIED = "the router holds routes of Microsoft while the policy is DENY ALL"
    NOT_ANNOUNCED = "Microsoft has nothing to announce"
    MED_SENT = "accepted routes carry a MED that the import overwrites"
    COMMUNITIES_LOST = "accepted routes carry communities that the import takes off"
    NO_ROA = "no ROA covers accepted routes"

    # an Active peering
    WENT_DOWN = "the session went down while it was Active"
    PREFIXES_LOST = "the peer announces much less than it did"
    NEAR_OUR_LIMIT = "the peer announces nearly as much as maxPrefixesAdvertised"
    AGREEMENT_CHANGED = "the session came back with another OPEN of the peer"
    PREFIX_FLAPS = "the peer withdraws a prefix again and again"


ABNORMAL: dict[Fact, C] = {
    Fact.OTHER_HALF_ANSWERS: C.L1,
    Fact.NO_ECHO: C.L1,
    Fact.TWO_MACS: C.L1,
    Fact.FOREIGN_MAC: C.L1,
    Fact.SHORT_PACKETS_ONLY: C.L2,
    Fact.LINK_LOSES: C.L2,
    Fact.FORBIDDEN_FRAMES: C.L3,
    Fact.OURS_KEY_WRONG: C.T2,
    Fact.MD5_PEER_UNSIGNED: C.T2,
    Fact.MD5_PEER_SIGNS: C.T2,
    Fact.MD5_DIFFERS: C.T2,
    Fact.TTL_LOW_HERE: C.T3,
    Fact.TTL_LOW_THERE: C.T3,
    Fact.NO_SESSION: C.T1,
    Fact.SHUT_DOWN: C.T1,
    Fact.INTERFACE_NAME: C.T1,
    Fact.VRF_NAME: C.T1,
    Fact.CONFIGURED_SOURCE: C.T1,
    Fact.WAITS_UNHEARD: C.T1,
    Fact.CONFIGURED_LOCAL_AS: C.S1,
    Fact.CONFIGURED_REMOTE_AS: C.S1,
    Fact.OPEN_AS: C.S1,
    Fact.NOTE_AS: C.S1,
    Fact.OPEN_ID_ZERO: C.S2,
    Fact.OPEN_ID_OURS: C.S2,
    Fact.OPEN_ID_TAKEN: C.S2,
    Fact.NOTE_ID: C.S2,
    Fact.CONFIGURED_HOLD: C.S3,
    Fact.OPEN_HOLD_BAD: C.S3,
    Fact.OPEN_HOLD_ZERO: C.S3,
    Fact.OPEN_HOLD_SHORT: C.S3,
    Fact.NOTE_HOLD: C.S3,
    Fact.NO_FAMILY: C.S4,
    Fact.OPEN_BARE: C.S4,
    Fact.OPEN_NO_FAMILY: C.S4,
    Fact.OPEN_NO_AS4: C.S4,
    Fact.OPEN_NO_REFRESH: C.S4,
    Fact.NOTE_ROLE: C.S4,
    Fact.NOTE_CAPABILITY: C.S4,
    Fact.NOTE_VERSION: C.S5,
    Fact.NOTE_UNWANTED: C.S5,
    Fact.NOTE_LIMIT: C.S5,
    Fact.NOTE_OUR_LIMIT: C.R2,
    Fact.NOTE_SHUTDOWN: C.S5,
    Fact.NOTE_RESET: C.S5,
    Fact.NOTE_RESOURCES: C.S5,
    Fact.NOTE_BFD: C.S5,
    Fact.NOTE_UNSPECIFIC: C.S5,
    Fact.NOTE_EXPIRED_HERE: C.S5,
    Fact.NOTE_EXPIRED_THERE: C.S5,
    Fact.NOTE_MALFORMED_HERE: C.S5,
    Fact.NOTE_MALFORMED_THERE: C.S5,
    Fact.NO_IMPORT_POLICY: C.R5,
    Fact.NO_EXPORT_POLICY: C.R1,
    Fact.KEPT_BACK: C.R4,
    Fact.NOT_ORIGINATED: C.R4,
    Fact.SENT_LIMIT: C.S5,
    Fact.LIMIT_LOW: C.R5,
    Fact.LIMIT_NEAR: C.R5,
    Fact.LIMIT_HIT: C.R5,
    Fact.TOO_MANY: C.R2,
    Fact.ROUTES_FLAP: C.R1,
    Fact.LACKS_PREFIXES: C.R9,
    Fact.MED_SENT: C.R8,
    Fact.COMMUNITIES_LOST: C.R8,
    Fact.NO_ROA: C.R8,
}
"""Facts that no healthy session shows: each asks for a cause, and its check warns even where nothing else fails."""

ROOTS: frozenset[Fact] = frozenset(
    {
        *(Fact.NEXT_HOP_OURS, Fact.NETWORK_NOT_IN_RIB, Fact.NONE_RECEIVED),
        *(Fact.SERVER_IN_PATH, Fact.SERVER_NEXT_HOP, Fact.SERVER_CONTROL),
        *(Fact.NEXT_HOP_SILENT, Fact.ROUTER_HAS_NO_ROUTE, Fact.EDGE_HAS_NO_ROUTE, Fact.LONG_PACKETS_LOST),
        *(Fact.PACKETS_COME_BACK, Fact.PACKETS_EXPIRE, Fact.PACKETS_ASTRAY),
        *(Fact.PASSES_EARLY, Fact.PASSES_LATE, Fact.EDGE_PASSES_ON, Fact.PREFIX_FLAPS),
    }
)
"""Facts that follow from nothing else: where a check fails that one of them can explain, it asks for a cause of its
own, though another cause explains the check as well."""


@dataclass(slots=True)
class SessionFacts:
    """What was observed of one session: each fact with its evidence."""

    found: dict[Fact, list[str]]
    lacks: tuple[str, ...] = ()
    """The prefixes that come on another edge's session and not on this one."""

    def has(self, fact: Fact) -> bool:
        return fact in self.found

    def evidence(self, *facts: Fact) -> tuple[str, ...]:
        lines = (line for fact in facts for line in self.found.get(fact, ()))
        return tuple(dict.fromkeys(line for line in lines if line))


Seen = Iterator[tuple[Fact, str]]
