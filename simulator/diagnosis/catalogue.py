"""The check catalogue: each check is a pure function from what was observed to what it found.

A check that finds nothing to look at does not pass. One that rests on another that did not succeed on the same session
is skipped, so that the first finding is not drowned by its consequences. Why a check failed, `causes` tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from simulator.diagnosis import (
    link_checks,
    route_checks,
    route_server_checks,
    security_checks,
    session_checks,
    traffic_checks,
    watch_checks,
)
from simulator.diagnosis.causes import BY_ID
from simulator.diagnosis.check import UNSET, Check, Finding, ends_of, failed, name_of, resting_on
from simulator.diagnosis.check_ids import CheckId as C
from simulator.diagnosis.check_ids import known
from simulator.diagnosis.evidence import Observation, SessionEvidence
from simulator.diagnosis.fact import ABNORMAL, SessionFacts
from simulator.diagnosis.facts import facts_of
from simulator.diagnosis.packets import of_checks
from simulator.diagnosis.solve import diagnose, merged, of_connection
from simulator.packets.kinds import Packets
from simulator.views.check import Blocks, Cause, CheckView, Status

_B = Blocks
_MS = "Microsoft: Exchange peering walkthrough"
_SIM = "simulator"

VALIDATION: tuple[Check, ...] = (
    Check(
        C.C1,
        "The peering has connections to two edge routers",
        "Microsoft: peering policy",
        _B.WARN,
        of_connection=link_checks.two_edges,
        only="Direct, and where there are several edges",
        applies=link_checks.may_have_two_edges,
    ),
    Check(
        C.C2,
        "The peering is wanted until it is Active",
        "Microsoft.Peering API",
        _B.ACTIVE,
        of_connection=link_checks.still_wanted,
        only="where it is deleted or deprovisioned meanwhile",
        applies=link_checks.taken_back,
    ),
    Check(C.L1, "The peer's address answers on the link, from one MAC", _SIM, _B.ACTIVE, link_checks.answers),
    Check(
        C.L2,
        "Packets of the link's full size pass, and none is lost",
        _SIM,
        _B.WARN,
        link_checks.full_size,
        needs=(C.L1,),
        only="netns",
        applies=lambda observation: observation.has_lan,
    ),
    Check(
        C.L3,
        "The peer sends no frames that an exchange's LAN forbids",
        _SIM,
        _B.WARN,
        link_checks.no_forbidden_frames,
        needs=(C.L1,),
        only="netns",
        applies=link_checks.captured,
    ),
    Check(
        C.L4,
        "The link has the latency, jitter and loss that the topology asks for",
        _SIM,
        _B.WARN,
        of_connection=link_checks.quality,
        only="where asked for",
        applies=lambda observation: bool(observation.quality_asked),
    ),
    Check(C.T1, "TCP to the peer's BGP port", "RFC 4271 §8.2.1", _B.ACTIVE, session_checks.tcp, needs=(C.L1,)),
    Check(
        C.S1, "The OPEN carries the ASN of the PeerAsn", "RFC 4271 §6.2", _B.ACTIVE, session_checks.asn, needs=(C.T1,)
    ),
    Check(
        C.S2,
        "The BGP Identifier is valid and the peer's own",
        "RFC 6286",
        _B.ACTIVE,
        session_checks.identifier,
        needs=(C.S1,),
    ),
    Check(C.S3, "The hold time is acceptable", "RFC 4271 §4.2", _B.ACTIVE, session_checks.hold_time, needs=(C.S1,)),
    Check(
        C.S4,
        "Four-octet AS, route refresh and the address family",
        "RFC 5492",
        _B.ACTIVE,
        session_checks.capabilities,
        needs=(C.S1,),
    ),
    Check(
        C.S5,
        "Established, and stable through the soak",
        _SIM,
        _B.ACTIVE,
        session_checks.stable,
        needs=(C.S1, C.S3, C.S4),
    ),
    Check(
        C.S6,
        "Every session of the connection is up",
        _SIM,
        _B.ACTIVE,
        of_connection=session_checks.all_up,
        needs=(C.T1, C.S1, C.S5),
    ),
    # What the kernels counted tells why TCP or the OPEN failed: those come first.
    Check(C.T2, "MD5 agrees at both ends", "RFC 2385", _B.ACTIVE, security_checks.md5_agrees),
    Check(C.T3, "GTSM agrees at both ends", "RFC 5082", _B.ACTIVE, security_checks.gtsm_agrees),
    Check(
        C.D1,
        "Nothing was sent while the policy was DENY ALL",
        _MS,
        _B.ACTIVE,
        route_checks.nothing_sent,
    ),
    Check(C.D2, "Nothing was taken while the policy was DENY ALL", _MS, _B.ACTIVE, route_checks.nothing_taken),
    Check(
        C.D3,
        "Nothing arrived at the peer while the policy was DENY ALL",
        _MS,
        _B.ACTIVE,
        route_checks.nothing_arrived,
    ),
    Check(
        C.R1,
        "At least one route would be accepted",
        _SIM,
        _B.ACTIVE,
        route_checks.some_acceptable,
        needs=(C.S5,),
    ),
    Check(
        C.R2,
        "The prefix count is within maxPrefixesAdvertised",
        "Microsoft.Peering API",
        _B.ACTIVE,
        route_checks.within_limit,
        needs=(C.S5,),
    ),
    Check(
        C.R4,
        "The router announces all that the topology says, and has a route for each `network`",
        _SIM,
        _B.WARN,
        route_checks.announces_all,
        needs=(C.S5,),
        only="where something of it does not come",
        applies=route_checks.announces_a_part,
    ),
    Check(
        C.R5,
        "The router's own prefix limit leaves room for what Microsoft announces",
        _SIM,
        _B.WARN,
        route_checks.peer_takes_all,
        only="where the router tells its limit",
        applies=route_checks.knows_limit,
    ),
    Check(
        C.R6,
        "AS8075 has something to announce",
        _SIM,
        _B.WARN,
        of_connection=route_server_checks.something_to_announce,
        only="where it has nothing",
        applies=route_server_checks.announces_nothing,
    ),
    Check(
        C.R7,
        "The route server leaves paths, next hops and communities as it found them",
        "RFC 7947 §2.2",
        _B.WARN,
        route_server_checks.untouched,
        needs=(C.S5,),
        only="IxRs",
        applies=route_server_checks.through_server,
    ),
    Check(
        C.R8,
        "Accepted routes lose nothing on import, and RPKI knows them",
        _MS,
        _B.WARN,
        route_checks.loses_nothing,
        needs=(C.S5,),
        only="where routes are acceptable",
        applies=route_checks.would_be_accepted,
    ),
    Check(
        C.R9,
        "The same prefixes come on every edge's session of the peering",
        _SIM,
        _B.WARN,
        route_checks.same_everywhere,
        needs=(C.S5,),
        only="where the peering has several edges",
        applies=route_checks.has_siblings,
    ),
)
"""Before the lift."""

LIFTED: tuple[Check, ...] = (
    Check(C.A1, "Both sides hold all that the other announced", _MS, _B.REHEARSAL, route_checks.both_hold_all),
    Check(
        C.A3,
        "The lift cost no reset, no NOTIFICATION, no withdraw",
        _SIM,
        _B.REHEARSAL,
        route_checks.cost_nothing,
    ),
    Check(
        C.A5,
        "The exchange's members hold what Microsoft announces",
        "RFC 7947 §2.2",
        _B.WARN,
        route_server_checks.members_hold_all,
        only="IxRs",
        applies=route_server_checks.has_members,
    ),
)
"""After the lift."""

TRAFFIC: tuple[Check, ...] = (
    Check(
        C.A2,
        "No packet passes before the lift, all pass after it, none after the deny",
        _SIM,
        _B.REHEARSAL,
        traffic_checks.passes,
        only="netns, unless `traffic: false`",
    ),
)
"""Once the routes are exchanged; and again after the deny."""

WATCHED: tuple[Check, ...] = (
    Check(C.W1, "The session stays up", _SIM, _B.WARN, watch_checks.stays_up),
    Check(C.W2, "The peer keeps announcing its prefixes", _SIM, _B.WARN, watch_checks.keeps_prefixes),
    Check(
        C.W3,
        "The prefix count stays below the warning threshold of maxPrefixesAdvertised",
        _SIM,
        _B.WARN,
        watch_checks.keeps_below_limit,
    ),
    Check(
        C.W4,
        "A session that comes back has the same capabilities, BGP Identifier and hold time",
        _SIM,
        _B.WARN,
        watch_checks.agrees_on_the_same,
    ),
    Check(C.W5, "No prefix is withdrawn again and again", "RFC 2439", _B.WARN, watch_checks.prefixes_stay),
    Check(
        C.W6,
        "Packets keep passing both ways",
        _SIM,
        _B.WARN,
        watch_checks.traffic_passes,
        only="netns, unless `traffic: false`",
    ),
)
"""While Active, from the lift to the deny: each time that something happens on a session."""

DEPROVISIONED: tuple[Check, ...] = (
    Check(
        C.A4,
        "Deprovisioning withdrew everything before the session closed",
        _SIM,
        _B.REHEARSAL,
        route_checks.all_withdrawn,
    ),
)
"""While PendingRemove, before the Cease."""

_CONNECTION = ""
"""Stands for no session in particular."""

Found = dict[str, Finding]
"""Session id, or `_CONNECTION`, to what a check found."""


def evaluate(checks: Iterable[Check], observation: Observation) -> list[CheckView]:
    """Run checks in order, and name the causes of those that failed once it is final.

    Those that rest on an unsuccessful one, on the same session, are skipped (unset while that one is).
    """
    checks = tuple(checks)
    found: dict[str, Found] = {}
    for check in checks:
        try:
            if check.applies(observation):
                found[check.id] = _judged(check, observation, found)
        except Exception as error:
            found[check.id] = {_CONNECTION: _broken(error)}
    table = {check.id: check for check in checks}
    facts = {session.view.id: facts_of(session, observation) for session in observation.sessions}
    causes = _causes(found, facts, observation, table) if _told(found, observation) else []
    order = [*found]
    causes = [replace(cause, explains=_in_order(cause.explains, order)) for cause in causes]
    return [_view(table[id_], of_session, observation, causes) for id_, of_session in found.items()]


def _in_order(explains: tuple[str, ...], order: list[str]) -> tuple[str, ...]:
    """The checks that a cause explains, as they ran; those of rules last."""
    return tuple(sorted(explains, key=lambda check: order.index(check) if check in order else len(order)))


def _broken(error: Exception) -> Finding:
    """A check that raises proves nothing: it is an error of its own, and stops what it would stop."""
    return Finding(Status.ERROR, (f"the check itself broke: {type(error).__name__}: {error}",))


def _told(found: Mapping[str, Found], observation: Observation) -> bool:
    """Causes come when no check waits any more."""
    return observation.final or all(f.status is not Status.UNSET for each in found.values() for f in each.values())


def _judged(check: Check, observation: Observation, found: Mapping[str, Found]) -> Found:
    """Raises what the check raises, and TypeError for one that returns no finding."""
    judged = _judge(check, observation, found)
    for finding in judged.values():
        if not isinstance(finding, Finding):
            raise TypeError(f"it returned {finding!r:.60}, which is no Finding")
    return judged


def _judge(check: Check, observation: Observation, found: Mapping[str, Found]) -> Found:
    if check.of_session is None:
        assert check.of_connection is not None, check.id
        unmet = [need for need in check.needs if not all(f.holds for f in found.get(need, {}).values())]
        if unmet:
            return {_CONNECTION: resting_on(*unmet) if observation.final else UNSET}
        return {_CONNECTION: check.of_connection(observation)}
    if not observation.sessions:
        return {_CONNECTION: Finding(Status.ERROR, ("the connection has no session to look at",))}
    judged: Found = {}
    for session in observation.sessions:
        own = session.view.id
        unmet = [need for need in check.needs if own in found.get(need, {}) and not found[need][own].holds]
        if unmet:
            judged[own] = resting_on(*unmet) if observation.final else UNSET
        else:
            judged[own] = check.of_session(session, observation)
    return judged


def _warned(
    causes: list[Cause], session: str, found: dict[str, Found], facts: SessionFacts, *, told: bool
) -> Iterator[Cause]:
    """Causes with the checks that they explain. One that no check has noticed makes the check of its fact a warning."""
    for cause in causes:
        if cause.explains:
            yield cause
            continue
        shown = (fact for fact in BY_ID[cause.id].told_by if facts.has(fact) and fact in ABNORMAL)
        for check, fact in ((ABNORMAL[fact], fact) for fact in shown):
            finding = found.get(check, {}).get(session)
            if finding is not None and not told:
                found[check][session] = failed([*finding.evidence, *facts.evidence(fact)], warns=True)
                yield replace(cause, explains=(str(check),))
                break


def _causes(
    found: dict[str, Found],
    facts: Mapping[str, SessionFacts],
    observation: Observation,
    checks: Mapping[str, Check],
) -> list[Cause]:
    causes: list[Cause] = []
    for session in observation.sessions:
        own = session.view.id
        bad = {
            str(id_): True
            for id_, each in found.items()
            if known(id_) and own in each and each[own].status is Status.FAILURE
        }
        if C.S6 in found and found[C.S6][_CONNECTION].status is Status.FAILURE and bad:
            bad[C.S6] = True
        bad |= {f"R3.{rejected.rule}": False for rejected in session.rejected}
        mine = diagnose(session, bad, facts[own], session.rejected)
        causes += _warned(mine, own, found, facts[own], told=C.T1 not in found)
    whole = {str(id_): True for id_, each in found.items() if _CONNECTION in each and each[_CONNECTION].status.bad}
    for id_, each in found.items():
        if not known(id_) and checks[id_].remedy:
            causes += _of_own(checks[id_], each)
    return merged([*causes, *of_connection(observation, whole)])


def _of_own(check: Check, found: Found) -> Iterator[Cause]:
    """Of a user's own check that failed: what it saw is the cause, with its own remedy."""
    for session, finding in found.items():
        if finding.status is Status.FAILURE:
            text = f"{check.title}: {finding.evidence[0] if finding.evidence else 'no'}"
            whose = (session,) if session != _CONNECTION else ()
            rank, own = len(BY_ID), finding.evidence[:1]
            yield Cause(
                *(check.id, text, check.remedy, check.side, whose, (check.id,), finding.evidence, "", rank, ()),
                *(check.title, own),
            )


_WORST = (Status.FAILURE, Status.ERROR, Status.UNSET, Status.SUCCESS, Status.SKIPPED)


def _rank(finding: Finding) -> float:
    if finding.rests_on:
        return _WORST.index(Status.SUCCESS) - 0.5
    # A failure that blocks hides one that does not, and an error or a wait is more than a warning.
    return _WORST.index(finding.status) + (2.4 if finding.warns and finding.status is Status.FAILURE else 0)


def _view(check: Check, found: Found, observation: Observation, causes: list[Cause]) -> CheckView:
    """The check as everybody sees it: of several sessions the worst counts, and evidence says of which it is."""
    named = {session.view.id: session for session in observation.sessions}
    ordered = sorted(found.items(), key=lambda pair: _rank(pair[1]))  # failures first
    worst = ordered[0][1]
    evidence = tuple(
        f"{name_of(named[own])}: {line}" if own in named else line
        for own, finding in ordered
        for line in finding.evidence
    )
    warns = worst.status is Status.FAILURE and worst.warns and not check.strict
    return CheckView(
        check.id,
        check.title,
        check.source,
        Blocks.WARN if warns else check.blocks,
        worst.status,
        evidence,
        tuple(cause for cause in causes if check.id in cause.explains) if worst.status.bad else (),
        tuple(dict.fromkeys(each for _, finding in ordered for each in finding.rests_on)),
        ends_of(named[ordered[0][0]]) if ordered[0][0] in named else "",
        _packets(check.id, found, observation) if worst.status.bad else (),
    )


def _packets(check: str, found: Found, observation: Observation) -> tuple[Packets, ...]:
    """Those that belong to a check that did not hold, of the sessions on which it did not."""
    bad = {own for own, finding in found.items() if finding.status.bad}
    sessions = [each for each in observation.sessions if each.view.id in bad or _CONNECTION in bad]
    return tuple(packets for session in sessions for packets in of_checks(session, (check,)))


def rejected_routes(observation: Observation) -> list[CheckView]:
    """R3 and on: one warning for each rule that rejected something, with the routes."""
    by_rule: dict[str, list[SessionEvidence]] = {}
    causes: list[Cause] = []
    for session in observation.sessions:
        for each in session.rejected:
            by_rule.setdefault(each.rule, []).append(session)
        ids = {f"R3.{each.rule}": False for each in session.rejected}
        causes += diagnose(session, ids, SessionFacts({}), session.rejected)
    found = merged(causes)
    results = []
    for rule, sessions in by_rule.items():
        id_ = f"R3.{rule}"
        evidence, source = [], ""
        for session in sessions:
            entry = next(each for each in session.rejected if each.rule == rule)
            source = source or entry.source
            more = f" and {entry.count - len(entry.examples):,} more" if entry.count > len(entry.examples) else ""
            evidence.append(f"{name_of(session)}: {'; '.join(entry.examples)}{more}")
        title = f"Routes that rule {rule} rejects"
        mine = tuple(cause for cause in found if id_ in cause.explains)
        results.append(CheckView(id_, title, source, Blocks.WARN, Status.FAILURE, tuple(evidence), mine))
    return results
