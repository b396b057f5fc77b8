"""RFC 6811 origin validation against its own definition, and the JSON of both validators."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netaddr import IPNetwork

from simulator.policy.data.reading import DataError
from simulator.policy.data.vrp import LeftOut, Validity, Vrp, VrpTable, read
from simulator.session.messages import Family
from simulator.wire import nlri
from tests.examples import examples
from tests.policy.support import V4, V6, key, vrps

RPKI_CLIENT = b"""{
    "metadata": {"buildmachine": "example", "vrps": 2},
    "roas": [
        { "asn": 64500, "prefix": "192.0.2.0/24", "maxLength": 24, "ta": "ripe", "expires": 1700000000 },
        { "asn": 64501, "prefix": "2001:db8::/32", "maxLength": 48, "ta": "apnic", "expires": 1700000000 }
    ],
    "bgpsec_keys": []
}"""
ROUTINATOR = b"""{
  "metadata": { "generated": 1626853335, "generatedTime": "2021-07-21T07:42:15Z" },
  "roas": [
    { "asn": "AS64500", "prefix": "192.0.2.0/24", "maxLength": 24, "ta": "ripe" },
    { "asn": "AS64501", "prefix": "2001:db8::/32", "maxLength": 48, "ta": "apnic" }
  ]
}"""


@pytest.mark.parametrize("text", [RPKI_CLIENT, ROUTINATOR])
def test_both_validators_files(text: bytes) -> None:
    table = read(text)
    assert table.count == 2
    assert table.validity(V4, key("192.0.2.0/24"), 64500) is Validity.VALID
    assert table.validity(V6, key("2001:db8:1::/48"), 64501) is Validity.VALID
    assert table.validity(V6, key("2001:db8:1::/49"), 64501) is Validity.INVALID
    assert table.covering(V4, key("192.0.2.0/25")) == [Vrp(V4, key("192.0.2.0/24"), 64500, 24)]


@pytest.mark.parametrize("family", Family)
def test_outcomes(family: Family) -> None:
    if family is V4:
        table = vrps(("20.0.0.0/16", 100, 20), ("20.0.0.0/16", 200, 16), ("20.0.128.0/17", 0, 32), ("0.0.0.0/0", 7, 0))
        exact, within, longest, beyond, zero, outside = (
            "20.0.0.0/16",
            "20.0.0.0/17",
            "20.0.0.0/20",
            "20.0.0.0/21",
            *(
                "20.0.128.0/24",
                "21.0.0.0/16",
            ),
        )
    else:
        table = vrps(("2a00::/32", 100, 36), ("2a00::/32", 200, 32), ("2a00:0:8000::/33", 0, 128), ("::/0", 7, 0))
        exact, within, longest, beyond, zero, outside = (
            "2a00::/32",
            "2a00::/33",
            "2a00::/36",
            "2a00::/37",
            *(
                "2a00:0:8000::/48",
                "2a01::/32",
            ),
        )
    for prefix, origin, expected in (
        (exact, 100, Validity.VALID),
        (exact, 200, Validity.VALID),
        (exact, 300, Validity.INVALID),
        (exact, None, Validity.INVALID),
        (exact, 0, Validity.INVALID),
        (within, 100, Validity.VALID),
        (within, 200, Validity.INVALID),
        (longest, 100, Validity.VALID),
        (beyond, 100, Validity.INVALID),
        (zero, 0, Validity.INVALID),
        (zero, 100, Validity.INVALID),
        (outside, 100, Validity.INVALID),  # the default route's VRP covers everything
        ("0.0.0.0/0" if family is V4 else "::/0", 7, Validity.VALID),
    ):
        assert table.validity(family, key(prefix), origin) is expected, (prefix, origin)
    other = V6 if family is V4 else V4
    assert (
        vrps(("2a00::/16" if other is V6 else "20.0.0.0/8", 1, 24)).validity(family, key(exact), 1)
        is Validity.NOT_FOUND
    )


def test_the_same_octets_of_the_other_family_are_another_prefix() -> None:
    table = vrps(("32.0.0.0/8", 1, 8))
    assert table.validity(V4, b"\x08\x20", 1) is Validity.VALID
    assert table.validity(V6, b"\x08\x20", 1) is Validity.NOT_FOUND


@st.composite
def prefixes(draw: st.DrawFn, family: Family) -> IPNetwork:
    """Near each other, so that one covers another now and then; at the lengths where lookups change their ways."""
    width = family.max_length
    length = draw(st.one_of(st.integers(0, width), st.sampled_from([0, 7, 8, 9, 15, 16, 17, 23, 24, 25, 32])))
    base = draw(st.sampled_from([0, 1 << (width - 1), 0x14 << (width - 8), (1 << width) - 1]))
    noise = draw(st.integers(0, 3)) << (width - draw(st.sampled_from([3, 8, 16, 22, 24, 32])))
    version = 4 if family is V4 else 6
    return IPNetwork((base ^ noise, length), version=version).cidr


@settings(max_examples=examples(400), deadline=None)
@given(data=st.data(), family=st.sampled_from(Family))
def test_validity_is_what_rfc_6811_says(data: st.DataObject, family: Family) -> None:
    asns = st.integers(0, 3)
    entries = [
        (network, data.draw(asns), data.draw(st.integers(network.prefixlen, family.max_length)))
        for network in data.draw(st.lists(prefixes(family), max_size=8))
    ]
    table = VrpTable((family, _key(network), asn, longest) for network, asn, longest in entries)
    routes = data.draw(st.lists(prefixes(family), min_size=1, max_size=6)) + [network for network, _, _ in entries]
    origin = data.draw(st.one_of(st.none(), asns))
    expected = {}
    for route in routes:
        covering = [entry for entry in entries if route in entry[0]]
        matched = [
            asn for network, asn, longest in covering if route.prefixlen <= longest and asn == origin and asn != 0
        ]
        expected[_key(route)] = Validity.NOT_FOUND if not covering else Validity.VALID if matched else Validity.INVALID
    assert {k: table.validity(family, k, origin) for k in expected} == expected
    found = dict(table.not_valid(family, list(expected), origin))
    assert found == {k: v for k, v in expected.items() if v is not Validity.VALID}
    assert table.count == len({(_key(network), asn, longest) for network, asn, longest in entries})


def _key(network: IPNetwork) -> bytes:
    return nlri.key(str(network))[1]


def roa(**changes: Any) -> bytes:
    entry = {"asn": 1, "prefix": "20.0.0.0/16", "maxLength": 24} | changes
    return json.dumps({"roas": [{"asn": 1, "prefix": "20.0.0.0/16"}, entry]}).encode()


def test_no_max_length_is_the_prefix_length() -> None:
    assert vrps(("20.0.0.0/16", 1, 16)).covering(V4, key("20.0.0.0/16"))[0].max_length == 16
    assert read(b'{"roas": [{"asn": 1, "prefix": "20.0.0.0/16"}]}').covering(V4, key("20.0.0.0/16"))[0].max_length == 16
    null = read(roa(maxLength=None))
    assert null.covering(V4, key("20.0.0.0/16"))[0].max_length == 16
    assert not null.left_out.count
    assert read(b'{"roas": []}').count == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not JSON \\(it is empty\\): the VRP JSON of rpki-client or Routinator"),
        (ROUTINATOR[:200], "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "there is no list 'roas'"),
        (b'{"roas": {}}', "there is no list 'roas'"),
        (b'{"roas": [5]}', "entry 1 of 'roas': 5 is not an object"),
        (b'{"roas": [5, 6]}', "entry 1 of 'roas': 5 is not an object"),
    ],
)
def test_a_broken_file_is_one_line(text: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (roa(prefix="20.0.0.0"), "entry 2 of 'roas': '20.0.0.0' is not a prefix"),
        (roa(prefix="20.0.0.0/33"), "'20.0.0.0/33' is not a prefix"),
        (roa(prefix="20.0.0.256/32"), "'20.0.0.256/32' is not a prefix"),
        (roa(prefix="2a00::%eth0/32"), "is not a prefix"),
        (roa(prefix="2a00::/129"), "is not a prefix"),
        (roa(prefix="20.0.0.1/16"), "'20.0.0.1/16' has host bits set"),
        (roa(prefix=None), "None is not a prefix"),
        (roa(maxLength=15), "maxLength 15 does not fit 20.0.0.0/16"),
        (roa(maxLength=33), "maxLength 33 does not fit"),
        (roa(maxLength="24"), "maxLength '24' does not fit"),
        (roa(maxLength=True), "maxLength True does not fit"),
        (roa(asn="ASX"), "'ASX' is not an ASN"),
        (roa(asn=-1), "-1 is not an ASN"),
        (roa(asn="AS4294967296"), "is not an ASN"),
        (roa(asn=True), "True is not an ASN"),
        (roa(asn=None), "None is not an ASN"),
    ],
)
def test_an_entry_that_is_no_vrp_is_left_out_and_told(text: bytes, words: str) -> None:
    found = read(text)
    assert (found.count, found.left_out.count) == (1, 1)
    assert re.search(words, str(found.left_out))
    assert str(found.left_out).startswith("entry 2 of 'roas': ")
    assert "\n" not in str(found.left_out)


def test_several_files_add_up() -> None:
    other = read(b'{"roas": [{"asn": 2, "prefix": "2a00::/32"}, 5, {"asn": 1, "prefix": "20.0.0.0/16"}]}')
    both = read(roa()).joined(other)
    assert both.count == 3
    assert both.validity(V4, key("20.0.0.0/16"), 1) is Validity.VALID
    assert both.validity(Family.IPV6, key("2a00::/32"), 2) is Validity.VALID
    assert both.left_out == LeftOut(1, "entry 2 of 'roas': 5 is not an object")
    assert str(both.left_out + both.left_out) == "entry 2 of 'roas': 5 is not an object, and 1 more: left out"
    assert str(read(roa()).left_out) == ""


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_refused(text: bytes) -> None:
    with contextlib.suppress(DataError):
        read(text)


@given(st.integers(0, len(ROUTINATOR.rstrip()) - 1))
def test_a_file_that_is_still_being_written_is_refused(length: int) -> None:
    with pytest.raises(DataError):
        read(ROUTINATOR[:length])
