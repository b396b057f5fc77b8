"""Topology files: what is wrong is told with file, line and what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.azure.rest import documents
from simulator.azure.rest.errors import ArmError
from simulator.topology.load import TopologyError, load, parse
from tests.topologies import SHIPPED, document, shipped

TEXT = (SHIPPED / "exchange.yaml").read_text()


def faults(text: str) -> list[str]:
    with pytest.raises(TopologyError) as caught:
        parse(text, "lab.yaml")
    return [str(fault) for fault in caught.value.faults]


def changed(old: str, new: str) -> tuple[str, int]:
    """The shipped topology with one change, and the line that it is on."""
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new), TEXT[: TEXT.index(old)].count("\n") + 1


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_topology_is_valid(path: Path) -> None:
    assert load(path).name == path.stem


def test_what_a_topology_means() -> None:
    topology = shipped()
    (peering,) = topology.peerings
    assert [name for name, _ in topology.connections(peering)] == [
        "contoso-ashburn/ash-edge-1",
        "contoso-ashburn/ash-edge-2",
    ]
    assert topology.peer("contoso").router_kind == "simulated"
    assert str(topology.edge("ash-edge-1").identifier) == "206.126.236.17"


@pytest.mark.parametrize(
    ("old", "new", "where", "words"),
    [
        (
            "    ipv4: 206.126.239.200",
            "    ipv4: 10.0.0.1",
            "peers[0].ipv4",
            "outside the exchange LAN 206.126.236.0/22",
        ),
        (
            "    ipv4: 206.126.239.200",
            "    ipv4: 206.126.236.17",
            "peers[0].ipv4",
            "already the address of 'ash-edge-1'",
        ),
        ("    ipv4: 206.126.239.200", "    ipv4: 206.126.239.255", "peers[0].ipv4", "broadcast address"),
        ("    ipv4: 206.126.239.200", "    ipv4: 206.126.236.300", "peers[0].ipv4", "'206.126.236.300'"),
        ("    asn: 64496 ", "    asn: 0 ", "peers[0].asn", "greater than or equal to 1"),
        ("    asn: 64496 ", "    asn: 8075 ", "peers[0].asn", "Microsoft's own"),
        (
            "    router: simulated",
            "    router: junos",
            "peers[0].router",
            "no router 'junos' (there are: simulated, bird",
        ),
        ("    router: simulated", "    router: bird", "peers[0].router", "use link: netns"),
        ("    router: simulated", "    routr: simulated", "peers[0].routr", "there is no such key"),
        ("    peer: contoso\n", "    peer: fabrikam\n", "peerings[0].peer", "no peer 'fabrikam' (there are: contoso)"),
        ("link: loopback ", "link: wifi ", "link", "'loopback', 'netns', 'interface' or 'auto'"),
        ("  profile: exchange\n", "  profile: metro\n", "policy.profile", "no policy profile 'metro'"),
        (
            "    bogon-prefix: {documentation: false}",
            "    bogon-prefix: {documentation: 3}",
            "policy.rules.bogon-prefix",
            "'documentation' is bool",
        ),
        ("    bogon-asn: {", "    bogon-asm: {", "policy.rules.bogon-asm", "has no rule 'bogon-asm'"),
        (
            "      - route 203.0.113.0/24 next-hop self",
            "      - route 203.0.113.0/33 next-hop self",
            "peers[0].announce[1]",
            "/33",
        ),
        (
            "    kind: Exchange",
            "    connections: []\n    kind: Exchange",
            "peerings[0].connections",
            "needs a connection",
        ),
        (
            "    kind: Exchange",
            "    connections: [{edge: ash-edge-1}, {edge: ash-edge-1, id: two}]\n    kind: Exchange",
            "peerings[0].connections[1]",
            "duplicate connection",
        ),
        (
            "    kind: Exchange",
            "    connections: [{edge: nowhere}]\n    kind: Exchange",
            "connections[0].edge",
            "no edge",
        ),
    ],
)
def test_one_mistake_is_one_line_with_its_place(old: str, new: str, where: str, words: str) -> None:
    text, line = changed(old, new)
    (fault,) = faults(text)
    assert fault.startswith(f"lab.yaml:{line}: ")
    assert where in fault
    assert words in fault
    assert "\n" not in fault


DIRECT = (SHIPPED / "direct.yaml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "where", "words"),
    [
        (
            "ipv4: 198.51.100.0/31",
            "ipv4: 198.51.100.64/29",
            "[0].ipv4",
            "Invalid Prefix: 198.51.100.64/29, must be either",
        ),
        ("ipv4: 198.51.100.0/31", "ipv4: 198.51.100.1/32", "[0].ipv4", "must be either /30 or /31"),
        ("ipv4: 198.51.100.4/30", "ipv4: 198.51.100.5/30", "[1].ipv4", "'198.51.100.5/30'"),
        ("ipv6: 2001:db8:0:2::4/126", "ipv6: 2001:db8:0:2::/64", "[1].ipv6", "must be either /126 or /127"),
        ("ipv4: 198.51.100.4/30", "ipv4: 198.51.100.0/30", "[1].ipv4", "overlaps with the connection to 'sea-edge-1'"),
        ("ipv6: 2001:db8:0:2::4/126", "family: 4", "connections[1].family", "there is no such key"),
        ("ipv6: 2001:db8:0:2::4/126", "families: []", "connections[1].families", "at least one of IPv4 and IPv6"),
        ("ipv6: 2001:db8:0:2::4/126", "families: [IPv6]", "connections[1]", "IPv6"),
        ("bandwidth: 10000  #", "bandwidth: 15000  #", "[0].bandwidth", "multiple of 10000"),
        ("bandwidth: 10000  #", "bandwidth: 0  #", "[0].bandwidth", "greater than or equal to 10000"),
        (
            "session-address-provider: Peer",
            "session-address-provider: Default",
            "[0].session-address-provider",
            "'Peer'",
        ),
        ("bandwidth: 10000  #", "halves: swapped  #", "[0].halves", "'recorded' or 'faq'"),
        ("bandwidth: 10000  #", "jitter: 3  #", "[0].jitter", "more than the latency of 0 ms"),
        ("bandwidth: 10000  #", "loss: 101  #", "[0].loss", "less than or equal to 100"),
        ("bandwidth: 10000  #", "mtu: 500  #", "[0].mtu", "greater than or equal to 1280"),
        ("    kind: Direct\n", "", "peerings[0]", "needs the `exchange` section; or is it kind: Direct?"),
        ("    kind: Direct\n", "    kind: Direct\n    profile: metro\n", "peerings[0].profile", "no policy profile"),
        ("    kind: Direct\n", "    kind: Direct\n    peer-side: {halves: faq}\n", "peer-side.halves", "link: netns"),
        ("    router-id: 192.0.2.1\n", "    ipv4: 192.0.2.1\n", "peers[0].ipv4", "is on no exchange"),
        ("    router-id: 192.0.2.1\n", "    latency: 3\n", "peers[0]", "no interface on the exchange LAN"),
        ("    bogon-asn: {", "    exchange-lan: {", "policy.rules.exchange-lan", "profile 'direct' has no rule"),
    ],
)
def test_a_mistake_in_a_direct_peering_is_one_line_with_its_place(old: str, new: str, where: str, words: str) -> None:
    assert DIRECT.count(old) == 1, old
    (fault,) = faults(DIRECT.replace(old, new))
    assert fault.startswith("lab.yaml:")
    assert where in fault
    assert words in fault
    assert "\n" not in fault


def test_a_direct_peering_needs_connections_with_prefixes() -> None:
    head = DIRECT[: DIRECT.index("    # Microsoft asks for two")]
    (fault,) = faults(head)
    assert fault.endswith("a Direct peering needs `connections`: each an edge and its prefixes")
    (fault,) = faults(head + "    connections: [{edge: sea-edge-1}, {edge: sea-edge-2, ipv4: 198.51.100.0/31}]\n")
    assert "connections[0]: the connection to 'sea-edge-1' has no prefix" in fault
    only_six = (
        "    connections: [{edge: sea-edge-1, ipv6: '2001:db8::/127'}, {edge: sea-edge-2, ipv4: 198.51.100.0/31}]\n"
    )
    (peering,) = parse(head + only_six).peerings
    assert [[f.label for f in peering.families_of(c)] for c in peering.connections or ()] == [["IPv6"], ["IPv4"]]
    asked = faults(head + only_six + "    families: [IPv4, IPv6]\n")
    assert ["has no IPv4 prefix" in asked[0], "has no IPv6 prefix" in asked[1]] == [True, True]


def test_a_node_that_nothing_leads_to_is_told_once_the_rest_is_right() -> None:
    first = DIRECT.index("      # In a /30")
    (fault,) = faults(DIRECT[:first] + DIRECT[DIRECT.index("    max-prefixes:") :])
    assert "edges[1]: 'sea-edge-2' has no address on an exchange LAN and no Direct connection" in fault


def test_a_prefix_on_the_exchange_lan_is_taken_and_an_exchange_connection_has_none() -> None:
    link = "\n  - name: private\n    kind: Direct\n    peer: contoso\n    connections: [{edge: ash-edge-1, ipv4: %s}]\n"
    text, _ = changed("    expect: {state: Active, accepted: 3, accepted-ipv6: 2}\n", link % "206.126.237.0/31")
    (fault,) = faults(text)
    assert "206.126.237.0/31 overlaps with the exchange LAN's 206.126.236.0/22" in fault
    text, _ = changed(
        "    kind: Exchange", "    connections: [{edge: ash-edge-1, bandwidth: 10000}]\n    kind: Exchange"
    )
    (fault,) = faults(text)
    assert "peerings[0].connections[0]: bandwidth: only a Direct connection has that" in fault


def test_all_mistakes_are_told_at_once() -> None:
    text = TEXT.replace("    ipv4: 206.126.236.17", "    ipv4: 1.1.1.1").replace(
        "    ipv4: 206.126.236.148", "    ipv4: 2.2.2.2"
    )
    assert [fault.partition(": ")[0] for fault in faults(text)] == ["lab.yaml:30", "lab.yaml:33"]


def test_duplicate_names_and_missing_families() -> None:
    text = TEXT.replace("  - name: ash-edge-2", "  - name: ash-edge-1")
    assert any("already used" in fault for fault in faults(text))
    text = TEXT.replace("    ipv6: 2001:504:0:2:0:6:4496:1\n", "")
    assert all("no IPv6 address for the IPv6 session" in fault for fault in faults(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a topology is a mapping"),
        ("- a\n- b\n", "a topology is a mapping"),
        ("name: [\n", "YAML: "),
        ("name: x\nname: y\n", "lab.yaml:2: YAML: "),
        ("name: 'x", "YAML: "),
        ("a: &a [*a]\n", "lab.yaml"),
        ("\x00", "YAML: "),
        ("%YAML 9.9\n---\nname: x\n", "lab.yaml"),
    ],
)
def test_what_is_no_topology_at_all(text: str, words: str) -> None:
    assert words in faults(text)[0]
    assert all("\n" not in fault for fault in faults(text))


MAPPING = "a mapping of keys (key: value) is wanted"


@pytest.mark.parametrize(
    "key", ["exchange", "microsoft", "policy", "times", "checks", "webhook", "edges", "peers", "peerings"]
)
@pytest.mark.parametrize("value", [1, "word", [[1]], {"a": 1}])
def test_a_value_of_another_shape_is_told_in_the_words_of_the_file(key: str, value: object) -> None:
    found = document() | {key: value}
    with pytest.raises(TopologyError) as caught:
        parse(json.dumps(found))
    texts = [str(fault) for fault in caught.value.faults]
    assert texts
    assert not [text for text in texts if "dictionary" in text or "instance" in text or "valid list" in text]


def test_what_is_wanted_in_place_of_another_shape() -> None:
    for key, value, words in (("times", 1, MAPPING), ("peers", 1, "a list is wanted"), ("peers", [1], MAPPING)):
        with pytest.raises(TopologyError, match=re.escape(words)):
            parse(json.dumps(document() | {key: value}))


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_faults_or_a_topology_and_nothing_else(text: str) -> None:
    with pytest.raises(TopologyError):
        parse(text)


@settings(deadline=None)
@given(
    st.integers(0, len(TEXT) - 1),
    st.sampled_from(["", ":", "[", "}", "\t", "-", "!!python/object:os.system", "\x7f", "é"]),
)
def test_a_damaged_topology_never_raises_anything_else(at: int, inserted: str) -> None:
    try:
        parse(TEXT[:at] + inserted + TEXT[at + 1 :], "damaged.yaml")
    except TopologyError as error:
        assert all(str(fault).startswith("damaged.yaml") for fault in error.faults)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    cases = (
        (tmp_path / "none.yaml", "no such file"),
        (tmp_path / "exchange", "no such file: 'turnup topologies copy exchange' puts the shipped one here"),
        (tmp_path, "a directory"),
        (binary, "not UTF-8"),
    )
    for path, words in cases:
        with pytest.raises(TopologyError, match=words) as caught:
            load(path)
        assert len(caught.value.faults) == 1
        assert str(path) in str(caught.value)


def test_an_md5_key_is_never_repeated_in_an_error() -> None:
    text, _ = changed("    kind: Exchange", f"    md5: {'s3cret' * 20}\n    kind: Exchange")
    (fault,) = faults(text)
    assert "md5" in fault
    assert "s3cret" not in fault


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("s3cret" * 13 + "12", ""),
        ("s3cret" * 13 + "123", "is 81 octets long"),
        ("é" * 41, "is 82 octets long"),
        ("café", "printable ASCII"),
        ("two words", "printable ASCII"),
        ("tab\there", "printable ASCII"),
        ("\x7f", "printable ASCII"),
        ("!~", ""),
        ("", ""),
    ],
)
@pytest.mark.parametrize("where", ["peering", "peer-side", "customer"])
def test_an_md5_key_is_what_the_api_takes_for_one(where: str, key: str, words: str) -> None:
    """One rule, by octets, wherever a key is written (RFC 2385 §4.5)."""
    found = document("route-server")
    peering, customer = found["peerings"][0], found["customers"][0]
    peering["peer-side"] = {}
    {"peering": peering, "peer-side": peering["peer-side"], "customer": customer}[where]["md5"] = key
    text = json.dumps(found)
    if not words:
        parse(text)
        documents.read(documents.BgpSessionDocument, {"md5AuthenticationKey": key})
        return
    (fault,) = faults(text)
    assert words in fault
    with pytest.raises(ArmError, match=words):
        documents.read(documents.BgpSessionDocument, {"md5AuthenticationKey": key})


def test_yaml_1_2_leaves_words_and_numbers_alone() -> None:
    text, _ = changed("  metro: Ashburn", "  metro: no")
    exchange = parse(text).exchange
    assert exchange is not None
    assert exchange.metro == "no"
