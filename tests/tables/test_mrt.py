"""MRT written and read: every record kind, damage, and the tools that others read MRT with."""

from __future__ import annotations

import struct
import subprocess
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.mrt.bgp4mp import pack_message
from simulator.mrt.records import HEADER, Bgp4mpSubtype, MrtError, TableDumpSubtype, records
from simulator.mrt.table_dump_v2 import RibEntry, rib_attributes, rib_dump
from simulator.session.messages import Family
from simulator.tables.mrt_reader import read_mrt
from simulator.tables.table_entries import Announcer, Skipped, TableRoutes, Unreadable
from simulator.wire import nlri
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.framing import KEEPALIVE
from simulator.wire.update import pack_withdrawals
from tests.lab_support import require_program
from tests.tables.support import (
    PEER4,
    PEER6,
    SAMPLES,
    US4,
    Sample,
    by_prefix,
    mrt_rib,
    mrt_updates,
    read_routes,
    update_of,
)

V4, V6 = Family.IPV4, Family.IPV6
COLLECTOR = IPv4Address("192.0.2.9")
asns = st.integers(1, 2**32 - 1)
segments = st.builds(
    AsSegment,
    st.sampled_from([SegmentKind.SEQUENCE, SegmentKind.SET]),
    st.lists(asns, min_size=1, max_size=5).map(tuple),
)
paths4 = st.builds(
    PathAttributes,
    origin=st.integers(0, 2),
    as_path=st.lists(segments, max_size=3).map(tuple),
    next_hop=st.integers(1, 2**32 - 2).map(IPv4Address),
    med=st.none() | st.integers(0, 2**32 - 1),
    local_pref=st.none() | st.integers(0, 2**32 - 1),
    atomic_aggregate=st.booleans(),
    communities=st.lists(st.integers(0, 2**32 - 1), max_size=4).map(tuple),
    large_communities=st.lists(st.tuples(asns, asns, asns), max_size=3, unique=True).map(tuple),
    otc=st.none() | asns,
)
paths6 = st.builds(
    PathAttributes,
    as_path=st.lists(segments, max_size=2).map(tuple),
    next_hop=st.integers(1, 2**128 - 1).map(IPv6Address),
    link_local=st.none() | st.just(IPv6Address("fe80::1")),
    communities=st.lists(st.integers(0, 2**32 - 1), max_size=4).map(tuple),
)
keys4 = st.integers(0, 2**32 - 1).flatmap(
    lambda value: st.integers(0, 32).map(lambda bits: nlri.key(_prefix(value, bits, 32))[1])
)
keys6 = st.integers(0, 2**128 - 1).flatmap(
    lambda value: st.integers(0, 128).map(lambda bits: nlri.key(_prefix(value, bits, 128))[1])
)


def _prefix(value: int, bits: int, width: int) -> str:
    masked = value >> (width - bits) << (width - bits)
    return f"{IPv4Address(masked) if width == 32 else IPv6Address(masked)}/{bits}"


def record(kind: int, subtype: int, body: bytes, when: int = 1) -> bytes:
    return HEADER.pack(when, kind, subtype, len(body)) + body


def peer_index(*peers: bytes) -> bytes:
    return record(13, 1, COLLECTOR.packed + b"\0\0" + struct.pack("!H", len(peers)) + b"".join(peers))


PEER_AS2 = b"\x00" + COLLECTOR.packed + IPv4Address("192.0.2.1").packed + struct.pack("!H", 1103)


def rib_row(attributes: bytes, peer: int = 0, path_id: bytes = b"") -> bytes:
    return struct.pack("!HL", peer, 5) + path_id + struct.pack("!H", len(attributes)) + attributes


def rib(subtype: int, key: bytes, *rows: bytes) -> bytes:
    return record(13, subtype, struct.pack("!L", 0) + key + struct.pack("!H", len(rows)) + b"".join(rows))


# --- round trips ---


@given(st.lists(st.tuples(keys4, paths4), max_size=6), st.lists(st.tuples(keys6, paths6), max_size=4))
def test_what_is_written_is_read_back(
    four: list[tuple[bytes, PathAttributes]], six: list[tuple[bytes, PathAttributes]]
) -> None:
    tables = [
        (PEER4, [RibEntry(V4, key, path, 7.0) for key, path in dict(four).items()]),
        (PEER6, [RibEntry(V6, key, path, 8.0) for key, path in dict(six).items()]),
    ]
    found = {
        (entry.family, key): (entry.announcer, entry.path)
        for entry in read_routes(read_mrt(rib_dump(9.0, COLLECTOR, "view", tables)))
        for key in entry.keys
    }
    wanted = {(V4, key): (PEER4, path) for key, path in dict(four).items()}
    assert found == wanted | {(V6, key): (PEER6, path) for key, path in dict(six).items()}


def test_routes_of_one_attribute_set_come_together() -> None:
    path = SAMPLES[0].attributes
    entries = [RibEntry(V4, nlri.key(f"20.{n}.0.0/16")[1], path, 0.0) for n in range(200)]
    (group,) = read_routes(read_mrt(rib_dump(0.0, COLLECTOR, "", [(PEER4, entries)])))
    assert len(group.keys) == 200


def test_a_record_a_prefix_with_the_path_of_each_peer() -> None:
    other = Announcer(1136, ip_address("192.0.2.7"), IPv4Address("192.0.2.7"))
    key = nlri.key("41.0.0.0/16")[1]
    one, two = Sample("41.0.0.0/16", "1103").attributes, Sample("41.0.0.0/16", "1136").attributes
    tables = [(PEER4, [RibEntry(V4, key, one, 1.0)]), (other, [RibEntry(V4, key, two, 1.0)])]
    written = list(rib_dump(1.0, COLLECTOR, "", tables))
    assert len(written) == 2, "the index and one prefix"
    assert {(e.announcer, e.path) for e in read_routes(read_mrt(written))} == {(PEER4, one), (other, two)}


def test_what_does_not_fit_is_refused() -> None:
    long = PathAttributes(communities=tuple(range(20000)), next_hop=COLLECTOR)
    with pytest.raises(ValueError, match="two octets"):
        list(rib_dump(0, COLLECTOR, "", [(PEER4, [RibEntry(V4, b"\0", long, 0)])]))
    with pytest.raises(ValueError, match="65535 peers"):
        next(rib_dump(0, COLLECTOR, "", [(PEER4, ())] * 65536))
    with pytest.raises(ValueError, match="one address family"):
        pack_message(0, PEER4, PEER6, KEEPALIVE)


# --- RIB records ---


def test_peers_with_two_octet_asns_and_several_indexes() -> None:
    row = rib_row(rib_attributes(V4, SAMPLES[0].attributes))
    other = b"\x03" + COLLECTOR.packed + IPv6Address("2001:db8::7").packed + struct.pack("!L", 70000)
    data = peer_index(PEER_AS2) + rib(2, SAMPLES[0].key, row) + peer_index(other) + rib(2, SAMPLES[1].key, row)
    first, second = read_routes(read_mrt((data,)))
    assert (first.announcer, second.announcer) == (
        Announcer(1103, IPv4Address("192.0.2.1"), COLLECTOR),
        Announcer(70000, IPv6Address("2001:db8::7"), COLLECTOR),
    )


def test_add_path_records_have_a_path_identifier() -> None:
    rows = [
        rib_row(rib_attributes(V4, Sample("41.0.0.0/16", f"1103 {n}").attributes), 0, bytes((0, 0, 0, n)))
        for n in (1, 2)
    ]
    data = peer_index(PEER_AS2) + rib(TableDumpSubtype.RIB_IPV4_UNICAST_ADDPATH, SAMPLES[0].key, *rows)
    assert [entry.path.as_path_text for entry in read_routes(read_mrt((data,)))] == ["1103 1", "1103 2"]


def test_mp_reach_may_be_written_in_full() -> None:
    sample = SAMPLES[10]
    hop = ip_address(sample.hop).packed
    value = b"\0\2\1\x10" + hop + b"\0" + sample.key
    block = encode(sample.attributes, asn4=True) + bytes((0x90, 14)) + struct.pack("!H", len(value)) + value
    data = peer_index(PEER_AS2) + rib(4, sample.key, rib_row(block))
    assert by_prefix(read_mrt((data,))) == {sample.prefix: sample.attributes}


def test_an_ipv4_prefix_with_an_ipv6_next_hop() -> None:
    path = PathAttributes(next_hop=IPv6Address("2001:db8::1"))
    data = b"".join(rib_dump(0, COLLECTOR, "", [(PEER6, [RibEntry(V4, SAMPLES[0].key, path, 0)])]))
    assert by_prefix(read_mrt((data,)))[SAMPLES[0].prefix].next_hop == IPv6Address("2001:db8::1")


def test_a_router_s_own_routes_have_neither_origin_nor_the_right_flags() -> None:
    nobody = b"\x03" + bytes(4) + bytes(16) + bytes(4)
    block = bytes((0x00, 2, 6, 2, 1)) + struct.pack("!L", 64496) + bytes((0x00, 8, 4)) + b"\0\1\0\2"
    data = peer_index(nobody) + rib(2, SAMPLES[0].key, rib_row(block)) + rib(2, SAMPLES[1].key, rib_row(b""))
    first, second = read_routes(read_mrt((data,)))
    assert (first.path.as_path_text, first.path.origin, first.path.communities) == ("64496", 2, (65538,))
    assert (second.path.as_path, second.announcer) == ((), None)


def test_stray_bits_do_not_make_another_prefix() -> None:
    row = rib_row(rib_attributes(V4, SAMPLES[0].attributes))
    data = peer_index(PEER_AS2) + rib(2, b"\x09\x29\xff", row)
    assert list(by_prefix(read_mrt((data,)))) == ["41.128.0.0/9"]


GOOD_ROW = rib_row(rib_attributes(V4, SAMPLES[0].attributes))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (rib(2, SAMPLES[0].key, GOOD_ROW), "before the PEER_INDEX_TABLE"),
        (peer_index(PEER_AS2) + rib(2, b"\x21\1\2\3\4\5", GOOD_ROW), "prefix length of 33"),
        (peer_index(PEER_AS2) + rib(2, SAMPLES[0].key, GOOD_ROW[:-1]), "cut short"),
        (peer_index(PEER_AS2) + rib(2, SAMPLES[0].key, GOOD_ROW + b"\0"), "1 octet too many"),
        (peer_index(PEER_AS2) + rib(2, SAMPLES[0].key, rib_row(b"", peer=9)), "peer 9 is not in"),
        (peer_index(PEER_AS2) + rib(2, SAMPLES[0].key, rib_row(b"\x40\1\1\x09\x40\2\0")), "ORIGIN"),
        (peer_index(PEER_AS2[:-1]), "cut short"),
        (record(16, 4, b"\0" * 8), "cut short"),
        (record(16, 4, b"\0" * 10 + b"\0\3" + b"\0" * 40), "address family 3"),
        (record(16, 4, b"\0" * 10 + b"\0\1" + b"\0" * 40), "no BGP message"),
    ],
)
def test_a_bad_record_is_told_and_the_next_one_read(data: bytes, reason: str) -> None:
    entries = list(read_mrt((data + mrt_rib(SAMPLES[:1]),)))
    (bad,) = (entry for entry in entries if isinstance(entry, Unreadable))
    assert reason in str(bad)
    assert [entry.keys for entry in entries if isinstance(entry, TableRoutes)] == [(SAMPLES[0].key,)]


def test_records_that_are_not_read_may_hold_routes() -> None:
    data = record(12, 7, b"xyz") + record(13, 6, b"") + record(48, 0, b"?") + record(17, 4, b"\0")
    assert [str(entry) for entry in read_mrt((data,))] == [
        "record 1: MRT TABLE_DUMP, subtype 7, is not read",
        "record 2: MRT TABLE_DUMP_V2, subtype 6, is not read",
        "record 3: MRT OSPFv3, subtype 0, is not read",
        "record 4: MRT BGP4MP_ET, subtype 4, is not read",
    ]


@given(st.integers(0, 100_000))
def test_a_truncated_file_gives_what_is_whole_and_says_where_it_ends(cut: int) -> None:
    whole = mrt_rib(SAMPLES) + mrt_updates(SAMPLES)
    data = whole[: cut % len(whole)]
    try:
        count = len(list(records((data,))))
    except MrtError as error:
        assert "ends inside" in error.reason
        last = list(read_mrt((data,)))
        assert any(isinstance(e, Unreadable) and e.place.number == error.number for e in last)
    else:
        assert count or not data


def test_damage_ends_the_reading_with_the_record_s_number() -> None:
    good = mrt_rib(SAMPLES[:1])
    *_, last = read_mrt((good + b"\xff" * 400,))
    assert isinstance(last, Unreadable)
    assert last.place.number == 3
    assert "type 65535 is no MRT record" in last.reason


# --- BGP4MP ---


@pytest.mark.parametrize("asn4", [True, False])
@pytest.mark.parametrize("extended_time", [True, False])
def test_updates_of_two_and_four_octet_sessions(asn4: bool, extended_time: bool) -> None:
    found = by_prefix(read_mrt((mrt_updates(SAMPLES, asn4=asn4, extended_time=extended_time),)))
    assert {prefix: path.as_path for prefix, path in found.items()} == {s.prefix: s.attributes.as_path for s in SAMPLES}


def test_the_microseconds_are_kept() -> None:
    (one,) = records((pack_message(1.234567, PEER4, US4, KEEPALIVE),))
    assert one.time == pytest.approx(1.234567)
    (two,) = records((pack_message(1.9999999, PEER4, US4, KEEPALIVE),))
    assert two.time == 2.0


def test_the_last_word_on_a_prefix_counts() -> None:
    first, second = Sample("41.0.0.0/16", "1103 1"), Sample("41.0.0.0/16", "1103 2")
    assert by_prefix(read_mrt((mrt_updates([first, second]),)))["41.0.0.0/16"].as_path_text == "1103 2"
    ((withdraw, _),) = pack_withdrawals(V4, (first.key,), 4096)
    assert by_prefix(read_mrt((mrt_updates([first]) + pack_message(2, PEER4, US4, withdraw),))) == {}


def test_a_session_that_ends_takes_its_routes_along() -> None:
    head = struct.pack("!LLHH", 1103, 8075, 0, 1) + PEER4.address.packed + US4.address.packed
    down = record(16, Bgp4mpSubtype.STATE_CHANGE_AS4, head + struct.pack("!HH", 6, 1))
    up = record(16, Bgp4mpSubtype.STATE_CHANGE_AS4, head + struct.pack("!HH", 5, 6))
    assert by_prefix(read_mrt((mrt_updates(SAMPLES[:1]) + down,))) == {}
    assert len(by_prefix(read_mrt((up + mrt_updates(SAMPLES[:1]),)))) == 1


def test_what_the_router_itself_sent_is_its_own() -> None:
    data = pack_message(1, US4, PEER4, update_of(SAMPLES[0]), sent=True)
    (found,) = read_routes(read_mrt((data,)))
    assert found.announcer == Announcer(PEER4.asn, PEER4.address, local=US4.address)


def test_add_path_updates() -> None:
    sample = SAMPLES[0]
    plain = update_of(sample)
    for number in (1, 2):
        identifier = bytes((0, 0, 0, number))
    size = len(plain) + 8 + len(sample.key)
    body = plain[19 : -len(sample.key)] + b"\0\0\0\1" + sample.key + identifier + sample.key
    octets = plain[:16] + struct.pack("!HB", size, 2) + body
    head = struct.pack("!LLHH", 1103, 8075, 0, 1) + PEER4.address.packed + US4.address.packed
    (found,) = read_routes(read_mrt((record(16, Bgp4mpSubtype.MESSAGE_AS4_ADDPATH, head + octets),)))
    assert found.keys == (sample.key, sample.key), "two paths of one prefix"


def test_other_messages_are_passed_over_and_malformed_ones_told() -> None:
    (skipped,) = read_mrt((pack_message(1, PEER4, US4, KEEPALIVE),))
    assert skipped == Skipped("BGP messages other than UPDATE")
    octets = bytearray(update_of(SAMPLES[0]))
    octets[26] = 9  # the value of ORIGIN
    (bad,) = read_mrt((pack_message(1, PEER4, US4, bytes(octets)),))
    assert isinstance(bad, Unreadable)
    assert "ORIGIN" in bad.reason


# --- the tools of others ---


def bgpdump(path: Path) -> list[list[str]]:
    require_program("bgpdump")
    result = subprocess.run(["bgpdump", "-m", path], capture_output=True, text=True, timeout=60, check=True)
    return [line.split("|") for line in result.stdout.splitlines()]


def test_bgpdump_reads_a_table(tmp_path: Path) -> None:
    (tmp_path / "rib.mrt").write_bytes(mrt_rib(SAMPLES))
    rows = {row[5]: row for row in bgpdump(tmp_path / "rib.mrt")}
    assert rows.keys() == {sample.prefix for sample in SAMPLES}
    for sample in SAMPLES:
        row = rows[sample.prefix]
        assert row[0] == "TABLE_DUMP2"
        assert row[3:5] == [str(PEER4.address if sample.family is V4 else PEER6.address), "1103"]
        assert row[6].replace(",", " ") == sample.path
        assert row[7:9] == ["IGP", sample.hop]
        assert row[10] == str(sample.med or 0)
    assert rows["41.0.0.0/16"][11] == "1103:100 no-export"


@pytest.mark.parametrize("asn4", [True, False])
def test_bgpdump_reads_updates(asn4: bool, tmp_path: Path) -> None:
    ((withdraw, _),) = pack_withdrawals(V4, (SAMPLES[0].key,), 4096)
    data = mrt_updates(SAMPLES, asn4=asn4) + pack_message(2.5, PEER4, US4, withdraw, asn4=asn4)
    (tmp_path / "updates.mrt").write_bytes(data)
    rows = bgpdump(tmp_path / "updates.mrt")
    assert [(row[0], row[2], row[5]) for row in rows] == [
        *(("BGP4MP_ET", "A", sample.prefix) for sample in SAMPLES),
        ("BGP4MP_ET", "W", "41.0.0.0/16"),
    ]
    assert rows[1][6] == "1103 4200000"
