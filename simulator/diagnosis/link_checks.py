"""The judges of what lies below BGP: the link, and how many of them a peering has."""

from __future__ import annotations

from simulator.diagnosis.check import UNSET, Finding, failed, name_of, passed, resting_on, skipped
from simulator.diagnosis.evidence import LONG_ECHOES, Observation, SessionEvidence


def answers(session: SessionEvidence, observation: Observation) -> Finding:
    if not observation.has_lan:
        return skipped("the loopback link has no interface: there is no ARP or Neighbor Discovery to look at")
    answer = session.lan
    if answer is None or not (answer.macs and answer.pinged):
        if not observation.final:
            return UNSET
        if answer is not None and answer.macs:
            # BGP needs no echo: what stands in its way, T1 tells.
            return failed([f"{', '.join(sorted(answer.macs))} answered, no echo reply"], warns=True)
        elsewhere = f", and {', '.join(answer.elsewhere)} answers" if answer is not None and answer.elsewhere else ""
        return failed([f"no MAC answered{elsewhere}"])
    macs = ", ".join(sorted(answer.macs))
    if len(answer.macs) > 1:
        return failed([f"answered by {macs}"])
    return passed(f"answered by {macs}, echo reply received")


def full_size(session: SessionEvidence, observation: Observation) -> Finding:
    whole = session.lan.whole if session.lan is not None else None
    if session.lan is not None and not session.lan.pinged:
        return skipped("the peer answers no echo: there is nothing to measure with")
    if whole is None:
        return resting_on("L1") if observation.final else UNSET
    if not whole and session.lan is not None and session.lan.lost:
        return failed([lost_echoes(session.lan.lost)])
    if not whole:
        return passed(f"an echo of {session.mtu} octets with DF was answered")
    return failed([f"an echo of {session.mtu} octets with DF: {whole}"])


def lost_echoes(lost: int) -> str:
    return f"{lost} of {LONG_ECHOES} echoes got no answer, the others did"


def no_forbidden_frames(session: SessionEvidence, observation: Observation) -> Finding:
    if session.frames is None:
        return skipped("nothing was captured")
    if session.frames:
        return failed([f"frames of the peer: {', '.join(session.frames)}"])
    return passed("of the peer's MAC no proxy ARP, STP, LLDP, CDP, RA, DHCP or OSPF")


def captured(observation: Observation) -> bool:
    return any(session.frames is not None for session in observation.sessions)


def quality(observation: Observation) -> Finding:
    if observation.quality_problem:
        return failed([f"the topology asks for {observation.quality_asked}"])
    measured = [
        f"{name_of(session)}: echo after {session.lan.rtt:g} ms"
        for session in observation.sessions
        if session.lan is not None and session.lan.rtt is not None
    ]
    return passed(f"the kernel's netem gives {observation.quality_asked}", *measured)


def two_edges(observation: Observation) -> Finding:
    edges = sorted(observation.edges)
    if len(edges) > 1:
        return passed(f"connections to {', '.join(edges)}")
    left = sorted(observation.edges_there - observation.edges)
    more = f"; {', '.join(left)} is there as well" if left else ""
    return failed([f"all connections of the peering lead to {', '.join(edges) or 'nowhere'}{more}"])


def still_wanted(observation: Observation) -> Finding:
    return failed([observation.taken_back]) if observation.taken_back else passed("nobody took it back")


def taken_back(observation: Observation) -> bool:
    return bool(observation.taken_back)


def may_have_two_edges(observation: Observation) -> bool:
    """Direct: Microsoft's policy asks for two. Elsewhere only where there is another edge to have a session with."""
    return observation.direct or len(observation.edges_there) > 1
