"""The judges of the denial (D1 to D3), of the routes (R1 to R9), and of the time after the lift (A1, A3, A4)."""

from __future__ import annotations

from simulator.counts import count_of
from simulator.diagnosis.check import UNSET, Finding, failed, passed, resting_on, skipped
from simulator.diagnosis.evidence import Observation, SessionEvidence, Sibling
from simulator.diagnosis.router_answer import PeerTrouble
from simulator.diagnosis.session_checks import UP, notes_of, state
from simulator.session.messages import Family
from simulator.views.check import Status

NEAR = 1.2
"""A router's prefix limit below this many times what Microsoft announces is near."""
_SHOWN = 5


def nothing_sent(session: SessionEvidence, observation: Observation) -> Finding:
    view, capture = session.view, observation.capture
    if view.leaked_out:
        return failed([f"{view.leaked_out} NLRI were written to the peer while the policy was DENY ALL"])
    if capture is not None and capture.nlri:
        return failed([f"the capture shows {capture.nlri} NLRI that left the edge while the policy was DENY ALL"])
    if not session.soaked or not (capture or observation.capture_skipped):
        return resting_on("S5") if observation.final else UNSET
    if not view.rendered:
        return skipped("AS8075 announces nothing on this session: nothing could have been sent")
    if capture is not None and not capture.conclusive:
        return Finding(Status.ERROR, (f"the capture proves nothing: {capture.reason}",))
    evidence = f"0 NLRI written: {view.rendered} wait behind the gate, which withheld {view.withheld_out}"
    if capture is None:
        return passed(evidence, f"no capture: {observation.capture_skipped}")
    return passed(evidence, f"gap-free capture of {count_of(capture.packets, 'packet')}: 0 NLRI left the edge")


def nothing_taken(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    if view.leaked_in or view.taken:
        return failed(
            [f"{count_of(max(view.leaked_in, view.taken), 'route')} reached Loc-RIB while the policy was DENY ALL"]
        )
    if session.programmed:
        return failed([f"the edge's kernel holds {session.programmed} of its routes while the policy was DENY ALL"])
    if not session.soaked:
        return resting_on("S5") if observation.final else UNSET
    fib = "the edge programs no FIB" if session.programmed is None else "the kernel's FIB none"
    return passed(
        f"Adj-RIB-In holds {count_of(view.received, 'route')}, Loc-RIB none; {view.withheld_in} withheld ({fib})"
    )


def nothing_arrived(session: SessionEvidence, observation: Observation) -> Finding:
    table = session.peer_table
    if table is None or not session.soaked:
        return resting_on("S5") if observation.final else UNSET
    if table.not_ours:
        return skipped(table.not_ours)
    if table.error:
        return Finding(Status.ERROR, (f"the peer's router could not be asked: {table.error}",))
    if held := session.held_there:
        return failed([f"the peer holds {count_of(len(held), 'route')} of ours, among them {sorted(held)[0]}"])
    return passed("the peer's own table holds nothing of ours")


def some_acceptable(session: SessionEvidence, observation: Observation) -> Finding:
    view = session.view
    counts = f"{view.received} received: {view.accepted} would be accepted, {view.rejected} rejected"
    if view.accepted and (session.settled or observation.final):
        return passed(counts)
    if not observation.final:
        return UNSET
    fired = [f"{r.rule}: {r.count} ({', '.join(r.examples)})" for r in session.rejected]
    answer = session.answer
    says = [f"the router says: {answer.state}: {answer.reason}"] if answer is not None and answer.reason else []
    return failed([counts, *fired, *([] if view.received else says)])


def within_limit(session: SessionEvidence, observation: Observation) -> Finding:
    view, limit = session.view, session.max_prefixes
    counts = f"{view.received:,} of at most {count_of(limit, 'prefix', 'prefixes')}"
    if view.received > limit:
        return failed([counts])
    if not session.settled and not observation.final:
        return UNSET
    if not session.soaked:
        return failed(["the session was not up long enough to show it", counts]) if observation.final else UNSET
    return passed(counts)


def _away(session: SessionEvidence) -> list[str]:
    troubles = session.answer.troubles if session.answer is not None else ()
    return [text for what, text in troubles if what is PeerTrouble.NETWORK_NOT_IN_RIB]


def kept_back(session: SessionEvidence, observation: Observation) -> tuple[str, ...]:
    """Prefixes that the topology says, that the router originates, and that its export policy sends on no session of
    the peering's family. What nobody says that Microsoft is to have may be kept back on purpose."""
    troubles = session.answer.troubles if session.answer is not None else ()
    if session.answer is None or not session.view.received or all(w is not PeerTrouble.KEPT_BACK for w, _ in troubles):
        return ()
    if session.view.family in observation.awaited:  # who is judged last knows what comes on every edge
        return ()
    elsewhere = _elsewhere(session, observation)
    return tuple(each for each in session.answer.withheld if each in session.unheard and each not in elsewhere)


def unheard(session: SessionEvidence, observation: Observation) -> tuple[str, ...]:
    """Prefixes that the topology says and that come on no session of the peering's family, though others do."""
    if not session.view.received or not session.soaked or session.view.family in observation.awaited:
        return ()
    known = {*_elsewhere(session, observation), *(session.answer.withheld if session.answer is not None else ())}
    return tuple(prefix for prefix in session.unheard if prefix not in known) if not _away(session) else ()


def _elsewhere(session: SessionEvidence, observation: Observation) -> set[str]:
    """What comes on another edge's session: that it does not come here is R9's matter."""
    alike = [other for other in observation.siblings if other.family is session.view.family]
    return {prefix for other in alike for prefix in (*other.prefixes, *other.rejected)}


def announces_all(session: SessionEvidence, observation: Observation) -> Finding:
    counts = f"{session.view.received} received"
    lines = [f"{counts}; {text}" for text in (_away(session) if session.view.received else ())]
    if kept := kept_back(session, observation):
        lines.append(f"{counts}; the router keeps back {', '.join(kept[:_SHOWN])}")
    if silent := unheard(session, observation):
        lines.append(f"{counts}; the topology's `announce` has {', '.join(silent[:_SHOWN])} too")
    return failed(lines) if lines else passed(counts)


def announces_a_part(observation: Observation) -> bool:
    """A session has announced some of what its router has to; of one that is silent R1 tells why."""
    return any(
        (session.view.received and _away(session)) or kept_back(session, observation) or unheard(session, observation)
        for session in observation.sessions
    )


def peer_takes_all(session: SessionEvidence, observation: Observation) -> Finding:
    limit = session.answer.prefix_limit if session.answer is not None else None
    count = len(session.announced)
    if limit is None:
        return skipped("the router's own prefix limit is not known")
    found = f"the router takes at most {limit} {session.view.family.label} prefixes; Microsoft announces {count}"
    return failed([found]) if limit < count * NEAR else passed(found)


def knows_limit(observation: Observation) -> bool:
    return any(s.answer is not None and s.answer.prefix_limit is not None for s in observation.sessions)


def for_us(session: SessionEvidence, sibling: Sibling) -> list[str]:
    """What another edge gets with this edge for its next hop: no router sends that here."""
    return [prefix for prefix, hop in sibling.next_hops.items() if hop == str(session.view.local_address)]


def lacking(session: SessionEvidence, observation: Observation, *, next_hops: bool = True) -> list[str]:
    """What this session or one of the same family on another edge announces alone, one line a prefix.

    Both ways: of two connections the one that is validated last has both tables to compare. `next_hops`: with what does
    not come here because of its next hop.
    """
    if not session.soaked or not session.prefixes:  # what keeps all of them back, R1 tells
        return []
    mine = session.view.id
    there: dict[str, list[str]] = {}
    missing: dict[str, list[str]] = {}
    for sibling in observation.siblings:
        if sibling.family is session.view.family:
            besides = frozenset() if next_hops else frozenset(for_us(session, sibling))
            for prefix in sibling.prefixes - session.prefixes - session.turned_away - besides:
                there.setdefault(prefix, []).append(sibling.name)
            for prefix in _lacking_there(session, sibling):
                missing.setdefault(prefix, []).append(sibling.name)
    lines = [(prefix, f"{prefix} comes on {', '.join(names)} and not on {mine}") for prefix, names in there.items()]
    lines += [(prefix, f"{prefix} comes on {mine} and not on {', '.join(names)}") for prefix, names in missing.items()]
    return [line for _, line in sorted(lines)[:_SHOWN]]


def _lacking_there(session: SessionEvidence, sibling: Sibling) -> frozenset[str]:
    return session.prefixes - sibling.prefixes - sibling.rejected if sibling.prefixes and not sibling.told else _NONE


_NONE: frozenset[str] = frozenset()


def same_everywhere(session: SessionEvidence, observation: Observation) -> Finding:
    missing = lacking(session, observation)
    if not session.soaked:
        return resting_on("S5") if observation.final else UNSET
    if not session.prefixes and observation.siblings:
        return resting_on("R1") if observation.final else UNSET
    if not missing:
        return passed(f"the same {count_of(len(session.prefixes), 'prefix', 'prefixes')} as on the other edges")
    return failed(missing)


def marked(session: SessionEvidence) -> list[tuple[str, str]]:
    """What the import does to accepted routes, or RPKI does not know of them: a fact's name, and the words for it."""
    marks = session.marks
    if marks is None:
        return []
    table = (
        ("MED_SENT", marks.med),
        ("COMMUNITIES_LOST", marks.communities),
        ("NO_ROA", marks.unsigned or (0, ())),
    )
    return [
        (
            name,
            f"{count} of {count_of(marks.routes, 'route')}: {', '.join(examples)}"
            f"{', …' if count > len(examples) else ''}",
        )
        for name, (count, examples) in table
        if count
    ]


def loses_nothing(session: SessionEvidence, observation: Observation) -> Finding:
    marks = session.marks
    if marks is None:
        return skipped("no table to look at") if observation.final else UNSET
    if found := marked(session):
        return failed(words for _, words in found)
    signed = "no ROAs were given to look at" if marks.unsigned is None else "a ROA covers each"
    return passed(f"{count_of(marks.routes, 'route')}: nothing in them is overwritten or taken off; {signed}")


def would_be_accepted(observation: Observation) -> bool:
    return any(session.marks is not None and session.marks.routes for session in observation.sessions)


def has_siblings(observation: Observation) -> bool:
    return any(sibling.family in _FAMILIES for sibling in observation.siblings)


_FAMILIES = frozenset(Family)


def both_hold_all(session: SessionEvidence, observation: Observation) -> Finding:
    view, table = session.view, session.peer_table
    ours = f"Loc-RIB holds {view.taken} of {view.accepted} accepted routes"
    # What was lost with the session does not come back before somebody acts: nothing is to be waited for.
    over = observation.final or (bool(session.lost) and view.bgp_state is not UP)
    if table is None or table.error:
        problem = table.error if table else "the peer's table was never read"
        return Finding(Status.ERROR, (f"the peer's router could not be asked: {problem}",)) if over else UNSET
    if session.expected not in (None, view.accepted) and not over:
        return UNSET
    if table.not_ours:
        sent = f"{view.sent} of {len(session.announced)} announced routes were sent; {table.not_ours}"
        if view.sent == len(session.announced) and view.taken == view.accepted:
            return passed(sent, ours)
        return failed([sent, ours]) if over else UNSET
    missing = session.announced - table.prefixes
    theirs = f"the peer holds {len(session.announced) - len(missing)} of {len(session.announced)} announced routes"
    if not missing and view.taken == view.accepted:
        return passed(theirs, ours)
    if not over:
        return UNSET
    lines = [f"missing at the peer: {', '.join(sorted(missing)[:_SHOWN])}"] if missing else []
    return failed([theirs, ours, *lines, *notes_of(session)])


def cost_nothing(session: SessionEvidence, observation: Observation) -> Finding:
    if session.lost:
        return failed(dict.fromkeys(session.lost))
    if session.view.bgp_state is not UP:
        return failed([f"BGP state {state(session)} after the lift"])
    return passed("the same session carries the routes: no reset, no NOTIFICATION, no withdraw since the lift")


def all_withdrawn(session: SessionEvidence, observation: Observation) -> Finding:
    view, table = session.view, session.peer_table
    held = view.sent + view.taken
    if table is None or table.error:
        problem = table.error if table else "the peer's table was never read"
        return (
            Finding(Status.ERROR, (f"the peer's router could not be asked: {problem}",)) if observation.final else UNSET
        )
    if not held and not table.prefixes:
        left = f"none left here; {table.not_ours}" if table.not_ours else "none left at either end"
        if view.cut is not None:  # what a withdrawal could only follow was dropped, and the session with it
            return passed(f"the session was reset, {view.cut}; {left}")
        if view.bgp_state is UP:
            return passed(f"{count_of(view.withdrawn_by_us, 'route')} withdrawn, {left}, the session still Established")
        if not session.was_up:
            return passed(f"the session was down before: there was nothing to withdraw; {left}")
    lost = session.was_up and view.bgp_state is not UP and view.cut is None  # and does not come back as it was
    if not observation.final and not lost:
        return UNSET
    return failed(
        [f"{count_of(len(table.prefixes), 'route')} left at the peer, {view.taken} here, BGP state {state(session)}"]
    )
