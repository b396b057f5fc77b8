"""The check catalogue: each check is a pure function from what was observed of a connection to what it found.

A check that finds nothing to look at does not pass. One that rests on another that did not succeed is skipped, so that
the first cause is not drowned by its consequences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from simulator.session.messages import ErrorCode, Family, Notification
from simulator.session.states import BgpState
from simulator.validation.evidence import Observation, SessionEvidence
from simulator.validation.remedies import remedy
from simulator.validation.result import Blocks, Cause, CheckResult, Finding, Status

_UP = BgpState.ESTABLISHED
_MIN_COMFORTABLE_HOLD = 9


@dataclass(frozen=True, slots=True)
class Check:
    """One entry of the catalogue."""

    id: str
    title: str
    source: str
    blocks: Blocks
    judge: Callable[[Observation], Finding]
    needs: tuple[str, ...] = ()
    """Checks that must have succeeded for this one to mean anything."""
    only: str = ""
    """Where it is made, in words; empty for everywhere."""
    applies: Callable[[Observation], bool] = lambda observation: True


def _cause(id_: str, text: str, session: SessionEvidence) -> Cause:
    view = session.view
    values: dict[str, Any] = {
        "expected": view.expected_as,
        "local_as": view.local_open.asn,
        "edge": view.local_address,
        "peer": view.peer_address,
        "family": view.family.label,
        "channel": "ipv4" if view.family is Family.IPV4 else "ipv6",
        "mtu": session.mtu,
    }
    return Cause(id_, text, remedy(id_, session.router, **values))


def _ok(*evidence: str) -> Finding:
    return Finding(Status.SUCCESS, evidence)


def _fail(evidence: Iterable[str], *causes: Cause) -> Finding:
    return Finding(Status.FAILURE, tuple(evidence), causes)


_UNSET = Finding(Status.UNSET)


def _skip(reason: str) -> Finding:
    return Finding(Status.SKIPPED, (reason,))


def _rests_on(*checks: str) -> Finding:
    return Finding(Status.SKIPPED, (f"rests on {', '.join(checks)}, which did not succeed",), rests_on=checks)


def _name(session: SessionEvidence) -> str:
    return f"{session.view.family.label} {session.view.peer_address}"


def _each(judge: Callable[[SessionEvidence, Observation], Finding]) -> Callable[[Observation], Finding]:
    """A check of every session: the worst status counts, and evidence says which session it is of."""
    order = (Status.FAILURE, Status.ERROR, Status.UNSET, Status.SUCCESS, Status.SKIPPED)

    def rank(finding: Finding) -> float:
        return order.index(Status.SUCCESS) - 0.5 if finding.rests_on else order.index(finding.status)

    def combined(observation: Observation) -> Finding:
        if not observation.sessions:
            return Finding(Status.ERROR, ("the connection has no session to look at",))
        found = [(session, judge(session, observation)) for session in observation.sessions]
        found.sort(key=lambda pair: rank(pair[1]))  # what failed is told first
        causes: dict[str, Cause] = {}
        for cause in (cause for _, finding in found for cause in finding.causes):
            causes.setdefault(cause.id, cause)
        return Finding(
            status=found[0][1].status,
            evidence=tuple(f"{_name(session)}: {line}" for session, finding in found for line in finding.evidence),
            causes=tuple(causes.values()),
            rests_on=tuple(dict.fromkeys(check for _, finding in found for check in finding.rests_on)),
        )

    return combined


def _received(session: SessionEvidence, code: int, subcode: int | None = None) -> Notification | None:
    """The first NOTIFICATION of this kind that the peer sent since the validation began."""
    for seen in session.view.notifications[session.notifications_before :]:
        note = seen.notification
        if not seen.sent and note.code == code and (subcode is None or note.subcode == subcode):
            return note
    return None


def _l1(session: SessionEvidence, observation: Observation) -> Finding:
    if not observation.has_lan:
        return _skip("the loopback link has no interface: there is no ARP or Neighbor Discovery to look at")
    answer = session.lan
    if answer is None or not (answer.macs and answer.pinged):
        if not observation.final:
            return _UNSET
        seen = (
            "no MAC answered"
            if answer is None or not answer.macs
            else f"{', '.join(answer.macs)} answered, no echo reply"
        )
        causes = [_cause("wrong-address", f"nobody answers for {session.view.peer_address} on the link", session)]
        if answer is not None and answer.elsewhere:
            others = ", ".join(answer.elsewhere)
            seen += f", and {others} answers"
            causes.insert(0, _cause("wrong-half", f"the peer took {others}, another half of the prefix", session))
        return _fail([seen], *causes)
    macs = ", ".join(sorted(answer.macs))
    if len(answer.macs) > 1:
        return _fail([f"answered by {macs}"], _cause("two-macs", "two devices answer for the same address", session))
    return _ok(f"answered by {macs}, echo reply received")


def _l2(session: SessionEvidence, observation: Observation) -> Finding:
    whole = session.lan.whole if session.lan is not None else None
    if whole is None:
        return _rests_on("L1") if observation.final else _UNSET
    if not whole:
        return _ok(f"an echo of {session.mtu} octets with DF was answered")
    text = f"packets of {session.mtu} octets do not reach the peer or do not come back"
    return _fail([f"an echo of {session.mtu} octets with DF: {whole}"], _cause("mtu", text, session))


def _l4(observation: Observation) -> Finding:
    if observation.quality_problem:
        cause = Cause("no-netem", observation.quality_problem, remedy("no-netem", ""))
        return _fail([f"the topology asks for {observation.quality_asked}"], cause)
    measured = [
        f"{_name(session)}: echo after {session.lan.rtt:g} ms"
        for session in observation.sessions
        if session.lan is not None and session.lan.rtt is not None
    ]
    return _ok(f"the kernel's netem gives {observation.quality_asked}", *measured)


def _c1(observation: Observation) -> Finding:
    edges = sorted(observation.edges)
    if len(edges) > 1:
        return _ok(f"connections to {', '.join(edges)}")
    text = "one edge router, or one link, is enough to take this peering down"
    cause = Cause("one-edge", text, remedy("one-edge", ""))
    return _fail([f"all connections of the peering lead to {', '.join(edges) or 'nowhere'}"], cause)


def _t1(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.bgp_state in (BgpState.OPEN_CONFIRM, _UP) or view.peer_open is not None:
        who = {True: "we dialled the peer", False: "the peer dialled us", None: "connected"}[view.dialled]
        return _ok(f"TCP is up, {who}")
    if any(not seen.sent for seen in view.notifications[session.notifications_before :]):
        return _ok("TCP is up: the peer sent a NOTIFICATION over it")
    if not observation.final:
        return _UNSET
    others = [other for other in observation.sessions if other.view.id != view.id and other.view.bgp_state is _UP]
    missing = []
    if _says(session).startswith("absent"):
        text = f"the router's configuration has no session with {view.local_address}"
        missing = [_cause("session-missing", text, session)]
    elif others and not _md5_evidence(session):
        text = f"the router has no {view.family.label} session with us: only {_name(others[0])} is up"
        missing = [_cause("session-missing", text, session)]
    return _fail(_tcp_evidence(session), *missing, *_tcp_causes(session))


def _tcp_evidence(session: SessionEvidence) -> list[str]:
    lines = [f"BGP state {_state(session)}: {session.view.last_error or 'the peer neither answers nor calls'}"]
    if session.view.peer_closed_early:
        lines.append(f"the peer accepted the TCP connection and ended it: {session.view.peer_closed_early}")
    if _says(session):
        lines.append(f"the router says: {_says(session)}")
    moved = {name: count for name, count in session.tcp_counters.items() if count}
    lines += [f"kernel counter {name} rose by {count}" for name, count in sorted(moved.items())]
    return lines


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
    return [text for name, text in texts.items() if session.tcp_counters.get(name)]


def _tcp_causes(session: SessionEvidence) -> list[Cause]:
    view, error, md5 = session.view, session.view.last_error.lower(), _md5_evidence(session)
    causes = [_cause("md5", text, session) for text in md5]
    if view.peer_closed_early:
        causes.append(_cause("not-configured", "the router accepts the connection but has no such neighbor", session))
    if "refused" in error:
        causes.append(_cause("not-listening", f"nothing listens on the BGP port of {view.peer_address}", session))
    if view.md5 and not md5:
        causes.append(_cause("md5", "the MD5 keys differ, or the peer has none", session))
    if not causes:
        causes.append(_cause("filtered", "TCP port 179 is filtered, or the router is not there", session))
        causes.append(_cause("not-listening", "the router is not started, or its BGP is not", session))
    return causes


def _s1(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if _received(session, ErrorCode.OPEN_MESSAGE, 2):
        text = f"the peer expects another AS than AS{view.local_open.asn} from us"
        return _fail(["the peer refused our OPEN: 2/2 Bad Peer AS"], _cause("remote-as-wrong", text, session))
    if view.peer_open is None:
        return _fail(["no OPEN from the peer"], *_tcp_causes(session)) if observation.final else _UNSET
    asn = view.peer_open.asn
    if view.expected_as is not None and asn != view.expected_as:
        text = f"the router announces AS{asn}; the PeerAsn is AS{view.expected_as}"
        return _fail([f"OPEN carries AS{asn}"], _cause("local-as-wrong", text, session))
    return _ok(f"OPEN carries AS{asn}")


def _s2(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.peer_open is None:
        return _fail(["no OPEN from the peer"]) if observation.final else _UNSET
    identifier = view.peer_open.bgp_identifier
    if int(identifier) == 0:
        return _fail(
            [f"BGP Identifier {identifier}"], _cause("router-id-ours", "the BGP Identifier is 0.0.0.0", session)
        )
    if identifier == view.local_open.bgp_identifier:
        text = f"the router uses our BGP Identifier {identifier}"
        return _fail([f"BGP Identifier {identifier}"], _cause("router-id-ours", text, session))
    owner = session.foreign_identifiers.get(str(identifier))
    if owner:
        text = f"{owner} uses the BGP Identifier {identifier} on this edge as well"
        return _fail([f"BGP Identifier {identifier}"], _cause("router-id-ours", text, session))
    return _ok(f"BGP Identifier {identifier}")


def _s3(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.peer_open is None:
        return _fail(["no OPEN from the peer"]) if observation.final else _UNSET
    offered = view.peer_open.hold_time
    if offered in (1, 2):
        return _fail(
            [f"offers a hold time of {offered} s"], _cause("hold-time", "a hold time is 0 or at least 3 s", session)
        )
    agreed = (
        view.negotiated_hold_time if view.negotiated_hold_time is not None else min(offered, view.local_open.hold_time)
    )
    short = 0 < agreed < _MIN_COMFORTABLE_HOLD
    warning = f"; below {_MIN_COMFORTABLE_HOLD} s a busy router may flap" if short else ""
    return _ok(f"offers {offered} s, agreed {agreed} s{warning}")


def _s4(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.peer_open is None:
        return _fail(["no OPEN from the peer"]) if observation.final else _UNSET
    theirs, causes = view.peer_open.capabilities, []
    families = theirs.families
    if view.family not in families:
        text = f"the router does not offer {view.family.label} unicast on this session"
        causes.append(_cause("family-missing", text, session))
    if not theirs.asn4:
        causes.append(_cause("asn4-missing", "the router has no four-octet AS numbers", session))
    if not theirs.route_refresh:
        causes.append(_cause("refresh-missing", "the router has no route refresh", session))
    offered = f"{', '.join(sorted(family.label for family in families)) or 'no IP'} unicast"
    evidence = f"offers {offered}, four-octet AS {_yes(theirs.asn4)}, route refresh {_yes(theirs.route_refresh)}"
    return _fail([evidence], *causes) if causes else _ok(evidence)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _s5(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    flaps = view.established_transitions - session.transitions_before
    since = view.notifications[session.notifications_before :]
    notes = [f"NOTIFICATION {'sent' if seen.sent else 'received'}: {seen.notification}" for seen in since]
    if session.soaked and not notes and flaps <= 1:
        return _ok(f"Established for {observation.soak:g} s without a flap")
    if not observation.final:
        return _UNSET
    evidence = [f"BGP state {_state(session)}, Established {flaps} times", *notes]
    if view.last_error:
        evidence.append(view.last_error)
    return _fail(evidence, *_instability_causes(session))


def _instability_causes(session: SessionEvidence) -> list[Cause]:
    if _received(session, ErrorCode.CEASE, 2):
        return [_cause("shut-down", "the router's operator shut the session down", session)]
    if _received(session, ErrorCode.CEASE, 1):
        return [_cause("import-policy", "the router's own prefix limit was reached", session)]
    if _received(session, ErrorCode.CEASE, 5):
        return [_cause("not-configured", "the router rejects the connection: it has no such neighbor", session)]
    if _received(session, ErrorCode.OPEN_MESSAGE, 6):
        return [_cause("hold-time", "the router does not accept our hold time", session)]
    if session.view.gtsm:
        return [_cause("gtsm", "GTSM is on at this end only: the peer's packets arrive with a lower TTL", session)]
    if session.view.bgp_state in (BgpState.OPEN_SENT, BgpState.OPEN_CONFIRM):
        return [_cause("gtsm", "the peer does not hear us: GTSM is on at its end only, or its process hangs", session)]
    # It was up, and it is not even on its way back: what stands in the way of TCP now is what there is to mend.
    return [] if session.view.bgp_state is _UP else _tcp_causes(session)


def _s6(observation: Observation) -> Finding:
    down = [s for s in observation.sessions if s.view.bgp_state is not _UP]
    if not observation.sessions:
        return Finding(Status.ERROR, ("the connection has no session to look at",))
    if down and not observation.final:
        return _UNSET
    evidence = [f"{_name(s)}: BGP state {_state(s)}" for s in observation.sessions]
    if down:
        return _fail(evidence, *(cause for s in down for cause in _tcp_causes(s)))
    return _ok(*evidence)


def _d1(observation: Observation) -> Finding:
    sessions, capture = observation.sessions, observation.capture
    leaked = sum(s.view.leaked_out for s in sessions)
    if leaked:
        return _fail([f"{leaked} NLRI were written to the peer while the policy was DENY ALL"])
    if not all(s.soaked for s in sessions) or not (capture or observation.capture_skipped):
        return _rests_on("S5") if observation.final else _UNSET
    if not any(s.view.rendered for s in sessions):
        return _skip("AS8075 announces nothing in this topology: nothing could have been sent")
    withheld = sum(s.view.withheld_out for s in sessions)
    evidence = [f"0 NLRI written; the gate withheld {withheld} that would have been sent"]
    if capture is None:
        return _ok(*evidence, f"no capture: {observation.capture_skipped}")
    if not capture.conclusive:
        return Finding(Status.ERROR, (*evidence, f"the capture proves nothing: {capture.reason}"))
    if capture.nlri:
        return _fail([*evidence, f"the capture shows {capture.nlri} NLRI that left the edge"])
    return _ok(*evidence, f"gap-free capture of {capture.packets} packets: 0 NLRI left the edge")


def _d2(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.leaked_in or view.taken:
        return _fail([f"{max(view.leaked_in, view.taken)} routes reached Loc-RIB while the policy was DENY ALL"])
    if not session.soaked:
        return _rests_on("S5") if observation.final else _UNSET
    return _ok(
        f"Adj-RIB-In holds {view.received} routes, Loc-RIB none; {view.withheld_in} withheld (the edge programs no FIB)"
    )


def _d3(session: SessionEvidence, observation: Observation) -> Finding:
    table = session.peer_table
    if table is None or not session.soaked:
        return _rests_on("S5") if observation.final else _UNSET
    if table.error:
        return Finding(Status.ERROR, (f"the peer's router could not be asked: {table.error}",))
    if table.prefixes:
        return _fail([f"the peer holds {len(table.prefixes)} routes of ours, among them {sorted(table.prefixes)[0]}"])
    return _ok("the peer's own table holds nothing of ours")


def _r1(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    counts = f"{view.received} received: {view.accepted} would be accepted, {view.rejected} rejected"
    if view.accepted and session.settled:
        return _ok(counts)
    if not observation.final:
        return _UNSET
    if view.accepted:
        return _ok(counts)
    if not view.received and "(Policy)" in _says(session):
        text = "RFC 8212: the router has no policy for this session, so it neither sends nor takes a route"
        return _fail([counts, f"the router says: {_says(session)}"], _cause("policy-required", text, session))
    if not view.received:
        return _fail([counts], _cause("no-export", "the router announces nothing on this session", session))
    fired = [f"{r.rule}: {r.count} ({', '.join(r.examples)})" for r in session.rejected]
    return _fail([counts, *fired], _cause("all-rejected", "every route is rejected by the policy", session))


def _r2(session: SessionEvidence, observation: Observation) -> Finding:
    view, limit = session.view, session.max_prefixes
    counts = f"{view.received} of at most {limit} prefixes"
    if view.received > limit:
        return _fail(
            [counts], _cause("too-many", f"the peer announces more than {limit} {view.family.label} prefixes", session)
        )
    if not session.settled and not observation.final:
        return _UNSET
    if not session.soaked:
        return _fail([counts, "the session was not up long enough to show it"]) if observation.final else _UNSET
    return _ok(counts)


def _a1(session: SessionEvidence, observation: Observation) -> Finding:
    view, table = session.view, session.peer_table
    ours = f"Loc-RIB holds {view.taken} of {view.accepted} accepted routes"
    if table is None or table.error:
        problem = table.error if table else "the peer's table was never read"
        return (
            Finding(Status.ERROR, (f"the peer's router could not be asked: {problem}",))
            if observation.final
            else _UNSET
        )
    missing = session.announced - table.prefixes
    theirs = f"the peer holds {len(session.announced) - len(missing)} of {len(session.announced)} announced routes"
    if not missing and view.taken == view.accepted:
        return _ok(theirs, ours)
    if not observation.final:
        return _UNSET
    evidence = [theirs, ours] + ([f"missing at the peer: {', '.join(sorted(missing)[:5])}"] if missing else [])
    cause = _cause("import-policy", "the router's import policy refuses Microsoft's routes", session)
    return _fail(evidence, *((cause,) if missing else ()))


def _a3(session: SessionEvidence, observation: Observation) -> Finding:
    if session.lost:
        return _fail(session.lost)
    if session.view.bgp_state is not _UP:
        return _fail([f"BGP state {_state(session)} after the lift"])
    return _ok("the same session carries the routes: no reset, no NOTIFICATION, no withdraw since the lift")


def _a4(session: SessionEvidence, observation: Observation) -> Finding:
    view, table = session.view, session.peer_table
    held = view.sent + view.taken
    if table is None or table.error:
        problem = table.error if table else "the peer's table was never read"
        return (
            Finding(Status.ERROR, (f"the peer's router could not be asked: {problem}",))
            if observation.final
            else _UNSET
        )
    if not held and not table.prefixes and view.bgp_state is _UP:
        return _ok(f"{view.withdrawn_by_us} routes withdrawn, none left at either end, the session still Established")
    if not observation.final:
        return _UNSET
    return _fail([f"{len(table.prefixes)} routes left at the peer, {view.taken} here, BGP state {_state(session)}"])


_B = Blocks
_MS = "Microsoft: Exchange peering walkthrough"

VALIDATION: tuple[Check, ...] = (
    Check(
        "C1",
        "The peering has connections to two edge routers",
        "Microsoft: peering policy",
        _B.WARN,
        _c1,
        only="Direct",
        applies=lambda observation: observation.direct,
    ),
    Check("L1", "The peer's address answers on the link, from one MAC", "simulator", _B.ACTIVE, _each(_l1)),
    Check(
        "L2",
        "Packets of the link's full size pass",
        "simulator",
        _B.WARN,
        _each(_l2),
        ("L1",),
        only="netns",
        applies=lambda observation: observation.has_lan,
    ),
    Check(
        "L4",
        "The link has the latency, jitter and loss that the topology asks for",
        "simulator",
        _B.WARN,
        _l4,
        only="where asked for",
        applies=lambda observation: bool(observation.quality_asked),
    ),
    Check("T1", "TCP to the peer's BGP port", "RFC 4271 §8.2.1", _B.ACTIVE, _each(_t1), ("L1",)),
    Check("S1", "The OPEN carries the ASN of the PeerAsn", "RFC 4271 §6.2", _B.ACTIVE, _each(_s1), ("T1",)),
    Check("S2", "The BGP Identifier is valid and the peer's own", "RFC 6286", _B.ACTIVE, _each(_s2), ("S1",)),
    Check("S3", "The hold time is acceptable", "RFC 4271 §4.2", _B.ACTIVE, _each(_s3), ("S1",)),
    Check("S4", "Four-octet AS, route refresh and the address family", "RFC 5492", _B.ACTIVE, _each(_s4), ("S1",)),
    Check("S5", "Established, and stable through the soak", "simulator", _B.ACTIVE, _each(_s5), ("S1", "S3", "S4")),
    Check("S6", "Every session of the connection is up", "simulator", _B.ACTIVE, _s6, ("T1", "S1", "S5")),
    Check("D1", "Nothing was sent while the policy was DENY ALL", _MS, _B.ACTIVE, _d1),
    Check("D2", "Nothing was taken while the policy was DENY ALL", _MS, _B.ACTIVE, _each(_d2)),
    Check("D3", "Nothing arrived at the peer while the policy was DENY ALL", _MS, _B.ACTIVE, _each(_d3)),
    Check("R1", "At least one route would be accepted", "simulator", _B.ACTIVE, _each(_r1), ("S5",)),
    Check(
        "R2",
        "The prefix count is within maxPrefixesAdvertised",
        "Microsoft.Peering API",
        _B.ACTIVE,
        _each(_r2),
        ("S5",),
    ),
)
"""Before the lift."""

LIFTED: tuple[Check, ...] = (
    Check("A1", "Both sides hold all that the other announced", _MS, _B.REHEARSAL, _each(_a1)),
    Check("A3", "The lift cost no reset, no NOTIFICATION, no withdraw", "simulator", _B.REHEARSAL, _each(_a3)),
)
"""After the lift."""

DEPROVISIONED: tuple[Check, ...] = (
    Check("A4", "Deprovisioning withdrew everything before the session closed", "simulator", _B.REHEARSAL, _each(_a4)),
)
"""While PendingRemove, before the Cease."""


def evaluate(checks: Iterable[Check], observation: Observation) -> list[CheckResult]:
    """Run checks in order. Those that rest on an unsuccessful one are skipped (unset while that one is)."""
    results: dict[str, CheckResult] = {}
    for check in checks:
        if not check.applies(observation):
            continue
        unmet = [need for need in check.needs if need in results and not results[need].holds]
        finding = check.judge(observation)
        if unmet:
            finding = _rests_on(*unmet) if observation.final else _UNSET
        results[check.id] = CheckResult(check.id, check.title, check.source, check.blocks, finding)
    return list(results.values())


def rejected_routes(observation: Observation) -> list[CheckResult]:
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
        results.append(CheckResult(f"R3.{rule}", title, first.source, Blocks.WARN, finding))
    return results
