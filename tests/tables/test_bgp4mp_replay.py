"""BGP4MP replayed: the table is the one that a session has at the end, and whatever is announced is accounted for."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simulator.mrt.bgp4mp import pack_message
from simulator.mrt.records import HEADER, Bgp4mpSubtype
from simulator.peer.events import NeighborConfig
from simulator.peer.inbound import Inbound
from simulator.peer.session_gate import SessionGate
from simulator.places.endpoint import Endpoint
from simulator.policy.policy import Policy
from simulator.policy.rules import PolicyContext
from simulator.rib.loc import LocRib
from simulator.session.messages import Family, RouteRefresh
from simulator.tables.mrt_reader import read_mrt
from simulator.tables.table_entries import Announcer, TableRoutes, Unreadable
from simulator.wire import nlri
from simulator.wire.framing import KEEPALIVE, MessageType, frame
from simulator.wire.route_refresh import BEGIN, END, encode_refresh
from simulator.wire.update import pack_withdrawals
from simulator.wire.update_faults import UpdateError
from tests.tables.support import PEER4, PEER6, US4, US6, Sample, mrt_updates, read_routes, update_of

V4, V6 = Family.IPV4, Family.IPV6
ONE, TWO = Sample("41.0.0.0/16", "1103 1136"), Sample("41.1.0.0/16", "1103 5089")
SIX = Sample("2a00:1000::/32", "1103 1136")
OTHER_US = Announcer(8075, IPv4Address("192.0.2.10"))


def of(octets: bytes, peer: Announcer = PEER4, us: Announcer = US4, **how: Any) -> bytes:
    return pack_message(1, peer, us, octets, **how)


def update(attributes: bytes, announced: bytes = b"", withdrawn: bytes = b"") -> bytes:
    body = struct.pack("!H", len(withdrawn)) + withdrawn + struct.pack("!H", len(attributes)) + attributes + announced
    return frame(MessageType.UPDATE, body)


def mp_reach(afi: int, safi: int, next_hop: bytes, prefixes: bytes, flags: int = 0x90) -> bytes:
    value = struct.pack("!HBB", afi, safi, len(next_hop)) + next_hop + b"\0" + prefixes
    return struct.pack("!BBH", flags, 14, len(value)) + value


ORIGIN, PATH = b"\x40\x01\x01\x00", b"\x40\x02\x06\x02\x01" + struct.pack("!L", 1103)
HOP = b"\x40\x03\x04" + PEER4.address.packed
GOOD = ORIGIN + PATH + HOP
CONFEDERATION = b"\x40\x02\x0c\x02\x01" + struct.pack("!L", 1103) + b"\x03\x01" + struct.pack("!L", 65001)


def state(old: int, new: int, peer: Announcer = PEER4, us: Announcer = US4, subtype: int = 5) -> bytes:
    width = "L" if subtype == Bgp4mpSubtype.STATE_CHANGE_AS4 else "H"
    head = struct.pack(f"!{width}{width}HH", peer.asn, us.asn, 0, 1) + peer.address.packed + us.address.packed
    body = head + struct.pack("!HH", old, new)
    return HEADER.pack(1, 16, subtype, len(body)) + body


def unreadable(data: bytes) -> list[str]:
    return [str(entry) for entry in read_mrt((data,)) if isinstance(entry, Unreadable)]


def left(data: bytes) -> list[str]:
    routes = [entry for entry in read_mrt((data,)) if isinstance(entry, TableRoutes)]
    return sorted(nlri.text(entry.family, key) for entry in routes for key in entry.keys)


# --- what is unreadable is told, and what a session would have forgotten is gone ---

FIRST = mrt_updates([ONE, TWO])


@pytest.mark.parametrize(
    ("octets", "reason", "still"),
    [
        (update(ORIGIN + PATH, ONE.key), "NEXT_HOP is missing: treat-as-withdraw", [TWO.prefix]),
        (update(ORIGIN + CONFEDERATION + HOP, ONE.key), "confederation segment from an external peer", [TWO.prefix]),
        (update(b"\x80\x01\x01\x00" + PATH + HOP, ONE.key), "ORIGIN: flags 0x80", [TWO.prefix]),
        (update(ORIGIN + PATH + HOP[:-4] + b"\x7f\0\0\1", ONE.key), "127.0.0.1 is no host address", [TWO.prefix]),
        (update(ORIGIN + PATH + HOP[:-4] + US4.address.packed, ONE.key), "is our own address", [TWO.prefix]),
        (update(mp_reach(1, 1, PEER6.address.packed, ONE.key) + ORIGIN + PATH), "an IPv4 next hop of 16 octets", []),
        (update(mp_reach(1, 1, b"\1\2\3", ONE.key) + ORIGIN + PATH), "an IPv4 next hop of 3 octets", []),
        (update(mp_reach(1, 1, PEER4.address.packed, ONE.key, 0x50) + ORIGIN + PATH), "flags 0x50", []),
        (update(GOOD, b"\x21\1\2\3\4\5"), "prefix length of 33", []),
        (update(b"\x40\x63\x00" + GOOD, ONE.key), "marked well-known and not known: session reset", []),
        (update(b"\x40\x01\x02\x00\x00" + PATH), "ORIGIN: 2 octets instead of 1: session reset", []),
        (
            update(mp_reach(1, 128, bytes(8) + PEER4.address.packed, b"\x70" + bytes(14)) + ORIGIN + PATH),
            "routes of AFI 1, SAFI 128",
            [ONE.prefix, TWO.prefix],
        ),
        (
            update(mp_reach(1, 2, PEER4.address.packed, ONE.key) + ORIGIN + PATH),
            "routes of AFI 1, SAFI 2",
            [ONE.prefix, TWO.prefix],
        ),
    ],
)
def test_what_a_session_would_not_take(octets: bytes, reason: str, still: list[str]) -> None:
    data = FIRST + of(octets)
    (found,) = unreadable(data)
    assert found.startswith("record 3: ")
    assert reason in found
    assert left(data) == still


def test_a_disabled_family_is_ignored_until_the_session_ends() -> None:
    bad = of(update(mp_reach(2, 1, bytes(20), SIX.key) + ORIGIN + PATH), PEER6, US6)
    six = mrt_updates([SIX])
    assert left(six + bad + six) == []
    assert "IPv6 is ignored since record 2 (AFI/SAFI disable)" in unreadable(six + bad + six)[1]
    assert left(six + bad + state(6, 1, PEER6_4, US4) + six) == [], "another session's end"
    again = HEADER.pack(1, 16, 5, 48) + struct.pack("!LLHH", 1103, 8075, 0, 2) + PEER6.address.packed
    again += US6.address.packed + struct.pack("!HH", 6, 1)
    assert left(six + bad + again + six) == [SIX.prefix]


PEER6_4 = Announcer(1103, IPv4Address("192.0.2.3"))


def test_routes_of_other_families_are_counted_and_their_withdrawals_are_not() -> None:
    unreach = b"\x80\x0f\x03\x00\x01\x80"
    assert unreadable(FIRST + of(update(unreach))) == []
    assert left(FIRST + of(update(unreach))) == [ONE.prefix, TWO.prefix]


# --- sessions ---


def test_sessions_of_one_peer_differ_by_the_local_address() -> None:
    ((withdraw, _),) = pack_withdrawals(V4, (ONE.key,), 4096)
    data = FIRST + of(update_of(ONE), us=OTHER_US) + of(update_of(TWO), us=OTHER_US) + of(withdraw, us=OTHER_US)
    assert left(data) == [ONE.prefix, TWO.prefix, TWO.prefix]
    assert left(data + state(6, 1, us=OTHER_US)) == [ONE.prefix, TWO.prefix]
    assert {entry.announcer.local for entry in read_routes(read_mrt((data,))) if entry.announcer} == {
        US4.address,
        OTHER_US.address,
    }


@pytest.mark.parametrize(
    "octets", [frame(MessageType.NOTIFICATION, b"\6\2"), frame(MessageType.OPEN, bytes(10))], ids=["end", "anew"]
)
@pytest.mark.parametrize("sent", [False, True])
def test_a_notification_and_an_open_end_what_was(octets: bytes, sent: bool) -> None:
    ends = (US4, PEER4) if sent else (PEER4, US4)
    assert left(FIRST + pack_message(1, *(PEER4, US4) if sent else ends, octets, sent=sent)) == []
    assert left(FIRST + of(KEEPALIVE)) == [ONE.prefix, TWO.prefix]


def test_a_change_of_state_names_a_four_octet_peer_as_trans() -> None:
    peer, trans = Announcer(4200000, PEER4.address), Announcer(23456, PEER4.address)
    data = of(update_of(ONE), peer) + state(6, 1, trans, subtype=0)
    assert left(data) == []
    (found,) = read_routes(read_mrt((of(update_of(ONE), peer) + of(update_of(TWO, asn4=False), trans, asn4=False),)))[
        :1
    ]
    assert found.announcer is not None
    assert found.announcer.asn == 4200000


def test_what_is_not_announced_again_after_a_route_refresh_is_gone() -> None:
    marks = [of(encode_refresh(RouteRefresh(V4, subtype))) for subtype in (BEGIN, END)]
    assert left(FIRST + marks[0] + of(update_of(ONE)) + marks[1]) == [ONE.prefix]
    assert left(FIRST + marks[0] + of(update_of(ONE))) == [ONE.prefix, TWO.prefix], "not answered yet"
    assert left(FIRST + marks[1]) == [ONE.prefix, TWO.prefix]


def test_a_session_inside_one_as_may_have_confederations() -> None:
    inside = Announcer(8075, PEER4.address)
    (found,) = read_routes(read_mrt((of(update(ORIGIN + CONFEDERATION + HOP, ONE.key), inside),)))
    assert found.path.as_path_text == "1103 (65001)"


# --- against a session ---


def session() -> Inbound:
    policy = Policy("exchange", PolicyContext(1103, str(PEER4.address)))
    config = NeighborConfig(
        id="x",
        local_as=8075,
        router_id="192.0.2.9",
        local_address=US4.address,
        peer_address=PEER4.address,
        peer_as=1103,
        local=Endpoint(US4.address, 179),
        remote=None,
        policy=policy,
    )
    return Inbound(config, SessionGate(config, lambda _: None), LocRib(), lambda _: None)


PIECES = (
    ORIGIN,
    PATH,
    HOP,
    b"\x40\x01\x01\x07",
    CONFEDERATION,
    b"\xc0\x08\x04\0\1\0\2",
    b"\xc0\x08\x03\0\1\0",
    b"\xc0\x23\x04\0\0\4\x4f",
    b"\x40\x63\x00",
    mp_reach(1, 1, PEER4.address.packed, ONE.key),
    mp_reach(1, 1, b"\1", ONE.key),
    mp_reach(2, 1, PEER6.address.packed, SIX.key),
    b"\x80\x0f\x03\0\1\1",
    b"\x80\x0f\x06\0\1\1" + ONE.key,
    b"\x40\x05\x04\0\0\0\1",
)
bodies = st.builds(
    lambda pieces, announced, withdrawn: update(b"".join(pieces), b"".join(announced), b"".join(withdrawn))[19:],
    st.lists(st.sampled_from(PIECES), max_size=5) | st.just([ORIGIN, PATH, HOP]),
    st.lists(st.sampled_from([ONE.key, TWO.key]), max_size=2),
    st.lists(st.sampled_from([ONE.key, TWO.key]), max_size=2),
)


_DISABLES_AND_RESETS = update(b"\x40\x63\x00" + mp_reach(1, 1, b"\1", ONE.key), ONE.key)[19:]
"""A next hop that disables the family, and an attribute that resets the session: the stronger one counts."""


@example([_DISABLES_AND_RESETS, update(ORIGIN + PATH + HOP, ONE.key)[19:]])
@example([update(mp_reach(1, 1, b"\1", ONE.key))[19:], _DISABLES_AND_RESETS, update(ORIGIN + PATH + HOP, ONE.key)[19:]])
@given(st.lists(bodies | st.binary(max_size=30), max_size=8))
def test_a_recording_ends_with_the_table_that_a_session_has(updates: list[bytes]) -> None:
    inbound, agreed, data = session(), _AGREED, b""
    for body in updates:
        data += of(frame(MessageType.UPDATE, body))
        try:
            inbound.update(body, agreed, 0.0)
        except UpdateError:
            inbound.down()  # as its neighbour does
    entries = list(read_mrt((data,)))
    found = {
        key: entry.path
        for entry in entries
        if isinstance(entry, TableRoutes) and entry.family is V4
        for key in entry.keys
    }
    assert found == {key: held.path for key, held in inbound.adj_in.items(V4)}


class _Agreed:
    families = frozenset({V4})
    asn4 = True


_AGREED: Any = _Agreed()
