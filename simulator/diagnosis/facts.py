"""Facts: what was observed of one session, each an enumeration with the evidence for it. Neither check nor cause.

A fact is read from what our own speaker saw, from the kernel's counters at both ends, from the link, or from what the
peer's router itself says of its configuration. Nothing here reads prose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address

from simulator.diagnosis import traffic_checks
from simulator.diagnosis.check import name_of
from simulator.diagnosis.check_ids import CheckId as C
from simulator.diagnosis.evidence import Observation, Passage, SessionEvidence, TcpEnd
from simulator.diagnosis.refusals import REFUSALS
from simulator.diagnosis.route_checks import NEAR, lacking, marked
from simulator.diagnosis.route_server_checks import members_lack
from simulator.diagnosis.router_answer import PeerTrouble, RouterAnswer, Setting
from simulator.diagnosis.session_checks import COMFORTABLE_HOLD, UP
from simulator.session.messages import Capabilities
from simulator.session.session import NotificationSeen
from simulator.session.states import BgpState


class Fact(Enum):
    """One kind of observation. The value says what it means."""

    # the link
    NOBODY_ANSWERS = "no MAC answers for the peer's address"
    OTHER_HALF_ANSWERS = "another address of the link's prefix is answered for"
    NO_ECHO = "a MAC answers, and no echo reply comes"
    TWO_MACS = "two MACs answer for one address"
    SHORT_PACKETS_ONLY = "packets of the link's full size do not pass"
    FORBIDDEN_FRAMES = "the peer sends frames that an exchange's LAN forbids"
    NO_NETEM = "the kernel cannot give the link the quality that is asked for"
    ONE_EDGE = "all connections of the peering lead to one edge"
    # traffic
    PASSES_EARLY = "packets pass before the lift"
    PASSES_LATE = "packets pass after the deny"
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
    TCP_REFUSED = "the router's kernel refuses TCP to its BGP port"
    TCP_SILENT = "nothing answers TCP to the router's BGP port"
    CLOSED_EARLY = "the router takes the TCP connection and ends it without a word"
    TALKS = "BGP messages of the peer were read"
    UP = "the session is Established"
    WAS_UP = "the session was Established when the time began that is looked at"
    SILENT = "TCP is up, our OPEN was sent, and the peer says nothing"
    MD5_CLEAN = "neither kernel dropped a segment for its MD5 signature"
    TTL_CLEAN = "no kernel dropped a packet for its TTL"
    STUCK = "the OPENs were exchanged, and no KEEPALIVE of the peer came"
    OURS_SIGNED = "MD5 is configured here"
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
    NOTE_BFD = "NOTIFICATION: the peer's BFD session is down"
    NOTE_EXPIRED_HERE = "NOTIFICATION that we sent: nothing came from the peer for the hold time"
    NOTE_EXPIRED_THERE = "NOTIFICATION: the peer heard nothing from us for its hold time"
    NOTE_MALFORMED_HERE = "NOTIFICATION that we sent: a message of the peer was malformed"
    NOTE_MALFORMED_THERE = "NOTIFICATION: the peer takes a message of ours for malformed"
    # routes
    NONE_RECEIVED = "the peer announces nothing"
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
    Fact.SHORT_PACKETS_ONLY: C.L2,
    Fact.FORBIDDEN_FRAMES: C.L3,
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
    Fact.NOTE_EXPIRED_HERE: C.S5,
    Fact.NOTE_EXPIRED_THERE: C.S5,
    Fact.NOTE_MALFORMED_HERE: C.S5,
    Fact.NOTE_MALFORMED_THERE: C.S5,
    Fact.NO_IMPORT_POLICY: C.R5,
    Fact.NO_EXPORT_POLICY: C.R1,
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


def _lacks(session: SessionEvidence, observation: Observation) -> tuple[str, ...]:
    if not session.soaked or not session.prefixes:
        return ()
    family = session.view.family
    there = {prefix for other in observation.siblings if other.family is family for prefix in other.prefixes}
    return tuple(sorted(there - session.prefixes - session.turned_away))


def facts_of(session: SessionEvidence, observation: Observation) -> SessionFacts:
    """All facts of one session."""
    found: dict[Fact, list[str]] = {}
    for look in _LOOKS:
        for fact, evidence in look(session, observation):
            found.setdefault(fact, []).append(evidence)
    return SessionFacts(found, _lacks(session, observation))


def _link(session: SessionEvidence, observation: Observation) -> Seen:
    lan = session.lan
    if not observation.has_lan:
        return
    if lan is None:  # after the lift nobody asks for it
        if not session.was_up:
            yield Fact.NOBODY_ANSWERS, f"nothing was heard of {session.view.peer_address}"
        return
    if not lan.macs:
        yield Fact.NOBODY_ANSWERS, f"no MAC answers for {session.view.peer_address}"
        if lan.elsewhere:
            yield Fact.OTHER_HALF_ANSWERS, f"{', '.join(lan.elsewhere)} answers"
    elif not lan.pinged:
        yield Fact.NO_ECHO, f"{', '.join(sorted(lan.macs))} answers for {session.view.peer_address}, no echo reply"
    if len(lan.macs) > 1:
        yield Fact.TWO_MACS, f"{', '.join(sorted(lan.macs))} answer for {session.view.peer_address}"
    if session.frames:
        yield Fact.FORBIDDEN_FRAMES, f"frames of the peer: {', '.join(session.frames)}"
    if lan.whole:
        yield Fact.SHORT_PACKETS_ONLY, f"an echo of {session.mtu} octets with DF: {lan.whole}"


_TALKING = (BgpState.OPEN_CONFIRM, BgpState.ESTABLISHED)
_ABOUT_A_MESSAGE = (1, 2, 3, 5)
"""Error codes of a NOTIFICATION that answers a message (RFC 4271 §6): one that we sent tells that something came."""


def _answers(seen: NotificationSeen) -> bool:
    return int(seen.notification.code) in _ABOUT_A_MESSAGE


def _tcp(session: SessionEvidence, observation: Observation) -> Seen:
    view = session.view
    # An OPEN may be of a session that was up and is gone: it tells nothing of now.
    talks = view.bgp_state in _TALKING or any(not seen.sent or _answers(seen) for seen in view.notifications)
    if session.was_up:
        yield Fact.WAS_UP, ""
    if session.is_up:
        yield Fact.UP, "BGP state Established"
    if talks:
        yield Fact.TALKS, ""
    if view.md5:
        yield Fact.OURS_SIGNED, "MD5 is configured here"
    if view.gtsm:
        yield Fact.OURS_GTSM, "GTSM is configured here"
    if view.bgp_state is BgpState.OPEN_CONFIRM:
        yield Fact.STUCK, "BGP state OpenConfirm: the peer's KEEPALIVE does not come"
    ends = {TcpEnd.OPENS: Fact.TCP_OPENS, TcpEnd.REFUSED: Fact.TCP_REFUSED}
    if session.probe is not None:
        words = f"a TCP handshake with port 179 of {view.peer_address}: {session.probe.value}"
        yield ends.get(session.probe, Fact.TCP_SILENT), words
    if view.peer_closed_early and not talks and session.probe is not TcpEnd.REFUSED:  # it is the later evidence
        yield Fact.CLOSED_EARLY, f"the peer accepted the TCP connection and ended it: {view.peer_closed_early}"
    if view.bgp_state is BgpState.OPEN_SENT and not talks and not view.peer_closed_early:
        yield Fact.SILENT, "our OPEN was sent, and nothing came back"


_MD5 = ("TCPMD5NotFound", "TCPMD5Unexpected", "TCPMD5Failure")


def _counters(session: SessionEvidence, observation: Observation) -> Seen:
    """The counters are of a whole node: they tell of a session only where it is down and its key fits them."""
    if session.is_up:
        return
    here, there, md5, gtsm = session.tcp_counters, session.peer_counters, session.view.md5, session.view.gtsm
    table = (
        (here, "TCPMD5NotFound", md5, Fact.MD5_PEER_UNSIGNED),
        (there, "TCPMD5Unexpected", md5, Fact.MD5_PEER_UNSIGNED),
        (here, "TCPMD5Unexpected", not md5, Fact.MD5_PEER_SIGNS),
        (there, "TCPMD5NotFound", not md5, Fact.MD5_PEER_SIGNS),
        (here, "TCPMD5Failure", md5, Fact.MD5_DIFFERS),
        (there, "TCPMD5Failure", md5, Fact.MD5_DIFFERS),
        (here, "TCPMinTTLDrop", gtsm, Fact.TTL_LOW_HERE),
        (there, "TCPMinTTLDrop", not gtsm, Fact.TTL_LOW_THERE),
    )
    if here and there and not any(counters.get(name) for counters in (here, there) for name in _MD5):
        yield Fact.MD5_CLEAN, ""
    if here and not any(counters.get("TCPMinTTLDrop") for counters in (here, there)):
        yield Fact.TTL_CLEAN, ""
    for counters, name, fits, fact in table:
        if fits and counters.get(name):
            where = "the edge" if counters is here else "the router"
            yield fact, f"kernel counter {name} of {where} rose by {counters[name]}"


def _says(answer: RouterAnswer, setting: Setting, words: str) -> str:
    found = answer.statements.get(setting)
    if found is None:
        return words
    return f"{words} ({found.place}: {found.text.strip()})" if found.text else f"{words} ({found.place})"


_TROUBLES = {
    PeerTrouble.INTERFACE_NAME: Fact.INTERFACE_NAME,
    PeerTrouble.VRF_NAME: Fact.VRF_NAME,
    PeerTrouble.NETWORK_NOT_IN_RIB: Fact.NETWORK_NOT_IN_RIB,
    PeerTrouble.NOTHING_TO_ANNOUNCE: Fact.NOTHING_TO_ANNOUNCE,
    PeerTrouble.EXPORT_POLICY: Fact.EXPORT_POLICY,
}


def _router(session: SessionEvidence, observation: Observation) -> Seen:
    """What the router says of its own configuration, beside what was agreed."""
    answer, view = session.answer, session.view
    if answer is None:
        mute = view.bgp_state is not UP and view.peer_open is None and not view.notifications
        for other in observation.sessions:
            if other.view.id != view.id and other.view.bgp_state is UP and mute:
                yield Fact.OTHER_UP, f"only {name_of(other)} is up"
        return
    yield Fact.ASKED, ""
    if not answer.configured and not session.is_up:
        yield Fact.NO_SESSION, f"the router's configuration has no session with {view.local_address}"
        yield from ((_TROUBLES[what], text) for what, text in answer.troubles)
        return
    if answer.shut_down:
        words = f"the router has the session shut down{f': {answer.reason}' if answer.reason else ''}"
        yield Fact.SHUT_DOWN, _says(answer, Setting.SHUTDOWN, words)
    if answer.limit_hit:
        yield Fact.LIMIT_HIT, f"the router says: {answer.state}: {answer.reason}".rstrip(": ")
    if answer.local_as is not None and view.peer_as not in (None, answer.local_as):
        words = f"the router's local AS on this session is AS{answer.local_as}"
        yield Fact.CONFIGURED_LOCAL_AS, _says(answer, Setting.LOCAL_AS, words)
    if answer.remote_as not in (None, view.local_open.asn):
        words = f"the router expects AS{answer.remote_as} from {view.local_address}"
        yield Fact.CONFIGURED_REMOTE_AS, _says(answer, Setting.REMOTE_AS, words)
    if answer.source is not None and ip_address(answer.source) not in _addresses(session):
        words = f"the router calls from {answer.source}, not from {view.peer_address}"
        yield Fact.CONFIGURED_SOURCE, _says(answer, Setting.SOURCE, words)
    yield from _security(session, answer)
    if answer.hold_time is not None and answer.hold_time < COMFORTABLE_HOLD:
        words = f"the router's hold time is {answer.hold_time} s"
        yield Fact.CONFIGURED_HOLD, _says(answer, Setting.HOLD_TIME, words)
    if answer.family is False:
        yield Fact.NO_FAMILY, f"the router has the session with {view.local_address} without {view.family.label}"
    yield from _limit(session, answer)
    if answer.no_import_policy:
        yield Fact.NO_IMPORT_POLICY, f"the router says: {answer.reason or 'no import policy'}"
    if answer.no_export_policy:
        yield Fact.NO_EXPORT_POLICY, f"the router says: {answer.reason or 'no export policy'}"
    yield from ((_TROUBLES[what], text) for what, text in answer.troubles)


def _addresses(session: SessionEvidence) -> set[IPv4Address | IPv6Address]:
    return {session.view.peer_address, *(session.carried or ())}


def _security(session: SessionEvidence, answer: RouterAnswer) -> Seen:
    view = session.view
    if answer.md5 is not None and answer.md5 != view.md5:
        has = "has an MD5 key, and none is agreed" if answer.md5 else "has no MD5 key, and one is agreed"
        fact = Fact.MD5_PEER_SIGNS if answer.md5 else Fact.MD5_PEER_UNSIGNED
        yield fact, _says(answer, Setting.MD5, f"the router {has}")
    if answer.md5_differs and view.md5:
        yield (
            Fact.MD5_DIFFERS,
            _says(answer, Setting.MD5, "the router has another MD5 key than the one that was agreed"),
        )
    # A router without GTSM may send with a TTL of 255 all the same: only a session that is down tells of it.
    if answer.gtsm is not None and answer.gtsm != view.gtsm and not session.is_up:
        has = "has GTSM, and none is agreed" if answer.gtsm else "has no GTSM, and it is agreed"
        fact = Fact.TTL_LOW_THERE if answer.gtsm else Fact.TTL_LOW_HERE
        yield fact, _says(answer, Setting.GTSM, f"the router {has}")


def _limit(session: SessionEvidence, answer: RouterAnswer) -> Seen:
    limit, count = answer.prefix_limit, len(session.announced)
    if limit is None or not count:
        return
    words = f"the router takes at most {limit} {session.view.family.label} prefixes; Microsoft announces {count}"
    if limit < count:
        yield Fact.LIMIT_LOW, _says(answer, Setting.PREFIX_LIMIT, words)
    elif limit < count * NEAR:
        yield Fact.LIMIT_NEAR, _says(answer, Setting.PREFIX_LIMIT, words)


def _open(session: SessionEvidence, observation: Observation) -> Seen:
    view = session.view
    if view.peer_open is None:
        return
    theirs, found = view.peer_open, view.peer_open.bgp_identifier
    if view.peer_as is not None and theirs.asn != view.peer_as:
        yield Fact.OPEN_AS, f"OPEN carries AS{theirs.asn}; the PeerAsn is AS{view.peer_as}"
    if int(found) == 0:
        yield Fact.OPEN_ID_ZERO, f"BGP Identifier {found}"
    if found == view.local_open.bgp_identifier:
        yield Fact.OPEN_ID_OURS, f"BGP Identifier {found}, which is ours"
    if owner := session.foreign_identifiers.get(str(found)):
        yield Fact.OPEN_ID_TAKEN, f"BGP Identifier {found}, which {owner} uses on this edge as well"
    if theirs.hold_time in (1, 2):
        yield Fact.OPEN_HOLD_BAD, f"OPEN offers a hold time of {theirs.hold_time} s"
    else:
        agreed = min(theirs.hold_time, view.local_open.hold_time)
        if agreed < COMFORTABLE_HOLD:
            words = f"OPEN offers a hold time of {theirs.hold_time} s; agreed are {agreed} s"
            yield (Fact.OPEN_HOLD_SHORT if agreed else Fact.OPEN_HOLD_ZERO), words
    offers = theirs.capabilities
    refused = any(not seen.sent and _fact(seen) is not None for seen in view.notifications)
    # A router that refuses a neighbor may send an OPEN without any parameter first: that says nothing of it.
    if offers == Capabilities(offers.families, False, False, False, False):
        if not refused:
            yield Fact.OPEN_BARE, "OPEN has no capabilities"
        return
    if view.family not in offers.families:
        label = ", ".join(sorted(family.label for family in offers.families)) or "no IP"
        yield Fact.OPEN_NO_FAMILY, f"OPEN offers {label} unicast, not {view.family.label}"
    if not offers.asn4:
        yield Fact.OPEN_NO_AS4, "OPEN has no four-octet AS capability"
    if not offers.route_refresh:
        yield Fact.OPEN_NO_REFRESH, "OPEN has no route refresh capability"


def _fact(seen: NotificationSeen) -> Fact | None:
    note = seen.notification
    name = REFUSALS.get((int(note.code), int(note.subcode), seen.sent)) or REFUSALS.get(
        (int(note.code), None, seen.sent)
    )
    return Fact[name] if name else None


def _notifications(session: SessionEvidence, observation: Observation) -> Seen:
    told = set()
    for seen in session.view.notifications:
        fact = _fact(seen)
        line = f"NOTIFICATION {'sent' if seen.sent else 'received'}: {seen.notification}"
        if fact is not None and line not in told:
            told.add(line)
            yield fact, line


_FLAPPING = 5
"""Prefixes that are shown."""


def _routes(session: SessionEvidence, observation: Observation) -> Seen:
    view = session.view
    if view.bgp_state is UP and not view.received:
        yield Fact.NONE_RECEIVED, "0 routes received"
    if view.received > session.max_prefixes:
        yield Fact.TOO_MANY, f"{view.received} of at most {session.max_prefixes} prefixes"
    yield from ((Fact.LACKS_PREFIXES, line) for line in lacking(session, observation))
    yield from ((Fact[name], words) for name, words in marked(session))
    for prefix, times in sorted(session.flapping.items())[:_FLAPPING]:
        yield Fact.ROUTES_FLAP, f"{prefix} was withdrawn and announced again {times} times"
    if (server := session.through_server) is not None:
        meddling = (
            (Fact.SERVER_IN_PATH, server.own_as),
            (Fact.SERVER_NEXT_HOP, server.next_hop),
            (Fact.SERVER_CONTROL, server.control),
        )
        for fact, (count, examples) in meddling:
            if count:
                yield fact, f"{count} of {server.routes} routes, such as {', '.join(examples)}"
    for name, held in session.members.items():
        if (lacking_there := members_lack(session, held)) and observation.final:
            yield Fact.MEMBERS_LACK, f"{name} lacks {len(lacking_there)} of {len(session.announced)} prefixes"
        if held.error and observation.final:
            yield Fact.MEMBERS_LACK, f"{name}: {held.error}"
    if not view.gate_open:
        yield from _leaks(session, observation)
    if not session.announced:
        yield Fact.NOT_ANNOUNCED, "Microsoft announces nothing on this session"
    table = session.peer_table
    if table is not None and not table.error and not table.not_ours and view.gate_open and view.bgp_state is UP:
        missing = session.announced - table.prefixes
        if missing and view.sent:
            yield Fact.ROUTES_MISSING_THERE, f"missing at the peer: {', '.join(sorted(missing)[:5])}"


def _leaks(session: SessionEvidence, observation: Observation) -> Seen:
    view, capture = session.view, observation.capture
    if out := max(view.leaked_out, capture.nlri if capture is not None else 0):
        yield Fact.LEAKED, f"{out} NLRI left the edge"
    if taken := max(view.leaked_in, view.taken):
        yield Fact.LEAKED, f"{taken} routes reached Loc-RIB"
    if held := session.held_there:
        yield Fact.HELD_WHILE_DENIED, f"the router holds {len(held)} routes of Microsoft"


def _watch(session: SessionEvidence, observation: Observation) -> Seen:
    seen = session.watched
    if seen is None:
        return
    if seen.flaps:
        yield Fact.WENT_DOWN, seen.why_down
    if seen.lost is not None:
        yield Fact.PREFIXES_LOST, f"{seen.lost[1]} prefixes of {seen.lost[0]}"
    if seen.crowded is not None:
        yield Fact.NEAR_OUR_LIMIT, f"{seen.crowded[0]} of at most {seen.crowded[1]} prefixes"
    yield from ((Fact.AGREEMENT_CHANGED, line) for line in seen.changed)
    for prefix, count in seen.flapping:
        yield Fact.PREFIX_FLAPS, f"{prefix} was withdrawn {count} times within {seen.window:g} s"


_PASSAGES = {
    Passage.NEXT_HOP_SILENT: Fact.NEXT_HOP_SILENT,
    Passage.SENT_BACK: Fact.PACKETS_COME_BACK,
    Passage.EXPIRED: Fact.PACKETS_EXPIRE,
    Passage.TOO_LONG: Fact.LONG_PACKETS_LOST,
}


def _traffic(session: SessionEvidence, observation: Observation) -> Seen:
    yield from ((Fact.PASSES_EARLY, words) for words in traffic_checks.early(session))
    yield from ((Fact.PASSES_LATE, words) for words in traffic_checks.late(session))
    for crossing in traffic_checks.after_lift(session):
        if crossing.passage is Passage.NO_ROUTE:
            fact = Fact.EDGE_HAS_NO_ROUTE if crossing.to_peer else Fact.ROUTER_HAS_NO_ROUTE
            yield fact, traffic_checks.told(crossing)
        elif crossing.passage is not Passage.PASSED:
            yield _PASSAGES.get(crossing.passage, Fact.PACKETS_LOST), traffic_checks.told(crossing)
    yield from ((Fact.LONG_PACKETS_LOST, words) for words in traffic_checks.cut(session))
    yield from ((Fact.PACKETS_ASTRAY, words) for words in traffic_checks.astray(session))


_LOOKS: tuple[Callable[[SessionEvidence, Observation], Seen], ...] = (
    _link,
    _tcp,
    _counters,
    _router,
    _open,
    _notifications,
    _routes,
    _traffic,
    _watch,
)
