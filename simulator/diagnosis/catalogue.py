"""The check catalogue: each check is a pure function from what was observed of a connection to what it found.

A check that finds nothing to look at does not pass. One that rests on another that did not succeed is skipped, so that
the first cause is not drowned by its consequences.
"""

from __future__ import annotations

from collections.abc import Iterable

from simulator.diagnosis import link_checks
from simulator.diagnosis.check import UNSET, Check, cause_of, failed, name_of, of_each, passed, resting_on, skipped
from simulator.diagnosis.evidence import Observation, SessionEvidence
from simulator.diagnosis.refusals import refusal
from simulator.diagnosis.result import Finding
from simulator.session.messages import Capabilities
from simulator.session.states import BgpState
from simulator.views.check import Blocks, Cause, CheckView, Status

_UP = BgpState.ESTABLISHED
_MIN_COMFORTABLE_HOLD = 9


def _refused(session: SessionEvidence) -> tuple[list[str], list[Cause]]:
    """Evidence and cause of the NOTIFICATION by which the peer refused the session; nothing where it did not."""
    found = refusal(session)
    if found is None:
        return [], []
    note, cause, text = found
    return [f"NOTIFICATION received: {note}"], [cause_of(cause, text, session)]


def _t1(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.bgp_state in (BgpState.OPEN_CONFIRM, _UP) or view.peer_open is not None:
        who = {True: "we dialled the peer", False: "the peer dialled us", None: "connected"}[view.dialled]
        return passed(f"TCP is up, {who}")
    if any(not seen.sent for seen in view.notifications):
        return passed("TCP is up: the peer sent a NOTIFICATION over it")
    if view.bgp_state is BgpState.OPEN_SENT and not view.peer_closed_early and observation.final:
        return passed("TCP is up: our OPEN was sent over it")
    if not observation.final:
        return UNSET
    others = [other for other in observation.sessions if other.view.id != view.id and other.view.bgp_state is _UP]
    if told := _told_by_router(session, *_KEEPS_DOWN):
        return failed(_tcp_evidence(session), *told)
    missing = []
    if _says(session).startswith("absent"):
        text = f"the router's configuration has no session with {view.local_address}"
        missing = [cause_of("session-missing", text, session)]
    elif others and not _md5_evidence(session) and not _router_has_it(session):
        text = f"the router has no {view.family.label} session with us: only {name_of(others[0])} is up"
        missing = [cause_of("session-missing", text, session)]
    return failed(_tcp_evidence(session), *missing, *_tcp_causes(session))


def _tcp_evidence(session: SessionEvidence) -> list[str]:
    lines = [f"BGP state {_state(session)}: {session.view.last_error or 'the peer neither answers nor calls'}"]
    if session.view.peer_closed_early:
        lines.append(f"the peer accepted the TCP connection and ended it: {session.view.peer_closed_early}")
    if _says(session):
        lines.append(f"the router says: {_says(session)}")
    moved = _md5_counters(session)
    lines += [f"kernel counter {name} rose by {count}" for name, count in sorted(moved.items())]
    return lines


_KEEPS_DOWN = ("shut-down", "interface-name", "vrf-name")
"""Causes by which a session does not come up."""


def _told_by_router(session: SessionEvidence, *only: str) -> list[Cause]:
    """The causes that the router's own tables and its user's file tell."""
    told = session.peer_table.reasons if session.peer_table is not None else ()
    return [cause_of(cause, text, session) for cause, text in told if not only or cause in only]


def _router_has_it(session: SessionEvidence) -> bool:
    """Whether the router was asked for this session and knows it."""
    table = session.peer_table
    return table is not None and not (table.error or table.not_ours) and not _says(session).startswith("absent")


def _says(session: SessionEvidence) -> str:
    return session.peer_table.says if session.peer_table is not None else ""


def _state(session: SessionEvidence) -> str:
    """The BGP FSM state, never to be taken for the connection's."""
    return session.view.bgp_state.value


def _md5_evidence(session: SessionEvidence) -> list[str]:
    """What the kernel counted says of the MD5 keys: MD5 failures are silent on the wire."""
    texts = {
        "TCPMD5NotFound": "the peer does not sign its segments: its MD5 key is missing",
        "TCPMD5Unexpected": "the peer signs its segments, and no MD5 key is configured here",
        "TCPMD5Failure": "the peer's MD5 key is not the one configured here",
    }
    return [text for name, text in texts.items() if name in _md5_counters(session)]


def _md5_counters(session: SessionEvidence) -> dict[str, int]:
    """The kernel's counters that rose and can be of this session: they are the edge's, and others move them too."""
    wanted = ("TCPMD5NotFound", "TCPMD5Failure") if session.view.md5 else ("TCPMD5Unexpected",)
    return {name: session.tcp_counters[name] for name in wanted if session.tcp_counters.get(name)}


def _tcp_causes(session: SessionEvidence) -> list[Cause]:
    view, error, md5 = session.view, session.view.last_error.lower(), _md5_evidence(session)
    causes = [cause_of("md5", text, session) for text in md5]
    if view.gtsm and view.peer_closed_early:
        causes.append(cause_of("gtsm", "GTSM may be on at this end only: then the peer's packets are dropped", session))
    if view.peer_closed_early:
        # OpenBGPD takes a neighbor's connections, and drops them, while it waits after a session's end.
        text = (
            "the router accepts the connection and ends it: it has no such neighbor, or rests after an earlier session"
        )
        causes.append(cause_of("not-configured", text, session))
    if "refused" in error:
        causes.append(cause_of("not-listening", f"nothing listens on the BGP port of {view.peer_address}", session))
    if view.md5 and not md5:
        causes.append(cause_of("md5", "the MD5 keys differ, or the peer has none", session))
    if not causes:
        causes.append(cause_of("filtered", "TCP port 179 is filtered, or the router is not there", session))
        causes.append(cause_of("not-listening", "the router is not started, or its BGP is not", session))
    return causes


def _s1(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    refused, causes = _refused(session)
    if view.peer_open is None:
        told = ["no OPEN from the peer", *refused]
        return failed(told, *(causes or _silence_causes(session))) if observation.final else UNSET
    if refused and causes[0].id == "remote-as-wrong":
        return failed(refused, *causes)
    asn = view.peer_open.asn
    if view.peer_as is not None and asn != view.peer_as:
        text = f"the router announces AS{asn}; the PeerAsn is AS{view.peer_as}"
        return failed([f"OPEN carries AS{asn}"], cause_of("local-as-wrong", text, session))
    return passed(f"OPEN carries AS{asn}")


def _s2(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.peer_open is None:
        return failed(["no OPEN from the peer"]) if observation.final else UNSET
    identifier = view.peer_open.bgp_identifier
    if int(identifier) == 0:
        return failed(
            [f"BGP Identifier {identifier}"], cause_of("router-id-ours", "the BGP Identifier is 0.0.0.0", session)
        )
    if identifier == view.local_open.bgp_identifier:
        text = f"the router uses our BGP Identifier {identifier}"
        return failed([f"BGP Identifier {identifier}"], cause_of("router-id-ours", text, session))
    owner = session.foreign_identifiers.get(str(identifier))
    if owner:
        text = f"{owner} uses the BGP Identifier {identifier} on this edge as well"
        return failed([f"BGP Identifier {identifier}"], cause_of("router-id-ours", text, session))
    return passed(f"BGP Identifier {identifier}")


def _s3(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.peer_open is None:
        return failed(["no OPEN from the peer"]) if observation.final else UNSET
    offered = view.peer_open.hold_time
    if offered in (1, 2):
        return failed(
            [f"offers a hold time of {offered} s"], cause_of("hold-time", "a hold time is 0 or at least 3 s", session)
        )
    agreed = (
        view.negotiated_hold_time if view.negotiated_hold_time is not None else min(offered, view.local_open.hold_time)
    )
    short = 0 < agreed < _MIN_COMFORTABLE_HOLD
    warning = f"; below {_MIN_COMFORTABLE_HOLD} s a busy router may flap" if short else ""
    return passed(f"offers {offered} s, agreed {agreed} s{warning}")


def _s4(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.peer_open is None:
        return failed(["no OPEN from the peer"]) if observation.final else UNSET
    theirs, causes = view.peer_open.capabilities, []
    families = theirs.families
    if view.family not in families:
        text = f"the router does not offer {view.family.label} unicast on this session"
        causes.append(cause_of("family-missing", text, session))
    if not theirs.asn4:
        causes.append(cause_of("asn4-missing", "the router has no four-octet AS numbers", session))
    if not theirs.route_refresh:
        causes.append(cause_of("refresh-missing", "the router has no route refresh", session))
    offered = f"{', '.join(sorted(family.label for family in families)) or 'no IP'} unicast"
    evidence = f"offers {offered}, four-octet AS {_yes(theirs.asn4)}, route refresh {_yes(theirs.route_refresh)}"
    refused, why = _refused(session)
    if causes and refused:
        # A router that refuses a neighbor may send an OPEN without any parameter first: that says nothing of it.
        bare = theirs == Capabilities(theirs.families, False, False, False, False)
        return failed([evidence, *refused], *why, *([] if bare else causes))
    return failed([evidence], *causes) if causes else passed(evidence)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _s5(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    flaps = view.established_transitions
    notes = [f"NOTIFICATION {'sent' if seen.sent else 'received'}: {seen.notification}" for seen in view.notifications]
    if session.soaked and not notes and flaps <= 1:
        return passed(f"Established for {observation.soak:g} s without a flap")
    if not observation.final:
        return UNSET
    if view.bgp_state is not _UP:
        what = f"BGP state {_state(session)}"
    elif notes or flaps > 1:
        what = f"came up {flaps} times, with {len(notes)} NOTIFICATIONs"
    else:
        what = f"not Established for {observation.soak:g} s yet"
    evidence = [what, *notes, *([view.last_error] if view.last_error else [])]
    return failed(evidence, *_instability_causes(session))


def _instability_causes(session: SessionEvidence) -> list[Cause]:
    _, refused = _refused(session)
    # It was up, and it is not even on its way back: what stands in the way of TCP now is what there is to mend.
    return refused or ([] if session.view.bgp_state is _UP and not session.view.gtsm else _silence_causes(session))


def _silence_causes(session: SessionEvidence) -> list[Cause]:
    """Why the peer says nothing, where it does not refuse."""
    if session.view.bgp_state not in (BgpState.OPEN_SENT, BgpState.OPEN_CONFIRM, _UP):
        return _tcp_causes(session)
    if session.view.gtsm:
        text = "GTSM is on at this end only: the peer's packets arrive with a lower TTL"
    else:
        text = "the peer does not hear us: GTSM is on at its end only, or its process hangs"
    return [cause_of("gtsm", text, session)]


def _s6(observation: Observation) -> Finding:
    down = [s for s in observation.sessions if s.view.bgp_state is not _UP]
    if not observation.sessions:
        return Finding(Status.ERROR, ("the connection has no session to look at",))
    if down and not observation.final:
        return UNSET
    evidence = [f"{name_of(s)}: BGP state {_state(s)}" for s in observation.sessions]
    if down:
        return failed(evidence, *(cause for s in down for cause in _tcp_causes(s)))
    return passed(*evidence)


def _d1(observation: Observation) -> Finding:
    sessions, capture = observation.sessions, observation.capture
    leaked = [f"{name_of(s)}: {s.view.leaked_out} NLRI were written to the peer" for s in sessions if s.view.leaked_out]
    if leaked:
        return failed([f"{leaked[0]} while the policy was DENY ALL", *leaked[1:]])
    if capture is not None and capture.nlri:
        return failed([f"the capture shows {capture.nlri} NLRI that left the edge while the policy was DENY ALL"])
    if not all(s.soaked for s in sessions) or not (capture or observation.capture_skipped):
        return resting_on("S5") if observation.final else UNSET
    if not any(s.view.rendered for s in sessions):
        return skipped("AS8075 announces nothing in this topology: nothing could have been sent")
    if capture is not None and not capture.conclusive:
        return Finding(Status.ERROR, (f"the capture proves nothing: {capture.reason}",))
    ready, withheld = sum(s.view.rendered for s in sessions), sum(s.view.withheld_out for s in sessions)
    evidence = f"0 NLRI written: {ready} wait behind the gate, which withheld {withheld}"
    if capture is None:
        return passed(evidence, f"no capture: {observation.capture_skipped}")
    return passed(evidence, f"gap-free capture of {capture.packets} packets: 0 NLRI left the edge")


def _d2(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.leaked_in or view.taken:
        return failed([f"{max(view.leaked_in, view.taken)} routes reached Loc-RIB while the policy was DENY ALL"])
    if not session.soaked:
        return resting_on("S5") if observation.final else UNSET
    return passed(
        f"Adj-RIB-In holds {view.received} routes, Loc-RIB none; {view.withheld_in} withheld (the edge programs no FIB)"
    )


def _d3(session: SessionEvidence, observation: Observation) -> Finding:
    table = session.peer_table
    if table is None or not session.soaked:
        return resting_on("S5") if observation.final else UNSET
    if table.not_ours:
        return skipped(table.not_ours)
    if table.error:
        return Finding(Status.ERROR, (f"the peer's router could not be asked: {table.error}",))
    if table.prefixes:
        return failed([f"the peer holds {len(table.prefixes)} routes of ours, among them {sorted(table.prefixes)[0]}"])
    return passed("the peer's own table holds nothing of ours")


def _r1(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    counts = f"{view.received} received: {view.accepted} would be accepted, {view.rejected} rejected"
    if view.accepted and session.settled:
        return passed(counts)
    if not observation.final:
        return UNSET
    if view.accepted:
        return passed(counts)
    if not view.received and "(Policy)" in _says(session):
        text = "RFC 8212: the router has no policy for this session, so it neither sends nor takes a route"
        return failed([counts, f"the router says: {_says(session)}"], cause_of("policy-required", text, session))
    if not view.received:
        text = "the router announces nothing on this session"
        return failed([counts], *(_told_by_router(session) or [cause_of("no-export", text, session)]))
    fired = [f"{r.rule}: {r.count} ({', '.join(r.examples)})" for r in session.rejected]
    return failed([counts, *fired], cause_of("all-rejected", "every route is rejected by the policy", session))


def _r2(session: SessionEvidence, observation: Observation) -> Finding:
    view, limit = session.view, session.max_prefixes
    counts = f"{view.received} of at most {limit} prefixes"
    if view.received > limit:
        return failed(
            [counts],
            cause_of("too-many", f"the peer announces more than {limit} {view.family.label} prefixes", session),
        )
    if not session.settled and not observation.final:
        return UNSET
    if not session.soaked:
        return failed(["the session was not up long enough to show it", counts]) if observation.final else UNSET
    return passed(counts)


_NOT_ANNOUNCED = ("network-not-in-rib",)
"""Causes by which a router announces less than its user's file says."""


def _r4(session: SessionEvidence, observation: Observation) -> Finding:
    causes = _told_by_router(session, *_NOT_ANNOUNCED) if session.view.received else []
    counts = f"{session.view.received} received"
    if not causes:
        return passed(counts)
    return failed([f"{counts}; {cause.text}" for cause in causes], *causes)


def _announces_a_part(observation: Observation) -> bool:
    """A session has announced some of what its router's file says; of one that is silent R1 tells why."""
    return any(session.view.received and _told_by_router(session, *_NOT_ANNOUNCED) for session in observation.sessions)


def _a1(session: SessionEvidence, observation: Observation) -> Finding:
    view, table = session.view, session.peer_table
    ours = f"Loc-RIB holds {view.taken} of {view.accepted} accepted routes"
    if table is None or table.error:
        problem = table.error if table else "the peer's table was never read"
        return (
            Finding(Status.ERROR, (f"the peer's router could not be asked: {problem}",)) if observation.final else UNSET
        )
    if session.expected not in (None, view.accepted) and not observation.final:
        return UNSET
    if table.not_ours:
        sent = f"{view.sent} of {len(session.announced)} announced routes were sent; {table.not_ours}"
        if view.sent == len(session.announced) and view.taken == view.accepted:
            return passed(sent, ours)
        return failed([sent, ours]) if observation.final else UNSET
    missing = session.announced - table.prefixes
    theirs = f"the peer holds {len(session.announced) - len(missing)} of {len(session.announced)} announced routes"
    if not missing and view.taken == view.accepted:
        return passed(theirs, ours)
    if not observation.final:
        return UNSET
    evidence = [theirs, ours] + ([f"missing at the peer: {', '.join(sorted(missing)[:5])}"] if missing else [])
    refused, causes = _refused(session)
    if not causes and missing and view.bgp_state is _UP:
        causes = [cause_of("import-policy", "the router's import policy refuses Microsoft's routes", session)]
    return failed([*evidence, *refused], *causes)


def _a3(session: SessionEvidence, observation: Observation) -> Finding:
    if session.lost:
        return failed(session.lost)
    if session.view.bgp_state is not _UP:
        return failed([f"BGP state {_state(session)} after the lift"])
    return passed("the same session carries the routes: no reset, no NOTIFICATION, no withdraw since the lift")


def _a4(session: SessionEvidence, observation: Observation) -> Finding:
    view, table = session.view, session.peer_table
    held = view.sent + view.taken
    if table is None or table.error:
        problem = table.error if table else "the peer's table was never read"
        return (
            Finding(Status.ERROR, (f"the peer's router could not be asked: {problem}",)) if observation.final else UNSET
        )
    if not held and not table.prefixes and (view.bgp_state is _UP or view.cut is not None):
        left = f"none left here; {table.not_ours}" if table.not_ours else "none left at either end"
        if view.cut is not None:  # what a withdrawal could only follow was dropped, and the session with it
            return passed(f"the session was reset, {view.cut}; {left}")
        return passed(f"{view.withdrawn_by_us} routes withdrawn, {left}, the session still Established")
    if not observation.final:
        return UNSET
    return failed([f"{len(table.prefixes)} routes left at the peer, {view.taken} here, BGP state {_state(session)}"])


_B = Blocks
_MS = "Microsoft: Exchange peering walkthrough"

VALIDATION: tuple[Check, ...] = (
    Check(
        "C1",
        "The peering has connections to two edge routers",
        "Microsoft: peering policy",
        _B.WARN,
        link_checks.two_edges,
        only="Direct",
        applies=lambda observation: observation.direct,
    ),
    Check(
        "L1",
        "The peer's address answers on the link, from one MAC",
        "simulator",
        _B.ACTIVE,
        of_each(link_checks.answers),
    ),
    Check(
        "L2",
        "Packets of the link's full size pass",
        "simulator",
        _B.WARN,
        of_each(link_checks.full_size),
        ("L1",),
        only="netns",
        applies=lambda observation: observation.has_lan,
    ),
    Check(
        "L4",
        "The link has the latency, jitter and loss that the topology asks for",
        "simulator",
        _B.WARN,
        link_checks.quality,
        only="where asked for",
        applies=lambda observation: bool(observation.quality_asked),
    ),
    Check("T1", "TCP to the peer's BGP port", "RFC 4271 §8.2.1", _B.ACTIVE, of_each(_t1), ("L1",)),
    Check("S1", "The OPEN carries the ASN of the PeerAsn", "RFC 4271 §6.2", _B.ACTIVE, of_each(_s1), ("T1",)),
    Check("S2", "The BGP Identifier is valid and the peer's own", "RFC 6286", _B.ACTIVE, of_each(_s2), ("S1",)),
    Check("S3", "The hold time is acceptable", "RFC 4271 §4.2", _B.ACTIVE, of_each(_s3), ("S1",)),
    Check("S4", "Four-octet AS, route refresh and the address family", "RFC 5492", _B.ACTIVE, of_each(_s4), ("S1",)),
    Check("S5", "Established, and stable through the soak", "simulator", _B.ACTIVE, of_each(_s5), ("S1", "S3", "S4")),
    Check("S6", "Every session of the connection is up", "simulator", _B.ACTIVE, _s6, ("T1", "S1", "S5")),
    Check("D1", "Nothing was sent while the policy was DENY ALL", _MS, _B.ACTIVE, _d1),
    Check("D2", "Nothing was taken while the policy was DENY ALL", _MS, _B.ACTIVE, of_each(_d2)),
    Check("D3", "Nothing arrived at the peer while the policy was DENY ALL", _MS, _B.ACTIVE, of_each(_d3)),
    Check("R1", "At least one route would be accepted", "simulator", _B.ACTIVE, of_each(_r1), ("S5",)),
    Check(
        "R2",
        "The prefix count is within maxPrefixesAdvertised",
        "Microsoft.Peering API",
        _B.ACTIVE,
        of_each(_r2),
        ("S5",),
    ),
    Check(
        "R4",
        "The router announces all that its own file says",
        "simulator",
        _B.WARN,
        of_each(_r4),
        ("S5",),
        only="where FRR has a `network` without a route",
        applies=_announces_a_part,
    ),
)
"""Before the lift."""

LIFTED: tuple[Check, ...] = (
    Check("A1", "Both sides hold all that the other announced", _MS, _B.REHEARSAL, of_each(_a1)),
    Check("A3", "The lift cost no reset, no NOTIFICATION, no withdraw", "simulator", _B.REHEARSAL, of_each(_a3)),
)
"""After the lift."""

DEPROVISIONED: tuple[Check, ...] = (
    Check(
        "A4", "Deprovisioning withdrew everything before the session closed", "simulator", _B.REHEARSAL, of_each(_a4)
    ),
)
"""While PendingRemove, before the Cease."""


def evaluate(checks: Iterable[Check], observation: Observation) -> list[CheckView]:
    """Run checks in order. Those that rest on an unsuccessful one are skipped (unset while that one is)."""
    results: dict[str, CheckView] = {}
    for check in checks:
        if not check.applies(observation):
            continue
        unmet = [need for need in check.needs if need in results and not results[need].holds]
        finding = check.judge(observation)
        if unmet:
            finding = resting_on(*unmet) if observation.final else UNSET
        results[check.id] = finding.of(check.id, check.title, check.source, check.blocks)
    return list(results.values())


def rejected_routes(observation: Observation) -> list[CheckView]:
    """R3 and on: one warning for each rule that rejected something, with the routes."""
    by_rule: dict[str, list[tuple[SessionEvidence, int]]] = {}
    for session in observation.sessions:
        for index, rejected in enumerate(session.rejected):
            by_rule.setdefault(rejected.rule, []).append((session, index))
    results = []
    for rule, places in by_rule.items():
        first = places[0][0].rejected[places[0][1]]
        evidence = []
        for session, index in places:
            entry = session.rejected[index]
            more = f" and {entry.count - len(entry.examples)} more" if entry.count > len(entry.examples) else ""
            evidence.append(
                f"{session.view.family.label} {session.view.peer_address}: {'; '.join(entry.examples)}{more}"
            )
        cause = Cause(rule, first.explanation, "do not announce these routes to Microsoft")
        finding = Finding(Status.FAILURE, tuple(evidence), (cause,))
        title = f"Routes that rule {rule} rejects"
        results.append(finding.of(f"R3.{rule}", title, first.source, Blocks.WARN))
    return results
