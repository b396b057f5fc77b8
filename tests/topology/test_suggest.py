"""A wrong word is answered with the one that was meant, with file and line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.topology.faults import keys_at
from simulator.topology.load import TopologyError, parse
from simulator.topology.schema import Topology
from simulator.topology.suggest import address_meant, asn_meant, choose, did_you_mean, in_route, prefix_meant
from tests.topologies import SHIPPED

TEXT = (SHIPPED / "exchange.yaml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "where", "words"),
    [
        ("asn: 64496 ", "asn: AS64496 ", "peers[0].asn", "AS64496 is not an ASN: did you mean 64496?"),
        ("asn: 64496 ", "asn: as64496 ", "peers[0].asn", "did you mean 64496?"),
        ("asn: 64496 ", "asn: 1.10 ", "peers[0].asn", "1.10 is not an ASN: did you mean 65546?"),
        ("asn: 64496 ", "asn: 1.0 ", "peers[0].asn", "1.0 is not an ASN: did you mean 65536?"),
        ("asn: 64496 ", "asn: AS1.10 ", "peers[0].asn", "did you mean 65546?"),
        ("asn: 64496 ", "asn: true ", "peers[0].asn", "True is not an ASN: an integer from 1"),
        ("asn: 64496 ", "asn: 64496.5 ", "peers[0].asn", "64496.5 is not an ASN"),
        ("[192.0.2.0/24,", "[192.0.2.1/24,", "announce[0].prefixes[0]", "did you mean 192.0.2.0/24?"),
        ('"2001:db8::/32"]', '"2001:db8::1/32"]', "announce[0].prefixes[2]", "did you mean 2001:db8::/32?"),
        ("206.126.236.0/22", "206.126.236.17/22", "exchange.lan.ipv4", "did you mean 206.126.236.0/22?"),
        ("ipv4: 206.126.236.17", "ipv4: 206.126.236.17/22", "edges[0].ipv4", "did you mean 206.126.236.17?"),
        ("ipv4: 206.126.236.17", "ipv4: nowhere", "edges[0].ipv4", "'nowhere' is not an IPv4 address"),
        ("link: loopback", "link: lopback", "link", "did you mean 'loopback'?"),
        ("router: simulated", "router: simulatd", "peers[0].router", "no router 'simulatd': did you mean 'simulated'?"),
        ("router: simulated", "router: {kind: bird, confg: x}", "peers[0].router.confg", "did you mean 'config'?"),
        ("router: simulated", "router: {kind: external, format: jnos}", "router.format", "did you mean 'junos'?"),
        ("peer: contoso", "peer: contos", "peerings[0].peer", "no peer 'contos': did you mean 'contoso'?"),
        ("    max-prefixes:", "    maxprefixes:", "peerings[0].maxprefixes", "did you mean 'max-prefixes'?"),
        ("state: Active,", "state: active,", "expect.state", "did you mean 'Active'?"),
        ("- prefixes: [192", "- prefix: [192", "peers[0].announce[0].prefix", "did you mean 'prefixes'?"),
        ("profile: exchange", "profile: exchnge", "policy.profile", "did you mean 'exchange'?"),
        ("bogon-prefix:", "bogon-prefx:", "policy.rules.bogon-prefx", "did you mean 'bogon-prefix'?"),
        (
            "{documentation: false}",
            "{documentatoin: false}",
            "bogon-prefix.documentatoin",
            "did you mean 'documentation'?",
        ),
        ("bogon-prefix: {documentation: false}", "transit-free-asn: {asns: [AS174]}", "asns", "did you mean 174?"),
        ("route 203.0.113.0/24", "route 203.0.113.1/24", "announce[1]", "did you mean 203.0.113.0/24?"),
        ("route 203.0.113.0/24", "rout 203.0.113.0/24", "announce[1]", "did you mean 'route'?"),
        ("[ 64500 ] community", "[ AS64500 ] community", "announce[1]", "did you mean 64500?"),
        (" community [", " comunity [", "announce[1]", "did you mean 'community'?"),
        ("203.0.113.0/24 next-hop", "203.0.113.0/24 nexthop", "announce[1]", "did you mean 'next-hop'?"),
    ],
)
def test_what_was_meant_is_said_in_one_line_with_its_place(old: str, new: str, where: str, words: str) -> None:
    assert old in TEXT, old
    text = TEXT.replace(old, new, 1)
    line = next(n for n, (a, b) in enumerate(zip(TEXT.splitlines(), text.splitlines(), strict=True), 1) if a != b)
    with pytest.raises(TopologyError) as caught:
        parse(text, "lab.yaml")
    (fault,) = caught.value.faults
    assert (fault.file, fault.line) == ("lab.yaml", line)
    assert where in fault.where
    assert words in fault.text
    assert "\n" not in str(fault)


KEYS = sorted({(name, field.alias or name) for name, field in Topology.model_fields.items()})


@pytest.mark.parametrize("key", [key for _, key in KEYS])
def test_every_misspelt_key_of_the_file_is_known_again(key: str) -> None:
    for wrong in (key[:-1], key[0] + key, key.upper(), key.replace("e", "", 1) + "x"):
        if wrong != key:
            assert key in did_you_mean(wrong, keys_at(())) or wrong in keys_at(()), wrong


@pytest.mark.parametrize(
    ("text", "asn"),
    [
        ("AS64496", 64496),
        ("as 64496", 64496),
        ("1.10", 65546),
        ("AS65535.65535", 4294967295),
        ("64496", None),
        ("65536.1", None),
        ("AS99999999999", None),
        ("AS4294967296", None),
        ("ASx", None),
        ("", None),
    ],
)
def test_an_asn_in_another_notation(text: str, asn: int | None) -> None:
    assert asn_meant(text) == asn


def test_prefixes_and_addresses_of_the_right_version_alone() -> None:
    assert (prefix_meant("192.0.2.1/24"), prefix_meant("192.0.2.1/24", 6)) == ("192.0.2.0/24", None)
    assert (prefix_meant("192.0.2.0/24"), prefix_meant("x"), prefix_meant("192.0.2.1/33")) == (None, None, None)
    assert (address_meant("192.0.2.1/24"), address_meant("192.0.2.1"), address_meant("2001:db8::1/64", 4)) == (
        "192.0.2.1",
        None,
        None,
    )


@given(st.text(max_size=80))
def test_any_text_has_a_hint_or_none(text: str) -> None:
    asn_meant(text)
    prefix_meant(text)
    address_meant(text)
    in_route(text)
    did_you_mean(text, ["name", "link"])


def test_of_very_many_names_a_few_are_shown() -> None:
    many = [f"peer-{number}" for number in range(10_000)]
    told = choose("peer", "pear", many)
    assert len(told) < 300
    assert told.endswith("and 9988 more)")
