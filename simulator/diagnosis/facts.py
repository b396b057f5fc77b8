"""Facts: what was observed of one session, each an enumeration with the evidence for it. Neither check nor cause.

A fact is read from what our own speaker saw, from the kernel's counters at both ends, from the link, or from what the
peer's router itself says of its configuration. Nothing here reads prose.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.counts import count_of
from simulator.diagnosis import packet_facts, session_facts, traffic_checks
from simulator.diagnosis.evidence import LONG_ECHOES, Observation, Passage, SessionEvidence
from simulator.diagnosis.fact import Fact, Seen, SessionFacts
from simulator.diagnosis.route_checks import for_us, kept_back, lacking, marked, unheard
from simulator.diagnosis.route_server_checks import members_lack
from simulator.diagnosis.session_checks import UP


def _lacks(session: SessionEvidence, observation: Observation) -> tuple[str, ...]:
    if not session.soaked or not session.prefixes:
        return ()
    family = session.view.family
    alike = [other for other in observation.siblings if other.family is family]
    there = {prefix for other in alike for prefix in other.prefixes - {*for_us(session, other)}}
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
    if session.echoes_lost:
        yield Fact.LINK_LOSES, f"{session.echoes_lost} of {LONG_ECHOES} echoes got no answer, the others did"
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
    if lan.foreign:
        answering = f"{', '.join(sorted(lan.macs))} answers for {session.view.peer_address}"
        yield Fact.FOREIGN_MAC, f"{answering}, and is no interface of the router"
    if len(lan.macs) > 1:
        yield Fact.TWO_MACS, f"{', '.join(sorted(lan.macs))} answer for {session.view.peer_address}"
    if session.frames:
        yield Fact.FORBIDDEN_FRAMES, f"frames of the peer: {', '.join(session.frames)}"
    if lan.whole:
        yield Fact.SHORT_PACKETS_ONLY, f"an echo of {session.mtu} octets with DF: {lan.whole}"


_FLAPPING = 5
"""Prefixes that are shown."""


def _routes(session: SessionEvidence, observation: Observation) -> Seen:
    view = session.view
    if view.bgp_state is UP and not view.received:
        if session.echoes_lost and not view.end_of_rib:  # what TCP sends again may take longer than we wait
            yield Fact.NONE_CAME_YET, "0 routes received, and no End-of-RIB"
        else:
            yield Fact.NONE_RECEIVED, "0 routes received"
    if view.received > session.max_prefixes:
        yield Fact.TOO_MANY, f"{view.received:,} of at most {count_of(session.max_prefixes, 'prefix', 'prefixes')}"
    if kept := kept_back(session, observation):
        words = f"the router originates {', '.join(kept[:_FLAPPING])}, and its export policy does not let it out"
        yield Fact.KEPT_BACK, f"{words}, though it lets others out"
    if silent := unheard(session, observation):
        words = f"the topology's `announce` has {', '.join(silent[:_FLAPPING])}"
        yield Fact.NOT_ORIGINATED, f"{words}, and it does not come"
    for sibling in observation.siblings if view.bgp_state is UP else ():
        ours = for_us(session, sibling)
        if ours and sibling.family is view.family and not {*ours} & {*session.prefixes, *session.turned_away}:
            shown = ", ".join(f"{prefix} ({view.local_address})" for prefix in sorted(ours)[:_FLAPPING])
            words = f"{sibling.name} brings {shown}: a router sends no edge what has that edge for its next hop"
            yield Fact.NEXT_HOP_OURS, words
    yield from ((Fact.LACKS_PREFIXES, line) for line in lacking(session, observation, next_hops=False))
    yield from ((Fact[name], words) for name, words in marked(session))
    for prefix, times in sorted(session.flapping.items())[:_FLAPPING]:
        yield Fact.ROUTES_FLAP, f"{prefix} was withdrawn and announced again {count_of(times, 'time')}"
    if (server := session.through_server) is not None:
        meddling = (
            (Fact.SERVER_IN_PATH, server.own_as),
            (Fact.SERVER_NEXT_HOP, server.next_hop),
            (Fact.SERVER_CONTROL, server.control),
        )
        for fact, (count, examples) in meddling:
            if count:
                yield fact, f"{count} of {count_of(server.routes, 'route')}, such as {', '.join(examples)}"
    for name, held in session.members.items():
        if (lacking_there := members_lack(session, held)) and observation.final:
            yield (
                Fact.MEMBERS_LACK,
                f"{name} lacks {len(lacking_there)} of {count_of(len(session.announced), 'prefix', 'prefixes')}",
            )
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
        yield Fact.LEAKED, f"{count_of(taken, 'route')} reached Loc-RIB"
    if held := session.held_there:
        yield Fact.HELD_WHILE_DENIED, f"the router holds {count_of(len(held), 'route')} of Microsoft"


def _watch(session: SessionEvidence, observation: Observation) -> Seen:
    seen = session.watched
    if seen is None:
        return
    if seen.flaps:
        yield Fact.WENT_DOWN, seen.why_down
    if seen.lost is not None:
        yield Fact.PREFIXES_LOST, f"{count_of(seen.lost[1], 'prefix', 'prefixes')} of {seen.lost[0]}"
    if seen.crowded is not None:
        yield Fact.NEAR_OUR_LIMIT, f"{seen.crowded[0]:,} of at most {count_of(seen.crowded[1], 'prefix', 'prefixes')}"
    yield from ((Fact.AGREEMENT_CHANGED, line) for line in seen.changed)
    for prefix, count in seen.flapping:
        yield Fact.PREFIX_FLAPS, f"{prefix} was withdrawn {count_of(count, 'time')} within {seen.window:g} s"


_PASSAGES = {
    Passage.NEXT_HOP_SILENT: Fact.NEXT_HOP_SILENT,
    Passage.SENT_BACK: Fact.PACKETS_COME_BACK,
    Passage.EXPIRED: Fact.PACKETS_EXPIRE,
    Passage.TOO_LONG: Fact.LONG_PACKETS_LOST,
}


def _traffic(session: SessionEvidence, observation: Observation) -> Seen:
    for theirs, fact in ((True, Fact.PASSES_EARLY), (False, Fact.EDGE_PASSES_ON)):
        yield from ((fact, words) for words in traffic_checks.early(session, theirs=theirs))
    for theirs, fact in ((True, Fact.PASSES_LATE), (False, Fact.EDGE_PASSES_ON)):
        yield from ((fact, words) for words in traffic_checks.late(session, theirs=theirs))
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
    packet_facts.on_the_wire,
    session_facts.tcp,
    session_facts.counters,
    session_facts.router,
    session_facts.opened,
    session_facts.notifications,
    _routes,
    _traffic,
    _watch,
)
