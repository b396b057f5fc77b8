"""What a session treats as withdrawn is refused offline too: in every format, and by the same checks."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.mrt.table_dump_v2 import RibEntry, rib_dump
from simulator.session.messages import Family
from simulator.tables.explain import explain
from simulator.tables.input_formats import READERS, InputFormat
from simulator.tables.session_policies import SessionPolicies
from simulator.tables.table_entries import Announcer
from simulator.tables.tally import Judge
from simulator.tables.treat_as_withdraw import RULE, malformed
from simulator.wire.attribute_checks import SessionAddresses
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.checked_attributes import NlriLocation, check_attributes
from tests.tables.support import ADDRESSES, SAMPLES, Sample, bird, json_lines, mrt_updates

PEER, OWN = IPv4Address("127.0.0.9"), IPv4Address("192.0.2.9")
SESSION = SessionAddresses(PEER.packed, OWN.packed)
KNOWN = SessionPolicies("exchange", peer_as=1103, addresses=ADDRESSES)
CONFEDERATION = Sample("41.0.0.0/16", "1103 (5089 286) 1136")

hops = st.sampled_from(
    ["0.0.0.0", "127.0.0.1", "127.0.0.9", "192.0.2.1", "192.0.2.9", "224.0.0.1", "255.255.255.255", "10.0.0.1"]
).map(IPv4Address)
hops6 = st.sampled_from(["::", "::1", "fe80::1", "ff02::1", "2001:db8::1"]).map(IPv6Address)
segments = st.builds(
    AsSegment, st.sampled_from(SegmentKind), st.lists(st.sampled_from([0, 1, 1103]), min_size=1, max_size=3).map(tuple)
)


@given(st.lists(segments, max_size=3).map(tuple), hops | hops6)
def test_it_is_what_a_session_says_of_the_octets(
    as_path: tuple[AsSegment, ...], hop: IPv4Address | IPv6Address
) -> None:
    path = PathAttributes(as_path=as_path, next_hop=hop)
    by_mp = hop.version == 6
    reach = NlriLocation.MP_REACH if by_mp else NlriLocation.NLRI_FIELD
    octets = encode(path, asn4=True)
    said = check_attributes(octets, asn4=True, reach=reach, next_hop=hop.packed if by_mp else b"", addresses=SESSION)
    found = malformed(path, SESSION)
    assert (found is None) == said.usable
    if found is not None:
        assert any(fault.reason.partition(": ")[2] in found.value for fault in said.faults)


def rib(samples: list[Sample]) -> bytes:
    entries = [RibEntry(sample.family, sample.key, sample.attributes, 1.0) for sample in samples]
    return b"".join(rib_dump(1.0, OWN, "", [(Announcer(1103, IPv4Address("192.0.2.1")), entries)]))


@pytest.mark.parametrize(
    ("format_", "data"),
    [
        (InputFormat.BIRD, bird([CONFEDERATION])),
        (InputFormat.JSON, json_lines([CONFEDERATION])),
        (InputFormat.MRT, rib([CONFEDERATION])),
        (InputFormat.MRT, mrt_updates([CONFEDERATION])),
    ],
    ids=["bird", "json", "rib", "updates"],
)
def test_a_confederation_s_segment_is_refused_in_every_format(format_: InputFormat, data: bytes) -> None:
    def tally(export_as: int | None) -> tuple[int, int]:
        session = KNOWN.session if export_as is None else lambda _, family: KNOWN.self_announced(family)
        found = Judge(session, export_as)
        assert all(
            hit.rule == RULE
            for _, hits in found.judge(READERS[format_]((data,)))
            for hit in hits.get(CONFEDERATION.key, ())
        )
        return found.tally.accepted, found.tally.rejected + found.tally.unreadable

    assert tally(None) == (0, 1)
    if data != mrt_updates([CONFEDERATION]):
        assert tally(1103) == (1, 0), "a router takes it out of what it announces"


def test_explain_says_so_first() -> None:
    session = KNOWN.session(None, Family.IPV4)
    outcome, hits, results = explain(session, Family.IPV4, CONFEDERATION.key, CONFEDERATION.attributes)
    assert (outcome.value, [hit.rule for hit in hits]) == ("reject", [RULE])
    assert (results[0].rule, results[0].result, results[0].source) == (RULE, "fail", "RFC 7606")
    good = explain(session, Family.IPV4, SAMPLES[0].key, SAMPLES[0].attributes)
    assert good[0].value == "accept"
    assert RULE not in {result.rule for result in good[2]}
