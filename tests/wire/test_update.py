from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.framing import EXTENDED_MAX, STANDARD_MAX, Framer, ProtocolError
from simulator.wire.update import (
    UpdateParts,
    count_nlri,
    end_of_rib,
    next_hops,
    pack_announcements,
    pack_withdrawals,
    split_update,
)
from simulator.wire.update_faults import ErrorHandling, UpdateError
from tests.examples import examples

V4, V6 = Family.IPV4, Family.IPV6
ORIGIN = bytes.fromhex("40010100")
AS_PATH = bytes.fromhex("40020602010000fc00")
NEXT_HOP = bytes.fromhex("400304c0000201")
BLOCK = ORIGIN + AS_PATH
GLOBAL = IPv6Address("2001:db8::1").packed
LINK_LOCAL = IPv6Address("fe80::1").packed
REACH = bytes.fromhex("800e1a00020110") + GLOBAL + bytes.fromhex("002020010db8")
UNREACH = bytes.fromhex("800f080002012020010db8")


def body_of(attributes: bytes = b"", announced: bytes = b"", withdrawn: bytes = b"") -> bytes:
    lengths = len(withdrawn).to_bytes(2, "big"), len(attributes).to_bytes(2, "big")
    return lengths[0] + withdrawn + lengths[1] + attributes + announced


def bodies(messages: list[tuple[bytes, int]], limit: int) -> list[bytes]:
    """Through the framer, which has its own opinion of the size."""
    framer = Framer()
    framer.max_size = limit
    framer.feed(b"".join(message for message, _ in messages))
    return [body for type_, body in framer if type_ == 2]


@st.composite
def keys(draw: st.DrawFn, family: Family) -> list[bytes]:
    def key(address: int, bits: int) -> bytes:
        packed = (address >> (family.max_length - bits) << (family.max_length - bits)).to_bytes(
            family.max_length // 8, "big"
        )
        return bytes((bits,)) + packed[: (bits + 7) // 8]

    addresses = st.integers(0, 2**family.max_length - 1)
    some = draw(st.lists(st.builds(key, addresses, st.integers(0, family.max_length)), max_size=30, unique=True))
    # Many more than Hypothesis would care to draw, so that several messages are needed.
    start = draw(addresses) >> 10
    more = [key(start + n, family.max_length) for n in range(draw(st.integers(0, 900)))]
    return list(dict.fromkeys(some + more))


@settings(deadline=None, max_examples=examples(60))
@pytest.mark.parametrize("family", list(Family))
@given(data=st.data(), limit=st.sampled_from([100, 150, STANDARD_MAX, EXTENDED_MAX]), link_local=st.booleans())
def test_announcements_carry_every_key_once(family: Family, data: st.DataObject, limit: int, link_local: bool) -> None:
    wanted = data.draw(keys(family))
    attributes = BLOCK + (NEXT_HOP if family is V4 else b"")
    next_hop = b"" if family is V4 else GLOBAL + (LINK_LOCAL if link_local and limit > 100 else b"")
    messages = pack_announcements(family, attributes, next_hop, wanted, limit)
    seen: list[bytes] = []
    split = [split_update(body) for body in bodies(messages, limit)]
    assert len(split) == len(messages)
    for (message, count), parts in zip(messages, split, strict=True):
        assert len(message) <= limit
        assert (parts.withdrawn, parts.unreach, parts.end_of_rib) == (b"", None, None)
        assert parts.attributes == attributes
        if family is V4:
            assert parts.reach is None
            field = parts.announced
        else:
            assert parts.reach is not None and parts.announced == b""
            assert (parts.reach.family, parts.reach.next_hop) == (V6, next_hop)
            field = parts.reach.nlri
        found = nlri.split(field, family)
        assert len(found) == count
        assert count_nlri(message[19:]) == (count, 0)
        seen.extend(found)
    assert seen == wanted
    # Grouped: no two neighbours would have fitted into one message.
    for (first, _), (second, _) in pairwise(messages):
        next_key = nlri.split(split_field(second, family), family)[0]
        assert len(first) + len(next_key) > limit


def split_field(message: bytes, family: Family) -> bytes:
    parts = split_update(message[19:])
    if family is V4:
        return parts.announced or parts.withdrawn
    part = parts.reach or parts.unreach
    assert part is not None
    return part.nlri


@settings(deadline=None, max_examples=examples(60))
@pytest.mark.parametrize("family", list(Family))
@given(data=st.data(), limit=st.sampled_from([60, STANDARD_MAX, EXTENDED_MAX]))
def test_withdrawals_carry_every_key_once(family: Family, data: st.DataObject, limit: int) -> None:
    wanted = data.draw(keys(family))
    messages = pack_withdrawals(family, wanted, limit)
    seen: list[bytes] = []
    for message, count in messages:
        assert len(message) <= limit
        parts = split_update(message[19:])
        assert (parts.attributes, parts.announced, parts.reach, parts.end_of_rib) == (b"", b"", None, None)
        found = nlri.split(split_field(message, family), family)
        assert len(found) == count
        assert count_nlri(message[19:]) == (0, count)
        seen.extend(found)
    assert seen == wanted
    assert len(bodies(messages, limit)) == len(messages)


def test_messages_are_full() -> None:
    table = [nlri.key(f"10.{n >> 8}.{n & 255}.0/24")[1] for n in range(20_000)]
    messages = pack_announcements(V4, BLOCK + NEXT_HOP, b"", table, STANDARD_MAX)
    in_one = (STANDARD_MAX - 23 - len(BLOCK + NEXT_HOP)) // 4
    assert [count for _, count in messages] == [in_one] * (20_000 // in_one) + [20_000 % in_one]


def test_mp_reach_is_the_first_attribute() -> None:
    [(message, _)] = pack_announcements(V6, BLOCK, GLOBAL, [nlri.key("2001:db8::/32")[1]], STANDARD_MAX)
    assert message[23:25] == b"\x90\x0e"
    assert message.endswith(BLOCK)


@pytest.mark.parametrize("family", list(Family))
def test_attributes_that_leave_no_room(family: Family) -> None:
    key = nlri.key("192.0.2.1/32" if family is V4 else "2001:db8::1/128")[1]
    overhead = 23 if family is V4 else 23 + 4 + 5 + 16
    next_hop = b"" if family is V4 else GLOBAL
    fits = bytes(STANDARD_MAX - overhead - len(key))
    [(message, _)] = pack_announcements(family, fits, next_hop, [key], STANDARD_MAX)
    assert len(message) == STANDARD_MAX
    for size in (len(fits) + 1, STANDARD_MAX, EXTENDED_MAX + 5):
        with pytest.raises(ValueError, match="no room"):
            pack_announcements(family, bytes(size), next_hop, [key], STANDARD_MAX)


def test_nothing_to_pack() -> None:
    assert pack_announcements(V4, BLOCK, b"", [], STANDARD_MAX) == []
    assert pack_announcements(V6, BLOCK, GLOBAL, [], STANDARD_MAX) == []
    assert pack_withdrawals(V6, [], STANDARD_MAX) == []


@pytest.mark.parametrize("size", [0, 4, 15, 17, 24])
def test_next_hop_of_a_wrong_size(size: int) -> None:
    with pytest.raises(ValueError, match=f"{size} octets"):
        pack_announcements(V6, BLOCK, bytes(size), [b"\x00"], STANDARD_MAX)
    if size != 4:
        with pytest.raises(ValueError, match=f"{size} octets"):
            next_hops(bytes(size))


def test_next_hops() -> None:
    assert next_hops(GLOBAL) == (IPv6Address("2001:db8::1"), None)
    assert next_hops(GLOBAL + LINK_LOCAL) == (IPv6Address("2001:db8::1"), IPv6Address("fe80::1"))
    assert next_hops(b"\xc0\x00\x02\x01") == (IPv4Address("192.0.2.1"), None)


@pytest.mark.parametrize("family", list(Family))
def test_end_of_rib(family: Family) -> None:
    [body] = bodies([(end_of_rib(family), 0)], STANDARD_MAX)
    assert split_update(body) == UpdateParts(end_of_rib=family)
    assert count_nlri(body) == (0, 0)


@pytest.mark.parametrize(
    "body",
    [
        body_of(UNREACH[:2] + b"\x03\x00\x02\x01" + ORIGIN),
        body_of(UNREACH[:2] + b"\x03\x00\x02\x01", announced=b"\x08\x0a"),
        body_of(UNREACH[:2] + b"\x03\x00\x02\x01", withdrawn=b"\x08\x0a"),
        body_of(UNREACH),
    ],
)
def test_no_end_of_rib(body: bytes) -> None:
    parts = split_update(body)
    assert parts.end_of_rib is None
    assert parts.unreach is not None


@pytest.mark.parametrize("order", [(REACH, ORIGIN, UNREACH, AS_PATH), (ORIGIN, AS_PATH, UNREACH, REACH)])
def test_mp_attributes_are_cut_out_wherever_they_are(order: tuple[bytes, ...]) -> None:
    parts = split_update(body_of(b"".join(order), announced=b"\x08\x0a", withdrawn=b"\x08\x0b"))
    assert parts.attributes == BLOCK
    assert (parts.announced, parts.withdrawn) == (b"\x08\x0a", b"\x08\x0b")
    assert parts.reach is not None and parts.unreach is not None
    assert (parts.reach.family, parts.reach.next_hop, parts.reach.nlri) == (V6, GLOBAL, bytes.fromhex("2020010db8"))
    assert (parts.unreach.family, parts.unreach.nlri) == (V6, bytes.fromhex("2020010db8"))
    assert (parts.reach.octets, parts.unreach.octets) == (REACH, UNREACH)
    assert count_nlri(body_of(b"".join(order), announced=b"\x08\x0a", withdrawn=b"\x08\x0b")) == (2, 2)


def test_reserved_octet_is_ignored() -> None:
    parts = split_update(body_of(REACH[:23] + b"\xaa" + REACH[24:]))
    assert parts.reach is not None
    assert parts.reach.nlri == bytes.fromhex("2020010db8")


def test_ipv4_in_mp_attributes() -> None:
    reach = bytes.fromhex("800e0b00010104c000020100080a")
    parts = split_update(body_of(reach + bytes.fromhex("800f05000101080b")))
    assert parts.reach is not None and parts.unreach is not None
    assert (parts.reach.family, parts.reach.next_hop, parts.reach.nlri) == (V4, b"\xc0\x00\x02\x01", b"\x08\x0a")
    assert (parts.unreach.family, parts.unreach.nlri) == (V4, b"\x08\x0b")


def test_unknown_families_are_skipped() -> None:
    vpn = bytes.fromhex("800e0500018000") + b"\x00"
    parts = split_update(body_of(vpn[:2] + b"\x05\x00\x01\x80\x00\x00" + BLOCK + bytes.fromhex("800f03001946")))
    assert (parts.reach, parts.unreach, parts.end_of_rib) == (None, None, None)
    assert parts.attributes == BLOCK


# An attribute whose length runs past the block; the octets 14 and 15 do not occur in it.
OVERRUN = ORIGIN + bytes.fromhex("4002ff0201")


def test_an_overrun_with_visible_nlri_is_left_to_the_attribute_decoder() -> None:
    assert split_update(body_of(OVERRUN, announced=b"\x08\x0a")).attributes == OVERRUN
    parts = split_update(body_of(REACH + OVERRUN))
    assert parts.reach is not None and parts.attributes == OVERRUN


@pytest.mark.parametrize("tail", ["40", "4002", "4002ff0201", "50020004ff", "5002", "500200"])
@pytest.mark.parametrize("withdrawn", [b"", b"\x08\x0a"])
def test_an_overrun_that_may_hide_the_nlri_resets(tail: str, withdrawn: bytes) -> None:
    with pytest.raises(ProtocolError, match="hide the NLRI") as caught:
        split_update(body_of(ORIGIN + bytes.fromhex(tail), withdrawn=withdrawn))
    assert (caught.value.notification.code, caught.value.notification.subcode) == (3, 1)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "too short"),
        (b"\x00\x00\x00", "too short"),
        (b"\x00\x01\x00\x00", "Withdrawn Routes Length"),
        (b"\xff\xff\x00\x00", "Withdrawn Routes Length"),
        (b"\x00\x00\x00\x01", "Total Path Attribute Length"),
        (body_of(BLOCK)[:-1], "Total Path Attribute Length"),
        (body_of(REACH + BLOCK + REACH), "appears twice"),
        (body_of(UNREACH + UNREACH), "appears twice"),
        (body_of(REACH + REACH, announced=b"\x08\x0a"), "appears twice"),
    ],
)
def test_inconsistent_messages(body: bytes, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason) as caught:
        split_update(body)
    assert (caught.value.notification.code, caught.value.notification.subcode) == (3, 1)


@pytest.mark.parametrize(("code", "value"), [(14, ""), (14, "00020110"), (15, ""), (15, "0002")])
def test_mp_attributes_that_cannot_name_their_family_reset(code: int, value: str) -> None:
    raw = bytes((0x80, code, len(value) // 2)) + bytes.fromhex(value)
    with pytest.raises(UpdateError) as caught:
        split_update(body_of(BLOCK + raw))
    n = caught.value.notification
    assert (n.code, n.subcode, n.data) == (3, 9, raw)


@pytest.mark.parametrize(
    ("flags", "code", "value"),
    [
        (0x80, 14, "0002010000"),  # IPv6 without a next hop
        (0x80, 14, "00020104c000020100"),
        (0x80, 14, "00020111" + "00" * 18),
        (0x80, 14, "00020110" + "00" * 15),
        (0x80, 14, "00020110" + "00" * 16),  # nothing after the next hop, not even the reserved octet
        (0x80, 14, "00010110" + "00" * 17),
        (0xC0, 14, "00020110" + "00" * 17),
        (0x00, 15, "000201"),
        (0xC0, 14, "0019460000"),  # wrong flags are wrong for every family
    ],
)
def test_incorrect_mp_attributes_disable_their_family(flags: int, code: int, value: str) -> None:
    raw = bytes((flags, code, len(value) // 2)) + bytes.fromhex(value)
    parts = split_update(body_of(BLOCK + raw, announced=b"\x08\x0a"))
    [fault] = parts.faults
    assert (fault.outcome, fault.code, fault.octets) == (ErrorHandling.AFI_SAFI_DISABLE, code, raw)
    assert fault.afi_safi == (int(value[:4], 16), int(value[4:6], 16))
    assert (parts.attributes, parts.reach, parts.unreach, parts.announced) == (BLOCK, None, None, b"\x08\x0a")


@pytest.mark.parametrize("announced", [b"", b"\x08\x0a"])
def test_an_mp_attribute_that_runs_past_the_block_resets(announced: bytes) -> None:
    with pytest.raises(UpdateError, match="attribute 14 runs past"):
        split_update(body_of(BLOCK + REACH[:-1], announced=announced))


def test_what_was_found_before_a_reset_is_told() -> None:
    with pytest.raises(UpdateError) as caught:
        split_update(body_of(b"\xc0" + UNREACH[1:] + UNREACH))
    assert [fault.outcome for fault in caught.value.faults] == [
        ErrorHandling.AFI_SAFI_DISABLE,
        ErrorHandling.SESSION_RESET,
    ]
    assert caught.value.notification.subcode == 1


@settings(deadline=None, max_examples=examples(300))
@given(st.binary(max_size=120), st.booleans())
def test_random_octets(data: bytes, as_attributes: bool) -> None:
    body = body_of(data, announced=b"\x08\x0a") if as_attributes else data
    try:
        split_update(body)
        count_nlri(body)
    except ProtocolError as error:
        assert error.notification.code == 3


@settings(deadline=None, max_examples=examples(300))
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, 80))
def test_mutated_messages(changes: list[tuple[int, int]], cut: int) -> None:
    body = bytearray(body_of(ORIGIN + REACH + AS_PATH + UNREACH, announced=b"\x08\x0a", withdrawn=b"\x08\x0b"))
    for position, octet in changes:
        body[position % len(body)] = octet
    for data in (bytes(body), bytes(body)[: -cut or None]):
        try:
            parts = split_update(data)
            count_nlri(data)
        except ProtocolError as error:
            assert error.notification.code == 3
        else:
            assert parts.announced == b"" or data.endswith(parts.announced)
