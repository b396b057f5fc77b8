"""Which packets show a fact, and which belong to a check: what wire.pcap's frame numbers are found by.

A fact that a router tells of itself has no packet; then those of the checks that failed are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from simulator.diagnosis.check_ids import CheckId as C
from simulator.diagnosis.check_ids import base, known
from simulator.diagnosis.evidence import Crossing, Passage, RejectedRoutes, SessionEvidence
from simulator.diagnosis.fact import Fact
from simulator.diagnosis.refusals import refusal
from simulator.packets.kinds import AddressPair, PacketKind, Packets

F, K = Fact, PacketKind
_UNANSWERED: Final = (K.SYN_SENT_UNANSWERED, K.SYN_RECEIVED_UNANSWERED)
_OPEN: Final = (K.OPEN_RECEIVED,)
_PLAIN_SYN: Final = (K.SYN_RECEIVED_UNSIGNED, *_UNANSWERED)
_LINK: Final = (K.NEIGHBOR_ASKED, K.ECHO_UNANSWERED)
_TCP: Final = (*_UNANSWERED, K.REJECTED, K.RST_RECEIVED, K.FIN_RECEIVED)
_SAID: Final = (K.NOTIFICATION_RECEIVED, K.NOTIFICATION_SENT)

OF_FACT: Final[dict[Fact, tuple[PacketKind, ...]]] = {
    F.NOBODY_ANSWERS: (K.NEIGHBOR_ASKED,),
    F.OTHER_HALF_ANSWERS: (K.NEIGHBOR_ASKED,),
    F.NO_ECHO: (K.ECHO_UNANSWERED,),
    F.TWO_MACS: (K.NEIGHBOR_ANSWERED,),
    F.FORBIDDEN_FRAMES: (K.FORBIDDEN,),
    F.LINK_LOSES: (K.ECHO_UNANSWERED,),
    F.SHORT_PACKETS_ONLY: (K.ECHO_UNANSWERED, K.UNREACHABLE),
    F.TCP_OPENS: (K.OPENED,),
    F.TCP_REFUSED: (K.REFUSED,),
    F.TCP_SILENT: (K.SYN_SENT_UNANSWERED,),
    F.TCP_REJECTED: (K.REJECTED,),
    F.CLOSED_EARLY: (K.RST_RECEIVED, K.FIN_RECEIVED),
    F.SILENT: (K.OPEN_SENT,),
    F.STUCK: (K.OPEN_SENT, K.OPEN_RECEIVED),
    F.CAME_AGAIN: (K.RST_RECEIVED, K.FIN_RECEIVED),
    F.MD5_PEER_UNSIGNED: _PLAIN_SYN,
    F.MD5_PEER_SIGNS: (K.SYN_RECEIVED_SIGNED, *_UNANSWERED),
    F.MD5_DIFFERS: _UNANSWERED,
    F.TTL_LOW_HERE: (K.TTL_LOW,),
    F.TTL_LOW_THERE: (K.SYN_SENT_UNANSWERED, K.TTL_FULL),
    F.OPEN_AS: _OPEN,
    F.OPEN_ID_ZERO: _OPEN,
    F.OPEN_ID_OURS: _OPEN,
    F.OPEN_ID_TAKEN: _OPEN,
    F.OPEN_HOLD_BAD: _OPEN,
    F.OPEN_HOLD_ZERO: _OPEN,
    F.OPEN_HOLD_SHORT: _OPEN,
    F.OPEN_BARE: _OPEN,
    F.OPEN_NO_FAMILY: _OPEN,
    F.OPEN_NO_AS4: _OPEN,
    F.OPEN_NO_REFRESH: _OPEN,
    F.NONE_RECEIVED: (K.END_OF_RIB_RECEIVED,),
    F.NONE_CAME_YET: (K.ECHO_UNANSWERED,),
    F.TOO_MANY: (K.UPDATE_RECEIVED,),
    F.SERVER_IN_PATH: (K.UPDATE_RECEIVED,),
    F.SERVER_NEXT_HOP: (K.UPDATE_RECEIVED,),
    F.SERVER_CONTROL: (K.UPDATE_RECEIVED,),
    F.ROUTES_MISSING_THERE: (K.UPDATE_SENT,),
    F.MEMBERS_LACK: (K.UPDATE_SENT,),
    F.HELD_WHILE_DENIED: (K.UPDATE_SENT,),
    F.LEAKED: (K.UPDATE_SENT,),
    F.LIMIT_LOW: (K.UPDATE_SENT,),
    F.LIMIT_NEAR: (K.UPDATE_SENT,),
    F.MED_SENT: (K.UPDATE_RECEIVED,),
    F.COMMUNITIES_LOST: (K.UPDATE_RECEIVED,),
    F.NO_ROA: (K.UPDATE_RECEIVED,),
    F.WENT_DOWN: (K.RST_RECEIVED, K.FIN_RECEIVED, *_SAID),
    F.AGREEMENT_CHANGED: _OPEN,
    F.PREFIXES_LOST: (K.UPDATE_RECEIVED,),
    F.NEAR_OUR_LIMIT: (K.UPDATE_RECEIVED,),
}
"""A NOTIFICATION, the routes of a rule and a datagram are looked up by what they say, not here."""

OF_CHECK: Final[dict[C, tuple[PacketKind, ...]]] = {
    C.L1: _LINK,
    C.L2: (K.ECHO_UNANSWERED, K.UNREACHABLE),
    C.L3: (K.FORBIDDEN,),
    C.T1: (*_TCP, *_SAID),
    C.T2: _TCP,
    C.T3: (K.TTL_LOW, *_TCP),
    **dict.fromkeys((C.S1, C.S2, C.S3, C.S4), (*_OPEN, *_SAID)),
    C.S5: _SAID,
    C.S6: (*_SAID, *_TCP),
    C.R1: (K.UPDATE_RECEIVED, K.END_OF_RIB_RECEIVED),
    **dict.fromkeys((C.R2, C.R4, C.R7, C.R8, C.R9), (K.UPDATE_RECEIVED,)),
    **dict.fromkeys((C.D1, C.D2, C.A1, C.A3, C.A4, C.R5), (K.UPDATE_SENT,)),
    C.D3: (K.UPDATE_RECEIVED,),
    C.W1: (*_SAID, K.RST_RECEIVED, K.FIN_RECEIVED),
    **dict.fromkeys((C.W2, C.W3, C.W4, C.W5), (K.UPDATE_RECEIVED,)),
}


def of_facts(session: SessionEvidence, facts: Iterable[Fact]) -> Iterator[Packets]:
    """The packets that show these facts of a session."""
    wanted = set(facts)
    for ends in _ends(session):
        yield from (Packets(kind, ends) for fact in Fact if fact in wanted for kind in OF_FACT.get(fact, ()))
        for seen in session.view.notifications:
            if (name := refusal(seen)) is not None and Fact[name] in wanted:
                kind = K.NOTIFICATION_SENT if seen.sent else K.NOTIFICATION_RECEIVED
                yield Packets(kind, ends, f"{int(seen.notification.code)}/{int(seen.notification.subcode)}")
    if _TRAFFIC & wanted:
        yield from _crossings(session)


def of_rule(session: SessionEvidence, rejected: RejectedRoutes) -> Iterator[Packets]:
    """The UPDATEs that announce what a rule rejects."""
    for ends in _ends(session):
        for example in rejected.examples:
            yield Packets(K.PREFIX_RECEIVED, ends, example.split(" ", 1)[0])


def of_checks(session: SessionEvidence, checks: Iterable[str]) -> Iterator[Packets]:
    """The packets that belong to checks, whatever was seen in them."""
    kinds = [kind for check in checks if known(check) for kind in OF_CHECK.get(base(check), ())]
    for ends in _ends(session):
        yield from (Packets(kind, ends, besides=True) for kind in dict.fromkeys(kinds))


def _ends(session: SessionEvidence) -> Iterator[AddressPair]:
    yield session.view.local_address, session.view.peer_address
    if session.carried is not None:
        yield session.carried


_TRAFFIC: Final = {
    *(F.PASSES_EARLY, F.PASSES_LATE, F.NEXT_HOP_SILENT, F.PACKETS_COME_BACK, F.EDGE_HAS_NO_ROUTE),
    *(F.ROUTER_HAS_NO_ROUTE, F.PACKETS_EXPIRE, F.PACKETS_LOST, F.LONG_PACKETS_LOST, F.PACKETS_ASTRAY),
}


def _crossings(session: SessionEvidence) -> Iterator[Packets]:
    if session.traffic is None:
        return
    lifted = session.traffic.lifted
    others = (session.traffic.before, session.traffic.denied)
    for crossing in lifted.crossings if lifted is not None else ():
        if crossing.passage is not Passage.PASSED or crossing.whole is not Passage.PASSED or crossing.detour:
            yield from _of_crossing(crossing)
    for seen in others:
        for crossing in seen.crossings if seen is not None else ():
            if crossing.passage is Passage.PASSED:
                yield from _of_crossing(crossing)


def _of_crossing(crossing: Crossing) -> Iterator[Packets]:
    yield Packets(K.DATAGRAM_SENT, (crossing.source, crossing.target))
    yield Packets(K.UNREACHABLE, (crossing.source, crossing.target))
