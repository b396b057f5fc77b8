from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.framing import ProtocolError


@st.composite
def networks(draw: st.DrawFn) -> IPv4Network | IPv6Network:
    if draw(st.booleans()):
        return IPv4Network((draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 32))), strict=False)
    return IPv6Network((draw(st.integers(0, 2**128 - 1)), draw(st.integers(0, 128))), strict=False)


@st.composite
def raw_prefixes(draw: st.DrawFn, family: Family) -> bytes:
    """As a sloppy sender writes them: the bits beyond the length are anything."""
    bits = draw(st.integers(0, family.max_length))
    size = (bits + 7) // 8
    return bytes((bits,)) + draw(st.binary(min_size=size, max_size=size))


@given(networks())
def test_text_to_key_and_back(network: IPv4Network | IPv6Network) -> None:
    family, key = nlri.key(str(network))
    assert family is (Family.IPV4 if network.version == 4 else Family.IPV6)
    assert nlri.length(key) == network.prefixlen
    assert len(key) == 1 + (network.prefixlen + 7) // 8
    assert nlri.text(family, key) == str(network)
    assert nlri.split(key, family) == [key]


@settings(deadline=None)
@pytest.mark.parametrize("family", list(Family))
@given(data=st.data())
def test_split_gives_the_canonical_keys(family: Family, data: st.DataObject) -> None:
    raw = data.draw(st.lists(raw_prefixes(family), max_size=40))
    keys = nlri.split(b"".join(raw), family)
    assert nlri.count(b"".join(raw), family) == len(keys) == len(raw)
    for prefix, key in zip(raw, keys, strict=True):
        padded = prefix[1:].ljust(family.max_length // 8, b"\0")
        network = ip_network((padded, prefix[0]), strict=False)
        assert nlri.text(family, key) == str(network)
        assert nlri.key(str(network)) == (family, key)
    assert nlri.split(b"".join(keys), family) == keys


@pytest.mark.parametrize(
    ("prefix", "raw"),
    [
        ("0.0.0.0/0", "00"),
        ("192.0.2.0/24", "18c00002"),
        ("192.0.2.128/25", "19c0000280"),
        ("192.0.2.1/32", "20c0000201"),
        ("::/0", "00"),
        ("2001:db8::/32", "2020010db8"),
        ("2001:db8::/33", "2120010db800"),
        ("2001:db8::1/128", "8020010db8000000000000000000000001"),
    ],
)
def test_known_keys(prefix: str, raw: str) -> None:
    assert nlri.key(prefix)[1].hex() == raw


def test_stray_bits_are_cleared() -> None:
    assert nlri.split(bytes.fromhex("19c00002ff"), Family.IPV4) == [bytes.fromhex("19c0000280")]


@pytest.mark.parametrize(
    ("family", "raw", "reason"),
    [
        (Family.IPV4, "21c000020100", "length of 33 is beyond 32"),
        (Family.IPV4, "18c0000218c000", "cut short"),
        (Family.IPV4, "18", "cut short"),
        (Family.IPV6, "81" + "00" * 17, "length of 129 is beyond 128"),
        (Family.IPV6, "2020010db83020010db8", "cut short"),
        (Family.IPV6, "ff", "length of 255"),
    ],
)
def test_malformed_fields(family: Family, raw: str, reason: str) -> None:
    for function in (nlri.split, nlri.count):
        with pytest.raises(ProtocolError, match=reason) as caught:
            function(bytes.fromhex(raw), family)
        assert (caught.value.notification.code, caught.value.notification.subcode) == (3, 10)


@given(st.binary(max_size=200), st.sampled_from(list(Family)))
def test_random_octets_count_like_they_split(data: bytes, family: Family) -> None:
    try:
        expected = len(nlri.split(data, family))
    except ProtocolError:
        with pytest.raises(ProtocolError):
            nlri.count(data, family)
    else:
        assert nlri.count(data, family) == expected


def test_host_bits_are_refused_with_a_suggestion() -> None:
    with pytest.raises(ValueError, match=r"'192\.0\.2\.1/24' has host bits set: did you mean 192\.0\.2\.0/24\?"):
        nlri.key("192.0.2.1/24")
    with pytest.raises(ValueError, match=r"did you mean 2001:db8::/32\?"):
        nlri.key("2001:db8::1/32")


@pytest.mark.parametrize(
    "text",
    ["", "192.0.2.0", "192.0.2.0/33", "192.0.2/24", "192.0.2.0/255.255.255.0", "2001:db8::/129", "x/8", "fe80::%1/64"],
)
def test_what_is_no_prefix(text: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        nlri.key(text)


_PART = st.sampled_from(["0", "1", "01", "10", "128", "255", "256", "-1", "", " 1", "١"])
_SIZE = st.sampled_from(["0", "8", "08", "24", "31", "32", "33", "", "2 4"])


@settings(max_examples=400)
@given(st.lists(_PART, min_size=3, max_size=5), _SIZE)
def test_a_dotted_prefix_is_read_as_ipaddress_reads_it(parts: list[str], size: str) -> None:
    text = f"{'.'.join(parts)}/{size}"
    try:
        network: IPv4Network | None = IPv4Network(text)
    except ValueError:
        network = None
    try:
        found = nlri.key(text)
    except ValueError:
        assert network is None or not (size.isascii() and size.isdigit())
    else:
        assert network is not None
        assert found == (
            Family.IPV4,
            bytes((network.prefixlen,)) + network.network_address.packed[: (network.prefixlen + 7) // 8],
        )
