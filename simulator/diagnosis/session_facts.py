"""Facts of a session: TCP and the kernels' counters, the router's configuration, OPEN and NOTIFICATION."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from simulator.counts import count_of
from simulator.diagnosis.check import name_of
from simulator.diagnosis.evidence import Observation, SessionEvidence, TcpEnd
from simulator.diagnosis.fact import Fact, Seen
from simulator.diagnosis.packet_facts import may_be_of
from simulator.diagnosis.refusals import REFUSALS
from simulator.diagnosis.route_checks import NEAR
from simulator.diagnosis.router_answer import PeerTrouble, RouterAnswer, Setting
from simulator.diagnosis.session_checks import COMFORTABLE_HOLD, UP, late
from simulator.packets.kinds import PacketKind as K
from simulator.session.messages import AS_TRANS, Capabilities
from simulator.session.outputs import NotificationSeen
from simulator.session.states import BgpState
from simulator.views.session import SessionView

_TALKING = (BgpState.OPEN_CONFIRM, BgpState.ESTABLISHED)
_TWO_OCTETS = 65535
_ABOUT_A_MESSAGE = (1, 2, 3, 5)
"""Error codes of a NOTIFICATION that answers a message (RFC 4271 §6): one that we sent tells that something came."""


def _answers(seen: NotificationSeen) -> bool:
    return int(seen.notification.code) in _ABOUT_A_MESSAGE


def _talks(view: SessionView) -> bool:
    # An OPEN may be of a session that was up and is gone: it tells nothing of now.
    return view.bgp_state in _TALKING or any(not seen.sent or _answers(seen) for seen in view.notifications)


def tcp(session: SessionEvidence, observation: Observation) -> Seen:
    view = session.view
    talks = _talks(view)
    if session.was_up:
        yield Fact.WAS_UP, ""
    if session.is_up:
        yield Fact.UP, "BGP state Established"
    if session.half_up and session.answer is not None:
        yield Fact.HALF_UP, f"Established here, and {session.answer.state or 'down'} at the router"
    yield from _ended(session)
    if late(session) and observation.final:
        yield Fact.LATE, f"Established for {session.up_for:.1f} s only; the soak is {observation.soak:g} s"
    if talks:
        yield Fact.TALKS, ""
    if view.md5:
        yield Fact.OURS_SIGNED, "MD5 is configured here"
    if session.key_problem and not session.is_up:
        yield Fact.OURS_KEY_WRONG, session.key_problem
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


def _ended(session: SessionEvidence) -> Seen:
    """A session that ended without a word: TCP alone says how."""
    view, ups = session.view, session.view.established_transitions
    if view.notifications:
        return
    how = f": {view.last_error}" if view.last_error else ""
    if seen := session.packets:
        signs = [
            f"{seen[kind]} {name}" for kind, name in ((K.RST_RECEIVED, "RST"), (K.FIN_RECEIVED, "FIN")) if seen[kind]
        ]
        how += f" (the capture has {' and '.join(signs)} of {view.peer_address})" if signs else ""
    if ups > 1:
        yield (
            Fact.CAME_AGAIN,
            f"it came up {count_of(ups, 'time')} without a NOTIFICATION{how.replace(':', ', the last time after', 1)}",
        )
    elif session.watched is not None and session.watched.flaps:
        return  # the watch has seen it
    elif session.was_up and ups:
        yield Fact.CAME_AGAIN, f"it was up, ended without a NOTIFICATION and came up again{how}"
    elif (session.was_up or ups) and not session.is_up and view.bgp_state is not UP:
        yield Fact.CAME_AGAIN, f"it was up and ended without a NOTIFICATION{how}"


_MD5 = ("TCPMD5NotFound", "TCPMD5Unexpected", "TCPMD5Failure")


def counters(session: SessionEvidence, observation: Observation) -> Seen:
    """The counters are of a whole node: they tell of a session only where it is down and its key fits them."""
    if session.is_up:
        return
    here, there, md5, gtsm = session.tcp_counters, session.peer_counters, session.view.md5, session.view.gtsm
    has_key = session.answer is not None and session.answer.md5_differs  # which is not on every socket of its router
    table = (
        (here, "TCPMD5NotFound", md5, Fact.MD5_PEER_UNSIGNED),
        (there, "TCPMD5Unexpected", md5 and not has_key, Fact.MD5_PEER_UNSIGNED),
        (here, "TCPMD5Unexpected", not md5, Fact.MD5_PEER_SIGNS),
        (there, "TCPMD5NotFound", not md5, Fact.MD5_PEER_SIGNS),
        (here, "TCPMD5Failure", md5, Fact.MD5_DIFFERS),
        (there, "TCPMD5Failure", md5, Fact.MD5_DIFFERS),
        # What was read came with a TTL of 255: then the kernel dropped RSTs of the peer's, which no socket sends.
        (here, "TCPMinTTLDrop", gtsm and not _talks(session.view), Fact.TTL_LOW_HERE),
        (there, "TCPMinTTLDrop", not gtsm, Fact.TTL_LOW_THERE),
    )
    if here and there and not any(counters.get(name) for counters in (here, there) for name in _MD5):
        yield Fact.MD5_CLEAN, ""
    if here and not any(counters.get("TCPMinTTLDrop") for counters in (here, there)):
        yield Fact.TTL_CLEAN, ""
    for counters, name, fits, fact in table:
        if fits and counters.get(name) and may_be_of(session.packets, name, here=counters is here):
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
    PeerTrouble.IMPORT_POLICY: Fact.IMPORT_POLICY,
}


def router(session: SessionEvidence, observation: Observation) -> Seen:
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
        yield from ((_TROUBLES[what], text) for what, text in answer.troubles if what in _TROUBLES)
        return
    if answer.shut_down:
        words = f"the router has the session shut down{f': {answer.reason}' if answer.reason else ''}"
        yield Fact.SHUT_DOWN, _says(answer, Setting.SHUTDOWN, words)
    if _sends_too_little(session, answer):
        most = count_of(int(answer.statements[Setting.SENT_LIMIT].value), "prefix", "prefixes")
        yield Fact.SENT_LIMIT, _says(answer, Setting.SENT_LIMIT, f"the router sends at most {most}")
    elif answer.limit_hit:
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
    if session.probe is TcpEnd.REFUSED and Setting.PASSIVE in answer.statements and not session.is_up:
        words = "the router waits to be called, and nothing listens there"
        yield Fact.WAITS_UNHEARD, _says(answer, Setting.PASSIVE, words)
    if Setting.AS4 in answer.statements and view.peer_open is None and not session.is_up:
        yield Fact.OPEN_NO_AS4, _says(answer, Setting.AS4, "the router's four-octet AS numbers are switched off")
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
    yield from ((_TROUBLES[what], text) for what, text in answer.troubles if what in _TROUBLES)


def _sends_too_little(session: SessionEvidence, answer: RouterAnswer) -> bool:
    """Its own limit of what it sends ended the session, or lets no more out than comes."""
    limit, view = answer.statements.get(Setting.SENT_LIMIT), session.view
    if limit is None or not limit.value.isdecimal():
        return False
    # OpenBGPD ends a session on which it would send more with the subcode that RFC 9384 gives BFD.
    ended = any(_fact(seen) is Fact.NOTE_BFD for seen in view.notifications)
    # BIRD says of every limit alike that it was hit: what we never sent filled no other one.
    return (
        ended
        or (answer.limit_hit and not view.sent)
        or (0 < view.received == int(limit.value) and bool(_held(session)))
    )


def _held(session: SessionEvidence) -> tuple[str, ...]:
    """What it is to announce and does not."""
    return session.unheard or (session.answer.withheld if session.answer is not None else ())


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


def opened(session: SessionEvidence, observation: Observation) -> Seen:
    view = session.view
    if view.peer_open is None:
        return
    theirs, found = view.peer_open, view.peer_open.bgp_identifier
    # Without the capability an ASN of four octets cannot be said: AS_TRANS stands for it (RFC 6793 §9).
    unsaid = theirs.asn == AS_TRANS and not theirs.capabilities.asn4 and (view.peer_as or 0) > _TWO_OCTETS
    if view.peer_as is not None and theirs.asn != view.peer_as and not unsaid:
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


def notifications(session: SessionEvidence, observation: Observation) -> Seen:
    told = set()
    for seen in session.view.notifications:
        fact = _fact(seen)
        line = f"NOTIFICATION {'sent' if seen.sent else 'received'}: {seen.notification}"
        if fact is not None and line not in told:
            told.add(line)
            yield fact, line
