"""An outline is read of sound blocks alone, and says of them what decoding says."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.wire import outlines as module
from simulator.wire.attribute_block import walk
from simulator.wire.attribute_checks import SessionAddresses
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, decode_plain, encode
from simulator.wire.checked_attributes import NlriLocation, check_attributes
from simulator.wire.outlines import Outlines
from tests.examples import examples
from tests.wire.test_attributes import ATTRIBUTES

OWN = SessionAddresses(own=bytes((192, 0, 2, 1)))
HOPS = st.sampled_from([IPv4Address(text) for text in ("192.0.2.2", "192.0.2.1", "127.0.0.1", "192.8.4.4")])
LAID_OUT = st.builds(
    PathAttributes,
    origin=st.integers(0, 2),
    as_path=st.lists(st.integers(1, 2**32 - 1), min_size=1, max_size=70).map(
        lambda asns: (AsSegment(SegmentKind.SEQUENCE, tuple(asns)),)
    ),
    next_hop=HOPS,
    med=st.sampled_from([None, 0, 7, 0x80040400, 0xC0080400]),
    communities=st.lists(st.sampled_from([1, 0xC008C008, 8075 << 16]), max_size=70).map(tuple),
    otc=st.sampled_from([None, None, 0xC0080800]),
)
CHANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=2)
CUTS = st.one_of(st.just((0, 0)), st.tuples(st.integers(0, 24), st.integers(1, 12)))
"""Octets that are taken out: where, counted from the end, and how many."""
KNOWN = Outlines(OWN)
"""Kept from example to example, so that it remembers blocks."""


def block(attributes: PathAttributes, changes: list[tuple[int, int]], long_path: bool, cut: tuple[int, int]) -> bytes:
    raw = bytearray(encode(attributes, asn4=True))
    if long_path and raw[4:6] == b"\x40\x02":
        raw[4:7] = b"\x50\x02\x00" + raw[6:7]
    for at, octet in changes:
        raw[at % len(raw)] = octet
    start = max(len(raw) - cut[0], 0)
    del raw[start : start + cut[1]]
    return bytes(raw)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.tuples(st.one_of(LAID_OUT, ATTRIBUTES), CHANGES, st.booleans(), CUTS), max_size=4))
def test_an_outline_is_that_of_a_sound_block(
    given_: list[tuple[PathAttributes, list[tuple[int, int]], bool, tuple[int, int]]],
) -> None:
    for path_, changes, long_path, cut in given_:
        whole = block(path_, [], long_path, (0, 0))
        # What is sound is remembered, and what is not comes behind it; each again, from what is remembered.
        for raw in (whole, block(path_, changes, long_path, cut), block(path_, [], long_path, cut), whole):
            found = KNOWN.of(raw)
            if found is None:
                continue
            judgement = check_attributes(raw, asn4=True, reach=NlriLocation.NLRI_FIELD, addresses=OWN)
            assert judgement.usable and not judgement.faults
            path = decode_plain(raw)
            assert [segment.kind for segment in path.as_path] == [SegmentKind.SEQUENCE]
            assert found[:2] == (path.asns, len(path.communities))
            assert not path.extended_communities and not path.large_communities
            others = [part for part in attributes(raw) if part[1] not in (2, 8)]
            assert found[2] in (b"".join(others), b"".join(map(without_med, others)))


def without_med(attribute: bytes) -> bytes:
    return attribute[:3] + bytes(4) if attribute[1] == 4 else attribute


def test_blocks_that_differ_in_med_have_one_outline() -> None:
    known = Outlines(OWN)
    found = [known.of(bytes.fromhex(f"{HEAD}{HOP}800404{med:08x}c008041f8b1f47")) for med in (0, 7, 0xFFFFFFFF)]
    assert found == [((64512,), 1, bytes.fromhex("40010100" + HOP + "80040400000000"))] * 3
    assert known.of(bytes.fromhex(HEAD + HOP)) != known.of(bytes.fromhex(HEAD + HOP + "80040400000000"))


def test_what_is_cut_off_has_no_outline_however_much_is_remembered() -> None:
    known = Outlines(OWN)
    sound = bytes.fromhex(HEAD + HOP + "80040400000007")
    marked = sound + bytes.fromhex("c008041f8b1f47")
    assert known.of(sound) is not None and known.of(marked) is not None and known.of(sound[:-7]) is not None
    for end in range(1, 7):
        assert known.of(sound[:-end]) is None
        assert known.of(sound[:-end] + marked[-7:]) is None
    hidden = bytes.fromhex(HEAD + HOP + "800404c0080401" + "400600")  # the MED looks like COMMUNITIES
    assert known.of(hidden) is None


def attributes(raw: bytes) -> list[bytes]:
    found, at = [], 0
    for _, _, value in walk(raw):
        size = (4 if raw[at] & 0x10 else 3) + len(value)
        found.append(raw[at : at + size])
        at += size
    return found


HEAD = "40010100" + "4002060201" + "0000fc00"
HOP = "400304c0000202"


@pytest.mark.parametrize(
    "octets",
    [
        HEAD + HOP,
        "40010100" + "50020006" + "02010000fc00" + HOP,
        HEAD + HOP + "c008041f8b1f47",
        HEAD + HOP + "800404c0080400" + "c008041f8b1f47",
    ],
)
def test_what_daemons_send_has_an_outline(octets: str) -> None:
    known = Outlines(OWN)
    raw = bytes.fromhex(octets)
    if "c00804" in octets[: -len("c008041f8b1f47")]:
        assert known.of(raw) is None, "it is read as any other block"
    else:
        assert known.of(raw) is not None


@pytest.mark.parametrize(
    "octets",
    [
        "",
        HEAD,  # no NEXT_HOP
        "40010103" + HEAD[8:] + HOP,  # no such ORIGIN
        "40010100" + "4002060201" + "00000000" + HOP,  # AS 0
        "40010100" + "4002060101" + "0000fc00" + HOP,  # a set
        "40010100" + "400200" + HOP,  # no path
        "40010100" + "4002020200" + HOP,  # of no ASN
        "40010100" + "40020a0202" + "0000fc00",  # cut short
        HEAD + "400304c0000201",  # our own address
        HEAD + HOP + HOP,
        HEAD + HOP + "c00804" + "1f8b1f",  # cut short
        HEAD + HOP + "c00806" + "1f8b1f470000",  # no whole community
        HEAD + HOP + "c00800",
        HEAD + HOP + "c008041f8b1f47" * 2,
        HEAD + HOP + "d00800041f8b1f47" + "c008041f8b1f47",
        HEAD + HOP + "c008041f8b1f47" + "c0630101",  # something behind it
        HEAD + HOP + "80040400000001" * 2,
        HEAD + HOP + "800403000001",  # a short MED
        HEAD + HOP + "80040400000001" + "40050400000064" + "80040400000002",
    ],
)
def test_all_else_has_none(octets: str) -> None:
    known = Outlines(OWN)
    for raw in (HEAD + HOP, HEAD + HOP + "d00800041f8b1f47", HEAD + HOP + "c008041f8b1f47", octets, octets):
        found = known.of(bytes.fromhex(raw))
    assert found is None


def test_no_more_is_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 3)
    known = Outlines(OWN)
    for local in range(10):
        assert known.of(bytes.fromhex(f"{HEAD}{HOP}c02304000000{local:02x}")) is not None
        assert 0 < len(known._sound) <= 3
