"""Topology files: what is wrong is told with file, line and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.lab.load import TopologyError, load, parse
from tests.topologies import SHIPPED, shipped

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
        ("link: loopback ", "link: wifi ", "link", "'loopback', 'netns' or 'auto'"),
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


@given(st.text(max_size=200))
def test_any_text_gives_faults_or_a_topology_and_nothing_else(text: str) -> None:
    with pytest.raises(TopologyError):
        parse(text)


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
    for path, words in ((tmp_path / "none.yaml", "no such file"), (tmp_path, "a directory"), (binary, "not UTF-8")):
        with pytest.raises(TopologyError, match=words) as caught:
            load(path)
        assert len(caught.value.faults) == 1
        assert str(path) in str(caught.value)


def test_an_md5_key_is_never_repeated_in_an_error() -> None:
    text, _ = changed("    kind: Exchange", f"    md5: {'s3cret' * 20}\n    kind: Exchange")
    (fault,) = faults(text)
    assert "md5" in fault
    assert "s3cret" not in fault


def test_yaml_1_2_leaves_words_and_numbers_alone() -> None:
    text, _ = changed("  metro: Ashburn", "  metro: no")
    assert parse(text).exchange.metro == "no"
