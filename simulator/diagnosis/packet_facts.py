"""Facts of the wire: what a capture saw between one session's two addresses, and which counters can be its own.

What is there proves itself. What is not there proves something only where nothing was lost. Without a capture nothing
here says anything.
"""

from __future__ import annotations

from typing import Final

from simulator.diagnosis.evidence import Observation, SessionEvidence, TcpEnd
from simulator.diagnosis.fact import Fact, Seen
from simulator.packets.kinds import PacketKind as K
from simulator.packets.kinds import PacketsSeen

_SIGNS: Final = {
    ("TCPMD5NotFound", True): (K.UNSIGNED, None),
    ("TCPMD5Unexpected", True): (K.SIGNED, None),
    ("TCPMD5Failure", True): (K.SIGNED, None),
    ("TCPMinTTLDrop", True): (K.TTL_LOW, None),
    ("TCPMD5Unexpected", False): (K.UNSIGNED, K.SIGNED),
    ("TCPMD5NotFound", False): (K.SIGNED, K.UNSIGNED),
    ("TCPMD5Failure", False): (K.SIGNED, K.UNSIGNED),
}
"""(counter, of the edge or of the router) → what the peer has to send for it to be this session's, and what speaks
against it where that alone is seen. At the router our own packets move it, whether or not the peer sends any."""


def may_be_of(seen: PacketsSeen | None, counter: str, *, here: bool) -> bool:
    """Whether a kernel's counter, which is of a whole node, can have moved for this session."""
    wanted, against = _SIGNS.get((counter, here), (None, None))
    if seen is None or not seen.whole or wanted is None or seen[wanted]:
        return True
    return against is not None and not seen[against]


def on_the_wire(session: SessionEvidence, observation: Observation) -> Seen:
    """Of a session that is down."""
    seen, view = session.packets, session.view
    if seen is None or session.is_up:
        return
    peer = view.peer_address
    # The last handshake is the later evidence: a router may have been started meanwhile.
    if seen[K.REFUSED] and not seen[K.OPENED] and session.probe in (None, TcpEnd.REFUSED):
        yield Fact.TCP_REFUSED, f"{_many(seen[K.REFUSED], 'RST')} of {peer} answered our SYNs"
    if seen[K.REJECTED] and not seen[K.OPENED]:
        yield Fact.TCP_REJECTED, f"{_many(seen[K.REJECTED], 'ICMP error')} came about our TCP packets to {peer}"
    alone = seen[K.SYN_SENT_UNANSWERED] == seen[K.SYN_SENT] > 1
    if alone and seen.whole and session.probe in (None, TcpEnd.SILENT):
        yield (
            Fact.TCP_SILENT,
            f"none of our SYNs to {peer} was answered ({seen[K.SYN_SENT]} since the validation began)",
        )
    if view.md5 and seen[K.SYN_RECEIVED_UNSIGNED] and not seen[K.SIGNED]:
        yield Fact.MD5_PEER_UNSIGNED, f"{_many(seen[K.SYN_RECEIVED_UNSIGNED], 'SYN')} of {peer} had no MD5 option"
    if not view.md5 and seen[K.SYN_RECEIVED_SIGNED]:
        yield Fact.MD5_PEER_SIGNS, f"{_many(seen[K.SYN_RECEIVED_SIGNED], 'SYN')} of {peer} had an MD5 option"
    if view.gtsm and seen[K.TTL_LOW]:
        yield Fact.TTL_LOW_HERE, f"{_many(seen[K.TTL_LOW], 'TCP packet')} of {peer} came with a TTL below 255"
    if len(seen.macs) > 1 and (session.lan is None or len(session.lan.macs) < 2):
        yield Fact.TWO_MACS, f"{', '.join(sorted(seen.macs))} answer for {peer}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"
