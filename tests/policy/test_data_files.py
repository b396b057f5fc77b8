"""bgpq4's lists, registered prefixes and ASNs, PeeringDB's counts: as their tools write them, and broken."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netaddr import IPNetwork

from simulator.policy.data import irr, peeringdb, registered
from simulator.policy.data.peeringdb import PrefixCounts
from simulator.policy.data.reading import DataError
from simulator.session.messages import Family
from simulator.wire import nlri
from tests.examples import examples
from tests.policy.support import V4, V6, irr_lists, key

BGPQ4 = rb"""{ "NN": [
    { "prefix": "192.0.2.0\/24", "exact": true },
    { "prefix": "198.51.100.0\/22", "exact": false,
      "greater-equal": 24,
      "less-equal": 24 },
    { "prefix": "203.0.112.0\/23", "exact": false, "less-equal": 24 }
] }"""


def test_a_list_as_bgpq4_writes_it() -> None:
    allowed = irr.read(BGPQ4).allowed_prefixes(1)
    assert allowed is not None
    for prefix, expected in (
        ("192.0.2.0/24", True),
        ("192.0.2.0/25", False),
        ("198.51.100.0/22", False),
        ("198.51.101.0/24", True),
        ("198.51.100.0/23", False),
        ("203.0.112.0/23", True),
        ("203.0.113.0/24", True),
        ("203.0.113.0/25", False),
        ("203.0.114.0/24", False),
    ):
        assert allowed.allows(V4, key(prefix)) is expected, prefix
    assert not allowed.allows(V6, key("2a00::/32"))


def test_a_list_named_after_an_asn_is_for_that_peer() -> None:
    one, two, everybody = "20.1.0.0/16", "20.2.0.0/16", "20.3.0.0/16"
    lists = irr_lists(
        AS64496=[{"prefix": one, "exact": True}],
        **{"AS64497-v4": [{"prefix": two, "exact": True}], "shared": [{"prefix": everybody, "exact": True}]},
    )
    for peer, expected in (
        (64496, {one, everybody}),
        (64497, {two, everybody}),
        (6449, {everybody}),
        (None, {everybody}),
    ):
        allowed = lists.allowed_prefixes(peer)
        assert allowed is not None
        assert {prefix for prefix in (one, two, everybody) if allowed.allows(V4, key(prefix))} == expected


def test_a_peer_that_no_list_is_for_may_announce_nothing() -> None:
    lists = irr_lists(AS64496=[{"prefix": "20.1.0.0/16", "exact": True}], AS64496_origins=[64496])
    allowed = lists.allowed_prefixes(64497)
    assert allowed is not None and not allowed.allows(V4, key("20.1.0.0/16"))
    assert lists.allowed_origins(64497) == frozenset()
    assert lists.allowed_origins(64496) == frozenset({64496})


def test_prefixes_and_origins_are_apart() -> None:
    assert irr_lists(NN=[64496, 64497]).allowed_prefixes(1) is None
    assert irr_lists(NN=[64496, 64497]).allowed_origins(1) == frozenset({64496, 64497})
    assert irr.read(BGPQ4).allowed_origins(1) is None
    assert irr_lists(NN=[]).allowed_prefixes(1) is not None, "bgpq4 found nothing: nothing is allowed"


def test_files_of_both_families_are_joined() -> None:
    ipv4, ipv6 = irr_lists(NN=[{"prefix": "20.0.0.0/16", "exact": True}]), irr_lists(NN=[{"prefix": "2a00::/32"}])
    joined = ipv4.joined(ipv6).joined(irr_lists(origins=[1])).joined(irr_lists(origins=[2]))
    allowed = joined.allowed_prefixes(1)
    assert allowed is not None
    assert allowed.allows(V4, key("20.0.0.0/16")) and allowed.allows(V6, key("2a00::/32"))
    assert joined.allowed_origins(1) == frozenset({1, 2})


def test_an_empty_list_is_of_the_kind_that_another_file_s_list_of_its_name_is() -> None:
    origins, nothing = irr_lists(NN=[1]), irr_lists(NN=[])
    for joined in (origins.joined(nothing), nothing.joined(origins)):
        assert joined.allowed_prefixes(1) is None and joined.allowed_origins(1) == frozenset({1})


@settings(max_examples=examples(200), deadline=None)
@given(data=st.data(), family=st.sampled_from(Family))
def test_allowed_is_what_some_entry_allows(data: st.DataObject, family: Family) -> None:
    width, version = family.max_length, 4 if family is V4 else 6

    def network() -> IPNetwork:
        value = data.draw(st.sampled_from([0x14 << (width - 8), 0x15 << (width - 8)]))
        value ^= data.draw(st.integers(0, 15)) << (width - 20)
        return IPNetwork((value, data.draw(st.integers(6, 24))), version=version).cidr

    entries: list[tuple[IPNetwork, int, int]] = []
    for _ in range(data.draw(st.integers(0, 6))):
        member = network()
        low = data.draw(st.integers(member.prefixlen, 26))
        entries.append((member, low, data.draw(st.integers(low, 28))))
    written = [
        {"prefix": nlri.text(*nlri.key(str(member))), "exact": False, "greater-equal": low, "less-equal": high}
        for member, low, high in entries
    ]
    allowed = irr_lists(NN=written).allowed_prefixes(None)
    assert allowed is not None
    for probe in [network() for _ in range(5)] + [member for member, _, _ in entries]:
        expected = any(probe in member and low <= probe.prefixlen <= high for member, low, high in entries)
        assert allowed.allows(family, nlri.key(str(probe))[1]) is expected


REGISTERED = [
    b"192.0.2.0/24\n# a comment\n\n2001:db8::/32  # another\n",
    b'["192.0.2.0/24", "2001:db8::/32"]',
    b'[{"prefix": "192.0.2.0/24"}, {"prefix": "2001:db8::/32"}]',
    b'{"value": [{"properties": {"prefix": "192.0.2.0/24"}}, {"properties": {"prefix": "2001:db8::/32"}}]}',
]


@pytest.mark.parametrize("text", REGISTERED)
def test_registered_prefixes(text: bytes) -> None:
    found = registered.read_prefixes(text)
    assert found.covers(V4, key("192.0.2.0/24")) and found.covers(V4, key("192.0.2.128/25"))
    assert not found.covers(V4, key("192.0.2.0/23"))
    for encoding in ("utf-8-sig", "utf-16"):
        again = registered.read_prefixes(text.decode().encode(encoding))
        assert again.covers(V4, key("192.0.2.0/24")) and again.covers(V6, key("2001:db8:1::/48"))
    assert found.covers(V6, key("2001:db8:1::/48")) and not found.covers(V6, key("2001:db9::/32"))


@pytest.mark.parametrize(
    "text",
    [
        b"64496\nAS64497\n",
        b'[64496, "AS64497"]',
        b'[{"asn": 64496}, {"asn": 64497}]',
        b'{"value": [{"name": "a", "properties": {"asn": 64496}}, {"properties": {"asn": 64497}}]}',
    ],
)
def test_registered_asns(text: bytes) -> None:
    assert registered.read_asns(text) == {64496, 64497}


def test_an_empty_list_registers_nothing() -> None:
    assert registered.read_asns(b"") == registered.read_asns(b"[]") == frozenset()
    assert not registered.read_prefixes(b"# none yet\n").covers(V4, key("192.0.2.0/24"))


def test_peeringdb_counts() -> None:
    record = {"id": 1, "asn": 64496, "info_prefixes4": 50, "info_prefixes6": None, "name": "Contoso"}
    expected = {64496: PrefixCounts(50, 0)}
    for document in (record, [record], {"data": [record], "meta": {}}):
        assert peeringdb.read(json.dumps(document).encode()) == expected
    assert expected[64496].of(V4) == 50 and expected[64496].of(V6) == 0


PREFIXES, ASNS = registered.read_prefixes, registered.read_asns


@pytest.mark.parametrize(
    ("reader", "text", "words"),
    [
        (irr.read, b"", "not JSON \\(it is empty\\): the output of bgpq4 -j"),
        (irr.read, BGPQ4[:60], "not JSON"),
        (irr.read, b"[]", "there is no list in it"),
        (irr.read, b"{}", "there is no list in it"),
        (irr.read, b'{"NN": 5}', "'NN' is not a list"),
        (irr.read, b'{"NN": [{"prefix": "x"}]}', "entry 1 of 'NN': 'x' is not a prefix"),
        (irr.read, b'{"NN": [{"prefix": "20.0.0.0/16"}, 7]}', "entry 2 of 'NN': 7 is not an object"),
        (irr.read, b'{"NN": [7, {}]}', "entry 2 of 'NN': {} is not an ASN"),
        (irr.read, b'{"NN": [{"prefix": "20.0.0.0/16", "less-equal": 15}]}', "lengths 16 to 15 do not fit 20.0.0.0/16"),
        (irr.read, b'{"NN": [{"prefix": "20.0.0.0/16", "less-equal": 33}]}', "lengths 16 to 33 do not fit"),
        (irr.read, b'{"NN": [{"prefix": "20.0.0.0/16", "greater-equal": 8}]}', "lengths 8 to 32 do not fit"),
        (irr.read, b'{"NN": [{"prefix": "20.0.0.0/16", "exact": false, "less-equal": "24"}]}', "do not fit"),
        (PREFIXES, b"192.0.2.1/24", "entry 1: '192.0.2.1/24' has host bits set"),
        (PREFIXES, b"{}", "there is no list in it"),
        (PREFIXES, b'["192.0.2.0/24"', "not JSON"),
        (PREFIXES, b"\xff\xfe\xff", "neither JSON nor text"),
        (irr.read, gzip.compress(BGPQ4), "not JSON \\(it is packed: unpack it\\)"),
        (irr.read, b"\xfb\xfb", "not JSON \\(it is no text\\)"),
        (PREFIXES, b'[{"properties": 5}]', "entry 1: 5 is not a prefix"),
        (ASNS, b"64496\nAS", "entry 2: 'AS' is not an ASN"),
        (ASNS, b'[{"asn": null}]', "entry 1: None is not an ASN"),
        (peeringdb.read, b"[]", "there is no record in it"),
        (peeringdb.read, b"5", "there is no record in it"),
        (peeringdb.read, b'[{"asn": 1, "info_prefixes4": -1}]', "record 1: info_prefixes4 is -1, not a number"),
        (peeringdb.read, b'{"data": [7]}', "record 1: 7 is not an object"),
        (peeringdb.read, b'{"data": [{}]}', "record 1: None is not an ASN"),
    ],
)
def test_a_broken_file_is_one_line(reader: Callable[[bytes], Any], text: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        reader(text)
    assert "\n" not in str(caught.value)


@given(text=st.binary(max_size=120), reader=st.sampled_from([irr.read, PREFIXES, ASNS, peeringdb.read]))
def test_any_octets_are_read_or_refused(text: bytes, reader: Callable[[bytes], Any]) -> None:
    with contextlib.suppress(DataError):
        reader(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "value", "properties", "prefix", "asn", "NN", "exact"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(document=JSON, reader=st.sampled_from([irr.read, PREFIXES, ASNS, peeringdb.read]))
def test_any_json_is_read_or_refused(document: Any, reader: Callable[[bytes], Any]) -> None:
    with contextlib.suppress(DataError):
        reader(json.dumps(document).encode())
