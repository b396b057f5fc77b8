"""Fault files: each that comes with turnup is sound and can be made; errors have their file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.diagnosis.causes import BY_ID
from simulator.faults.cell import breaches_of
from simulator.faults.lab import FaultError, build, build_on, healthy
from simulator.faults.load import FaultFileError, load, parse, shipped
from simulator.faults.matrix import BASES
from simulator.faults.schema import FAMILIES, ROUTERS, RehearsedFault, RouterChange
from simulator.routers.registry import ROUTERS as ADAPTERS
from simulator.topology.document import read
from simulator.topology.originate import announcements
from simulator.wire import nlri

SHIPPED = Path(__file__).parents[2] / "simulator" / "topologies"

FAULTS = {name: load(name) for name in shipped()}


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_comes_with_turnup_applies_somewhere_and_names_the_side_of_its_cause(name: str) -> None:
    fault = FAULTS[name]
    applies = [(r, f) for r in ROUTERS for f in FAMILIES if not fault.inapplicable(r, f)]
    assert applies
    for router, _ in applies:
        for expected in fault.expected(router).causes:
            if expected.cause in BY_ID:
                assert BY_ID[expected.cause].side.value == expected.side


@pytest.mark.parametrize("router", ROUTERS)
@pytest.mark.parametrize("name", FAULTS)
def test_it_can_be_made_with_every_router_that_it_applies_to(name: str, router: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    for family in FAMILIES:
        breaches = breaches_of(fault, family)
        if any(breach.fault.inapplicable(router, breach.family) for breach in breaches):
            continue
        if fault.inapplicable(router, family):
            continue
        sound = healthy(breaches[0].fault.base, router, tmp_path)
        try:
            lab = build(breaches, breaches[0].fault.base, router, tmp_path)
        except FaultFileError as error:
            assert fault.expect.refused, error
            continue
        altered = any(breach.fault.change(router) != RouterChange() for breach in breaches)
        patches = any(breach.fault.patch for breach in breaches)
        assert altered or patches or lab.actions or lab.spoken or lab.topology != sound.topology


@pytest.mark.parametrize("base", BASES)
def test_the_base_is_made_with_every_router(base: str, tmp_path: Path) -> None:
    for router in BASES[base]:
        assert healthy(base, router, tmp_path).topology.peers[0].router_kind in (router, "route-server")
        assert router in ADAPTERS


def test_a_wrong_file_is_told_with_file_and_line(tmp_path: Path) -> None:
    path = write(
        tmp_path / "mine.yaml",
        "name: mine",
        "title: it is wrong",
        "side: nobody",
        "router: {remote-ass: 5}",
        "expect:",
        "  causes: [{cause: shutdown, side: peer}]",
    )
    with pytest.raises(FaultFileError) as caught:
        parse(path)
    lines = [str(fault) for fault in caught.value.faults]
    assert [line.split(":")[1] for line in lines] == ["3", "4", "6"]
    assert "did you mean 'remote-as'?" in lines[1]
    assert "there is no cause 'shutdown'" in lines[2]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["name: other", "title: x", "side: peer", "expect: {refused: x}"], ":1: name: its file is called mine"),
        (["name: mine", "title: x", "side: peer"], "name a cause, or what is refused"),
        (["name: mine", "title: x", "side: peer", "expect: {refused: '('}"], ":4: expect.refused: this is no regular"),
        (["name: mine", "title: x", "side: peer", "patch: {brid: []}", "expect: {refused: x}"], "did you mean 'bird'?"),
        (["- name: mine"], ":1: a fault is a mapping"),
        (["name: [mine"], ":"),
    ],
)
def test_what_is_wrong_is_said(lines: list[str], words: str, tmp_path: Path) -> None:
    with pytest.raises(FaultFileError) as caught:
        load(str(write(tmp_path / "mine.yaml", *lines)))
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_name_that_is_none_is_told_with_what_was_meant() -> None:
    with pytest.raises(FaultFileError, match="did you mean 'md5-wrong'"):
        load("md5-worng")


def test_a_change_that_finds_nothing_is_an_error(tmp_path: Path) -> None:
    document = {
        "name": "mine",
        "title": "x",
        "side": "peer",
        "patch": {"bird": [{"find": "no such line", "put": ""}]},
        "expect": {"refused": "x"},
    }
    with pytest.raises(FaultError, match=r"mine: patch\.bird: nothing in the configuration is as 'no such line'"):
        build(breaches_of(RehearsedFault.model_validate(document), "IPv4"), "exchange", "bird", tmp_path)


@pytest.mark.parametrize(
    ("announce", "left"),
    [
        (["route 192.0.2.0/24 next-hop self", "route 2001:db8::/32 next-hop self"], 1),
        (["attributes community [ 8075:8007 ] next-hop self nlri 192.0.2.0/24", "route 2001:db8::1 next-hop self"], 1),
        ([{"prefixes": ["192.0.2.0/24", "2001:db8::/32"]}, "route 198.51.100.1 next-hop self"], 1),
        ([{"generate": {"within": "198.51.0.0/16", "length": 24, "count": 3}}, {"prefixes": ["2001:db8::/32"]}], 1),
        (None, 0),
    ],
)
def test_a_fault_that_announces_only_its_own_leaves_the_other_family_in_whatever_notation(
    announce: list[object] | None, left: int, tmp_path: Path
) -> None:
    document = read((SHIPPED / "exchange.yaml").read_text()).data
    del document["peers"][0]["announce"]
    document["peers"][0] |= {"announce": announce} if announce is not None else {}
    [breach] = breaches_of(FAULTS["first-as"], "IPv4")
    lab = build_on(document, [breach], "exchange", "simulated", tmp_path)
    peer = lab.topology.peers[0]
    found = [nlri.text(each.family, key) for each in announcements(peer.announce, peer) for key in each.keys]
    assert ("60.0.0.0/16" in found, sum(":" in prefix for prefix in found)) == (True, left)
    assert not [prefix for prefix in found if prefix.startswith(("192.0.2.", "198.51."))]
