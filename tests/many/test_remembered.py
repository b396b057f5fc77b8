"""Whatever is remembered of what peers and callers send has an end: a table of who is fed with ever new things.

What a server remembers of peerings that come and go is in tests/serving/test_nothing_grows.py.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any, Final, NamedTuple

import pytest

from simulator.connection import connection as connections
from simulator.connection.connection import Connection
from simulator.connection.states import ConnectionEvent
from simulator.connection.states import ConnectionState as S
from simulator.diagnosis.about import About, Mender
from simulator.engine import menders, refused_calls, watching
from simulator.engine.log import EventLog, Remark
from simulator.engine.menders import mender_of
from simulator.engine.refused_calls import RefusedCalls
from simulator.engine.watching import SessionWatch
from simulator.lab import streams
from simulator.lab.streams import Beginnings, Segment, Watch
from simulator.packets import conversation, forbidden
from simulator.packets.conversation import Conversation
from simulator.packets.dissect import ACK, SYN, TCP, NeighborSaid, Packet
from simulator.packets.forbidden import ForbiddenFrames
from simulator.peer import attribute_sets
from simulator.peer.events import UnknownPeer
from simulator.policy import policy as policies
from simulator.policy.policy import Policy, Suspicions
from simulator.rib import adj_out
from simulator.rib.adj_out import Images
from simulator.session.messages import Family
from simulator.topology.plan import plans
from simulator.wire import attribute_codec, outlines
from simulator.wire.attribute_checks import SessionAddresses
from simulator.wire.attribute_codec import AsSegment, PathAttributes, PlainBlocks, SegmentKind, encode
from simulator.wire.outlines import Outlines
from tests import held
from tests.connection.support import ALL_TRUE, at
from tests.peer.test_attribute_sets import PART, sets
from tests.policy.support import context
from tests.rib.test_adj_out import AGREED
from tests.topologies import build, document

EDGE, PEER = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
BOUND: Final = 64
"""In the place of every bound of the code."""
ROUNDS: Final = 16 * BOUND


def mac(number: int) -> bytes:
    return b"\x02\x00" + number.to_bytes(4)


def block(number: int, **more: Any) -> bytes:
    path = (AsSegment(SegmentKind.SEQUENCE, (3320, 1000 + number)),)
    return encode(PathAttributes(as_path=path, next_hop=PEER, med=number, **more), asn4=True)


def tcp(number: int, flags: int, data: bytes = b"") -> bytes:
    return struct.pack("!HHIIBBHHH", 1024 + number, 179, 1, 0, 5 << 4, flags, 0, 0, 0) + data


def packet(number: int, flags: int, data: bytes = b"", *, sent: bool = False) -> Packet:
    ends = (EDGE.packed, PEER.packed) if sent else (PEER.packed, EDGE.packed)
    return Packet(*ends, 64, TCP, tcp(number, flags, data), mac(1))


def whole_life(connection: Connection, number: int) -> None:
    for event in (ConnectionEvent.DENIED, ConnectionEvent.REVALIDATION_REQUIRED, ConnectionEvent.VALIDATION_PASSED):
        connection.apply(event, float(number), ALL_TRUE)
    connection.apply(ConnectionEvent.MAX_PREFIXES_CHANGED, float(number), ALL_TRUE, f"{number} prefixes")


def segment(number: int, flags: int = ACK, data: bytes = b"", *, port: int = 40_000) -> Segment:
    return Segment((EDGE.packed, port, PEER.packed, 179), number, 1, flags, data)


def lays_out(known: Outlines, number: int) -> None:
    assert known.of(block(0)[:-7] + bytes((0xC0, 32, 12)) + number.to_bytes(12)) is not None, "a large community"


class Row(NamedTuple):
    """Who remembers, by which bounds, and what it is fed with."""

    name: str
    make: Callable[[], Any]
    feed: Callable[[Any, int], object]
    bounds: tuple[tuple[Any, str], ...]


def bird() -> Mender:
    found = document()
    found["peers"][0] |= {"router": "bird"}
    mine = plans(build(found))
    mender = mender_of(mine[0], mine, 8075, None)
    assert mender is not None
    assert mender.remedy("*", About(prefixes=("41.0.0.0/25",)))
    return mender


def watch() -> Watch:
    return Watch([(EDGE, PEER)])


ROWS: Final = (
    Row(
        "senders of what an exchange forbids",
        ForbiddenFrames,
        lambda known, n: known.look_at(b"\xff" * 6 + mac(n) + b"\x88\xcc" + bytes(46)),
        ((forbidden, "_SENDERS"),),
    ),
    Row(
        "addresses that one MAC answers for",
        ForbiddenFrames,
        lambda known, n: known.look_at(
            b"\xff" * 6 + mac(1) + b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x02" + mac(1) + n.to_bytes(4) + bytes(10)
        ),
        ((forbidden, "_SENDERS"),),
    ),
    Row(
        "MACs that answer for a peer",
        lambda: Conversation((EDGE, PEER)),
        lambda known, n: known.neighbor(n, NeighborSaid(False, PEER.packed, mac(n))),
        ((conversation, "_PENDING"),),
    ),
    Row(
        "questions that nobody answers",
        lambda: Conversation((EDGE, PEER)),
        lambda known, n: known.neighbor(n, NeighborSaid(True, PEER.packed, mac(n))),
        ((conversation, "_PENDING"),),
    ),
    Row(
        "connections that nobody answers",
        lambda: Conversation((EDGE, PEER)),
        lambda known, n: known.packet(n, packet(n, SYN)),
        ((conversation, "_PENDING"),),
    ),
    Row(
        "beginnings of messages",
        lambda: Conversation((EDGE, PEER)),
        lambda known, n: known.packet(n, packet(n, ACK, b"\xff" * 18)),
        ((conversation, "_PENDING"),),
    ),
    Row(
        "who sends what is forbidden, beside a session",
        lambda: Conversation((EDGE, PEER)),
        lambda known, n: known.forbidden(n, mac(n)),
        ((conversation, "_PENDING"),),
    ),
    Row(
        "connections of a watch",
        watch,
        lambda known, n: known.take(segment(1, SYN, port=n)),
        ((streams, "_FLOWS"),),
    ),
    Row(
        "octets of a watch, one a packet",
        watch,
        lambda known, n: (known.take(segment(0, SYN)) if not n else None, known.take(segment(n + 1, data=b"x"))),
        ((streams, "_KEPT"),),
    ),
    Row("doubts of a watch", watch, lambda known, n: known.doubt(EDGE.packed, PEER.packed, "an IP fragment"), ()),
    Row(
        "beginnings of connections",
        Beginnings,
        lambda known, n: known.take(segment(1, SYN | ACK, port=n)),
        ((streams, "_FLOWS"),),
    ),
    Row(
        "calls that are refused",
        RefusedCalls,
        lambda known, n: known.heard(UnknownPeer("edge", float(n), str(IPv4Address(n)))),
        ((refused_calls, "MOST"),),
    ),
    Row(
        "prefixes that are withdrawn",
        lambda: SessionWatch(None, 0, 0, 0, 0),
        lambda known, n: known.withdrew(Family.IPV4, (b"\x20" + n.to_bytes(4),), float(n)),
        ((watching, "_TRACKED"),),
    ),
    Row(
        "one prefix that is withdrawn",
        lambda: SessionWatch(None, 0, 0, 0, 0),
        lambda known, n: known.withdrew(Family.IPV4, (b"\x08\x29",), float(n)),
        ((watching, "_TRACKED"),),
    ),
    Row("outlines", lambda: Outlines(SessionAddresses()), lays_out, ((outlines, "_MOST"), (attribute_codec, "_MOST"))),
    Row(
        "short attributes",
        lambda: PlainBlocks(True, True, True, SessionAddresses()),
        lambda known, n: known.scan(block(n)),
        ((attribute_codec, "_MOST"),),
    ),
    Row("innocent ASNs", lambda: Suspicions(()), lambda known, n: known.clear((n,)), ((policies, "_MOST_ASNS"),)),
    Row(
        "outlines that pass a policy",
        lambda: Policy("exchange", context(Family.IPV4)),
        lambda known, n: known.learn(((n,), 0, b"")),
        ((policies, "_MOST_OUTLINES"),),
    ),
    Row(
        "attributes that no route has any more",
        sets,
        lambda known, n: known.get(block(n), PART, None, asn4=True),
        ((attribute_sets, "_SWEPT"), (attribute_codec, "_MOST")),
    ),
    Row(
        "announcements as octets",
        lambda: Images(()),
        lambda known, n: known.get(Family.IPV4, AGREED, 8075, IPv4Address(n)),
        ((adj_out, "_MOST_IMAGES"),),
    ),
    Row(
        "remedies",
        bird,
        lambda known, n: known.remedy("*", About(prefixes=(f"41.{n >> 8}.{n & 255}.0/25",))),
        ((menders, "_REMEMBERED"),),
    ),
    Row("steps of a connection", lambda: at(S.ACTIVE), whole_life, ((connections, "MOST_STEPS"),)),
    Row("events", lambda: EventLog(BOUND), lambda known, n: known.append(Remark(n, str(n))), ()),
)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_what_is_remembered_has_an_end(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """The most memory that it takes in the second half of a long life is what it took in the first."""
    for module, name in row.bounds:
        assert isinstance(getattr(module, name), int)
        monkeypatch.setattr(module, name, BOUND * 160 if name == "_KEPT" else BOUND)
    remembers = row.make()
    taken = list[int]()
    for number in range(ROUNDS):
        row.feed(remembers, number)
        if number % 16 == 15:
            taken.append(held.octets(remembers))
    half = len(taken) // 2
    assert max(taken[half:]) <= max(taken[:half]) * 1.02
