"""The judges of TCP and of the BGP session: T1, S1 to S6."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.diagnosis.check import UNSET, Finding, failed, name_of, passed
from simulator.diagnosis.evidence import Observation, SessionEvidence
from simulator.session.messages import ErrorCode
from simulator.session.outputs import NotificationSeen
from simulator.session.states import BgpState
from simulator.views.check import Status

UP = BgpState.ESTABLISHED


def tcp(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.bgp_state in (BgpState.OPEN_CONFIRM, UP) or view.peer_open is not None:
        who = {True: "we dialled the peer", False: "the peer dialled us", None: "connected"}[view.dialled]
        return passed(f"TCP is up, {who}")
    if any(not seen.sent for seen in view.notifications):
        return passed("TCP is up: the peer sent a NOTIFICATION over it")
    if view.bgp_state is BgpState.OPEN_SENT and not view.peer_closed_early and observation.final:
        return passed("TCP is up: our OPEN was sent over it")
    return failed(evidence_of_tcp(session)) if observation.final else UNSET


def evidence_of_tcp(session: SessionEvidence) -> list[str]:
    lines = [f"BGP state {state(session)}: {session.view.last_error or 'the peer neither answers nor calls'}"]
    if session.probe is not None:
        lines.append(f"a TCP handshake with port 179 of {session.view.peer_address}: {session.probe.value}")
    if session.view.peer_closed_early:
        lines.append(f"the peer accepted the TCP connection and ended it: {session.view.peer_closed_early}")
    answer = session.answer
    if answer is not None and (answer.reason or answer.state):
        lines.append(f"the router says: {': '.join(filter(None, (answer.state, answer.reason)))}")
    return lines


def state(session: SessionEvidence) -> str:
    """The BGP FSM state, never to be taken for the connection's."""
    return session.view.bgp_state.value


def notes_of(session: SessionEvidence) -> list[str]:
    """The NOTIFICATIONs of a session, each once."""
    return folded(session.view.notifications)


def folded(notifications: Iterable[NotificationSeen]) -> list[str]:
    """NOTIFICATIONs in words, each once, with how often it came."""
    lines: dict[str, int] = {}
    for seen in notifications:
        line = f"NOTIFICATION {'sent' if seen.sent else 'received'}: {seen.notification}"
        lines[line] = lines.get(line, 0) + 1
    return [line if count == 1 else f"{line} ({count} times)" for line, count in lines.items()]


_BAD_PEER_AS = (ErrorCode.OPEN_MESSAGE, 2)
"""RFC 4271 §6.2: the peer expects another AS from us."""


def _no_open(session: SessionEvidence, observation: Observation) -> Finding:
    return failed(["no OPEN from the peer", *notes_of(session)]) if observation.final else UNSET


def asn(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.peer_open is None:
        return _no_open(session, observation)
    found = f"OPEN carries AS{view.peer_open.asn}"
    received = [seen.notification for seen in view.notifications if not seen.sent]
    if any((note.code, note.subcode) == _BAD_PEER_AS for note in received):
        return failed([found, *notes_of(session)]) if observation.final else UNSET
    if view.peer_as is not None and view.peer_open.asn != view.peer_as:
        return failed([found])
    return passed(found)


def identifier(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.peer_open is None:
        return _no_open(session, observation)
    found = view.peer_open.bgp_identifier
    taken = int(found) == 0 or found == view.local_open.bgp_identifier or str(found) in session.foreign_identifiers
    return failed([f"BGP Identifier {found}"]) if taken else passed(f"BGP Identifier {found}")


def hold_time(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.peer_open is None:
        return _no_open(session, observation)
    offered = view.peer_open.hold_time
    if offered in (1, 2):
        return failed([f"offers a hold time of {offered} s"])
    agreed = (
        view.negotiated_hold_time if view.negotiated_hold_time is not None else min(offered, view.local_open.hold_time)
    )
    found = f"offers {offered} s, agreed {agreed} s"
    return failed([found], warns=True) if agreed < COMFORTABLE_HOLD else passed(found)


COMFORTABLE_HOLD = 9
"""Seconds: three times the least that RFC 4271 allows."""


def capabilities(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.peer_open is None:
        return _no_open(session, observation)
    theirs = view.peer_open.capabilities
    offered = f"{', '.join(sorted(family.label for family in theirs.families)) or 'no IP'} unicast"
    evidence = f"offers {offered}, four-octet AS {_yes(theirs.asn4)}, route refresh {_yes(theirs.route_refresh)}"
    if view.family in theirs.families and theirs.asn4 and theirs.route_refresh:
        return passed(evidence)
    return failed([evidence])


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def stable(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    flaps, notes = view.established_transitions, notes_of(session)
    if session.soaked and not session.half_up and not notes and flaps <= 1:
        return passed(f"Established for {observation.soak:g} s without a flap")
    if not observation.final:
        return UNSET
    if view.bgp_state is not UP:
        what = f"BGP state {state(session)}"
    elif session.half_up and session.answer is not None:
        what = f"Established here, and {session.answer.state} at the router: what we send does not arrive there"
    elif notes or flaps > 1:
        what = f"came up {flaps} times, with {len(view.notifications)} NOTIFICATIONs"
    else:
        far = f"Established for {session.up_for:.1f} s, " if session.up_for is not None else ""
        what = f"{far}not for the soak of {observation.soak:g} s yet"
    return failed([what, *notes, *([view.last_error] if view.last_error and not notes else [])])


def late(session: SessionEvidence) -> bool:
    """It came up without a fault, and so late that its soak was not over."""
    view = session.view
    came = not session.was_up or not view.established_transitions
    fault = view.notifications or view.established_transitions > 1
    return session.is_up and session.up_for is not None and not session.soaked and came and not fault


def all_up(observation: Observation) -> Finding:
    down = [s for s in observation.sessions if s.view.bgp_state is not UP]
    if not observation.sessions:
        return Finding(Status.ERROR, ("the connection has no session to look at",))
    if down and not observation.final:
        return UNSET
    evidence = [f"{name_of(s)}: BGP state {state(s)}" for s in observation.sessions]
    return failed(evidence) if down else passed(*evidence)
