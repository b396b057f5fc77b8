"""The judges of what lies below BGP: the link, and how many of them a peering has."""

from __future__ import annotations

from simulator.diagnosis.check import UNSET, cause_of, failed, name_of, passed, resting_on, skipped
from simulator.diagnosis.evidence import Observation, SessionEvidence
from simulator.diagnosis.remedies import remedy
from simulator.diagnosis.result import Finding
from simulator.views.check import Cause


def answers(session: SessionEvidence, observation: Observation) -> Finding:
    if not observation.has_lan:
        return skipped("the loopback link has no interface: there is no ARP or Neighbor Discovery to look at")
    answer = session.lan
    if answer is None or not (answer.macs and answer.pinged):
        if not observation.final:
            return UNSET
        seen = (
            "no MAC answered"
            if answer is None or not answer.macs
            else f"{', '.join(answer.macs)} answered, no echo reply"
        )
        causes = [cause_of("wrong-address", f"nobody answers for {session.view.peer_address} on the link", session)]
        if answer is not None and answer.elsewhere:
            others = ", ".join(answer.elsewhere)
            seen += f", and {others} answers"
            causes.insert(0, cause_of("wrong-half", f"the peer took {others}, another half of the prefix", session))
        return failed([seen], *causes)
    macs = ", ".join(sorted(answer.macs))
    if len(answer.macs) > 1:
        return failed([f"answered by {macs}"], cause_of("two-macs", "two devices answer for the same address", session))
    return passed(f"answered by {macs}, echo reply received")


def full_size(session: SessionEvidence, observation: Observation) -> Finding:
    whole = session.lan.whole if session.lan is not None else None
    if whole is None:
        return resting_on("L1") if observation.final else UNSET
    if not whole:
        return passed(f"an echo of {session.mtu} octets with DF was answered")
    text = f"packets of {session.mtu} octets do not reach the peer or do not come back"
    return failed([f"an echo of {session.mtu} octets with DF: {whole}"], cause_of("mtu", text, session))


def quality(observation: Observation) -> Finding:
    if observation.quality_problem:
        cause = Cause("no-netem", observation.quality_problem, remedy("no-netem", {}))
        return failed([f"the topology asks for {observation.quality_asked}"], cause)
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
    text = "one edge router, or one link, is enough to take this peering down"
    cause = Cause("one-edge", text, remedy("one-edge", {}))
    return failed([f"all connections of the peering lead to {', '.join(edges) or 'nowhere'}"], cause)
