"""What a route server leaves as it found it (RFC 7947 §2.2), and an AS8075 that has nothing to say."""

from __future__ import annotations

from simulator.counts import count_of
from simulator.diagnosis.check import UNSET, Finding, failed, passed, skipped
from simulator.diagnosis.evidence import Observation, PeerTable, SessionEvidence


def something_to_announce(observation: Observation) -> Finding:
    """R6: a rehearsal in which Microsoft announces nothing shows nothing of what the peer does with its routes."""
    return failed(["AS8075 announces nothing on any session of this connection"])


def announces_nothing(observation: Observation) -> bool:
    return not any(session.announced for session in observation.sessions)


def untouched(session: SessionEvidence, observation: Observation) -> Finding:
    """R7: own AS, next hop and control communities."""
    found = session.through_server
    if found is None or not (session.settled or observation.final):
        return UNSET
    told = (
        ("hold the route server's own AS in their path (RFC 7947 §2.2.2.1)", found.own_as),
        ("have the route server as their next hop (RFC 7947 §2.2.1)", found.next_hop),
        ("still carry control communities, which are for the route server alone", found.control),
    )
    wrong = [
        f"{count} of {count_of(found.routes, 'route')} {text}: {', '.join(shown)}"
        for text, (count, shown) in told
        if count
    ]
    if wrong:
        return failed(wrong)
    return passed(
        f"{count_of(found.routes, 'route')}: no AS of the route server's in a path, "
        "next hops kept, no control communities"
    )


def members_hold_all(session: SessionEvidence, observation: Observation) -> Finding:
    """A5: what AS8075 announces goes on to the exchange's members (RFC 7947 §2.2)."""
    if not session.members:
        return skipped("no member behind the route server has a session of this family")
    if all(table.not_ours for table in session.members.values()):
        return skipped("the lab runs none of the members' routers")
    found = [f"{name}: {table.error}" for name, table in session.members.items() if table.error]
    for name, table in session.members.items():
        missing = members_lack(session, table)
        if missing and not observation.final:
            return UNSET
        if missing:
            found.append(
                f"{name} lacks {len(missing)} of {count_of(len(session.announced), 'prefix', 'prefixes')}: "
                f"{', '.join(missing[:3])}"
            )
    if found:
        return failed(found) if observation.final else UNSET
    return passed(
        f"{', '.join(session.members)} hold all {count_of(len(session.announced), 'prefix', 'prefixes')} "
        "that AS8075 announces"
    )


def members_lack(session: SessionEvidence, table: PeerTable) -> list[str]:
    """What AS8075 announces and a member whose router was asked does not hold."""
    return [] if table.error or table.not_ours else sorted(session.announced - table.prefixes)


def has_members(observation: Observation) -> bool:
    return any(session.members for session in observation.sessions)


def through_server(observation: Observation) -> bool:
    return any(session.through_server is not None for session in observation.sessions)
