"""The judge of traffic (A2): routes are not yet traffic."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.counts import count_of
from simulator.diagnosis.check import UNSET, Finding, failed, passed, resting_on, skipped
from simulator.diagnosis.evidence import Crossing, Observation, Passage, SessionEvidence, TrafficSeen

ROUTERS = 2
"""On the way between the hosts: the edge and the peer's router."""


def passes(session: SessionEvidence, observation: Observation) -> Finding:
    """None before the lift, all after it, none after the deny."""
    if observation.traffic_skipped:
        return skipped(observation.traffic_skipped)
    traffic = session.traffic
    if traffic is None or traffic.lifted is None:
        return resting_on("A1") if observation.final else UNSET
    if why := next(
        (seen.skipped for seen in (traffic.before, traffic.lifted) if seen is not None and seen.skipped), ""
    ):
        return skipped(why)
    wrong = [*early(session), *missing(session), *late(session)]
    if wrong:
        return failed(wrong)
    if odd := [*cut(session), *astray(session)]:
        return failed(odd, warns=True)
    return passed(*_told(traffic.before, traffic.lifted, traffic.denied))


def _told(before: TrafficSeen | None, lifted: TrafficSeen, denied: TrafficSeen | None) -> Iterator[str]:
    if before is not None:
        yield f"before the lift {_none(before)}"
    ways = "; ".join(f"{crossing}" for crossing in lifted.crossings)
    yield f"after the lift datagrams pass, each as long as the link's MTU: {ways}"
    if lifted.programmed is not None:
        yield f"the edge's kernel holds {count_of(lifted.programmed, 'route')} of the session"
    yield from lifted.notes
    if denied is not None:
        yield f"after the deny {_none(denied)}"


def _none(seen: TrafficSeen) -> str:
    held = f"; the edge's kernel holds {count_of(seen.programmed, 'route')}" if seen.programmed is not None else ""
    return f"none of {len(seen.crossings)} datagrams passed{held}"


def early(session: SessionEvidence, *, theirs: bool | None = None) -> Iterator[str]:
    """What passed before the lift. `theirs`: only what the peer's router sent, or only what the edge did."""
    yield from _while_denied(session.traffic.before if session.traffic is not None else None, "before the lift", theirs)


def late(session: SessionEvidence, *, theirs: bool | None = None) -> Iterator[str]:
    """What passed after the deny; `theirs` as for `early`."""
    yield from _while_denied(session.traffic.denied if session.traffic is not None else None, "after the deny", theirs)


def _while_denied(seen: TrafficSeen | None, when: str, theirs: bool | None) -> Iterator[str]:
    for each in _passing(seen):
        if theirs in (None, not each.to_peer):
            yield f"{when} a datagram from {each} passed"
    if seen is not None and seen.programmed and not theirs:
        yield f"{when} the edge's kernel held {count_of(seen.programmed, 'route')} of the session"


def _passing(seen: TrafficSeen | None) -> Iterator[Crossing]:
    yield from (each for each in (seen.crossings if seen is not None else ()) if each.passage is Passage.PASSED)


def after_lift(session: SessionEvidence) -> tuple[Crossing, ...]:
    """What was tried after the lift."""
    traffic = session.traffic
    return traffic.lifted.crossings if traffic is not None and traffic.lifted is not None else ()


def missing(session: SessionEvidence) -> Iterator[str]:
    """What did not pass after the lift."""
    for each in after_lift(session):
        if each.passage is not Passage.PASSED:
            yield told(each)


def told(crossing: Crossing) -> str:
    """One datagram that did not pass, in words."""
    said = f"{crossing.by} says: " if crossing.by else ""
    return f"a datagram from {crossing} did not pass: {said}{crossing.passage.value}"


def cut(session: SessionEvidence) -> Iterator[str]:
    """Short datagrams pass, long ones do not."""
    for each in after_lift(session):
        if each.passage is Passage.PASSED and each.whole not in (Passage.PASSED, None):
            yield f"a datagram of {each.size} octets from {each} did not pass: {each.whole.value}; a short one did"


def astray(session: SessionEvidence) -> Iterator[str]:
    """What passed by a way that is not the session's."""
    for each in after_lift(session):
        if each.detour:
            yield f"a datagram from {each} came by {each.detour}, where the peering has no connection"
        elif each.passage is Passage.PASSED and each.routers > ROUTERS:
            passed_by = count_of(each.routers, "router")
            yield f"a datagram from {each} passed {passed_by}; the edge and the peer's are {ROUTERS}"
