"""Exports and routers' files, told from their content; what is in them, and what becomes of broken ones."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.starting import ixf, peeringdb, sources
from simulator.starting.facts import ExchangeFacts, RouterFacts, StartError
from simulator.starting.kinds import plan
from simulator.starting.plan import Wishes
from simulator.topology.locations import embedded
from tests.examples import examples
from tests.starting import samples

OURS = (ip_address("206.126.239.200"), ip_address("2001:504:0:2:0:6:4499:1"))
EDGES = (ip_address("206.126.236.17"), ip_address("2001:504:0:2::8075:1"), ip_address("206.126.236.148"))
EXPORTS = {
    "PeeringDB, tables": samples.peeringdb(),
    "PeeringDB, depth 2": samples.peeringdb_deep(),
    "PeeringDB, bare tables": {name: table["data"] for name, table in samples.peeringdb().items()},
    **{f"IX-F {version}": samples.ixf(version) for version in ("0.6", "0.7", "1.0")},
}


def read(path: Path, text: str) -> tuple[list[ExchangeFacts], RouterFacts | None]:
    path.write_text(text)
    return sources.read([path])


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_told_from_its_content_and_read(name: str, tmp_path: Path) -> None:
    found, _ = read(tmp_path / "anything", json.dumps(EXPORTS[name]))
    here = found[0]
    assert here.name.partition(" (")[0] == "Sample-IX"
    assert (here.peeringdb_ix, here.metro) == (1, "Ashburn")
    assert set(here.lan) == {ip_network(samples.LAN_4), ip_network(samples.LAN_6)}
    assert set(here.microsoft) == set(EDGES)
    assert [port.addresses for port in here.ports_of(samples.MINE)] == [OURS]
    assert [port.asn for port in here.route_servers] == [64510]


@pytest.mark.parametrize("kind", samples.ROUTERS)
def test_a_routers_file_is_told_from_its_content_and_read(kind: str, tmp_path: Path) -> None:
    _, found = read(tmp_path / "anything", samples.ROUTERS[kind])
    assert found is not None
    assert (found.kind, found.asn, found.md5, found.single) == (kind, 64499, "k3y", True)
    assert set(found.microsoft) == set(EDGES)
    assert set(found.addresses) == set(OURS)
    assert found.router_id == "206.126.239.200"
    assert found.hold_time == (60 if kind == "bird" else None)


def test_the_router_and_the_exports_make_the_same_peering(tmp_path: Path) -> None:
    """Whoever says it: the exchange of a router's file alone is found by Microsoft's addresses."""
    plans = []
    for exports in (EXPORTS["PeeringDB, tables"], EXPORTS["IX-F 1.0"], None):
        paths = [tmp_path / "bird.conf"]
        paths[0].write_text(samples.BIRD)
        if exports is not None:
            paths.append(tmp_path / "export.json")
            paths[1].write_text(json.dumps(exports))
        plans.append(plan(Wishes(), *sources.read(paths)))
    assert len({(each.lan, each.edges, each.asn, each.addresses, each.router) for each in plans}) == 1
    assert plans[0].placeholders == {"prefixes"}


@pytest.mark.parametrize("export", ["all ports of the exchange", "our own ports"])
def test_an_export_without_the_lan_is_completed_by_the_list(export: str, tmp_path: Path) -> None:
    """PeeringDB's /api/netixlan has ports and no prefixes; a network's own answer has not even Microsoft's ports."""
    here = next(each for each in embedded().exchanges if each.lan[0].prefixlen < 23 and len(each.microsoft_ipv4) > 1)
    microsoft = here.microsoft_ipv4 if export == "all ports of the exchange" else ()
    ours = next(each for each in reversed(list(here.lan[0].hosts())) if each not in here.microsoft_ipv4)
    rows = [samples.netixlan(8075, str(each), None, here.peeringdb_ix) for each in microsoft]
    rows.append(samples.netixlan(samples.MINE, str(ours), None, here.peeringdb_ix))
    found, _ = read(tmp_path / "netixlan.json", json.dumps({"data": rows, "meta": {}}))
    made = plan(Wishes(asn=samples.MINE), found, None)
    assert made.lan[0] == here.lan[0]
    assert {edge[0] for edge in made.edges} == set(here.microsoft_ipv4)
    assert made.addresses == (ours,)
    assert "lan" not in made.placeholders and "microsoft" not in made.placeholders


def test_a_lan_that_nobody_says_holds_every_port(tmp_path: Path) -> None:
    ports = (8075, "203.0.112.9"), (8075, "203.0.114.1"), (samples.MINE, "203.0.113.200")
    rows = [samples.netixlan(asn, address, None, 99999) for asn, address in ports]
    found, _ = read(tmp_path / "netixlan.json", json.dumps({"data": rows}))
    made = plan(Wishes(asn=samples.MINE), found, None)
    assert made.lan == (ip_network("203.0.112.0/22"),) and "lan" in made.placeholders


def test_the_names_in_a_routers_file_are_those_of_its_sessions_with_microsoft(tmp_path: Path) -> None:
    text = samples.FRR.replace(
        " neighbor 206.126.236.9 remote-as 6939\n",
        " neighbor 206.126.236.9 remote-as 6939\n neighbor 206.126.236.9 update-source lo\n",
    )
    _, found = read(tmp_path / "frr.conf", text)
    assert found is not None and found.interface == ""


BAD = {
    "": "it is empty",
    "{": "this is not a PeeringDB export",
    "[" * 100_000: "nested too deeply",
    '{"data": []}': "this is not a PeeringDB export",
    json.dumps({**samples.ixf(), "member_list": 7}): "member_list is no list",
    json.dumps({**samples.ixf(), "ixp_list": []}): "no VLAN with addresses",
    json.dumps({"data": [samples.netixlan(8075, "206.126.236", None)]}): "'206.126.236', which is no address",
    json.dumps({"data": samples.peeringdb()["ixpfx"]["data"]}): "no netixlan object",
    samples.BIRD.replace("8075;", "8076;"): "no session with AS8075 is in this file for bird: .*AS6939, AS8076",
    "interface ge-0/0/0 { unit 0; }\n": "this is not a PeeringDB export",
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:20])
def test_a_bad_file_is_one_clear_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=BAD[text]) as raised:
        read(tmp_path / "export.json", text)
    assert "export.json" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_cannot_be_read_and_a_second_router_are_one_line_each(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="there is no such file"):
        sources.read([tmp_path / "nowhere"])
    (tmp_path / "octets").write_bytes(b"\xff\xfe\0")
    with pytest.raises(StartError, match="not UTF-8"):
        sources.read([tmp_path / "octets"])
    for kind in ("bird", "frr"):
        (tmp_path / kind).write_text(samples.ROUTERS[kind])
    with pytest.raises(StartError, match="a second router"):
        sources.read([tmp_path / "bird", tmp_path / "frr"])


def places(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where each value of a document is."""
    items: Any = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=examples(300))
@given(st.sampled_from(sorted(EXPORTS)), st.data())
def test_an_export_with_anything_in_any_place_is_read_or_refused(name: str, data: st.DataObject) -> None:
    document = copy.deepcopy(EXPORTS[name])
    *path, key = data.draw(st.sampled_from(list(places(document))))
    inside: Any = document
    for step in path:
        inside = inside[step]
    inside[key] = data.draw(ANYTHING)
    reader = ixf if ixf.is_ixf(document) else peeringdb if peeringdb.is_peeringdb(document) else None
    if reader is None:
        return
    try:
        found = reader.exchanges(document, "export.json")
    except StartError as error:
        assert "\n" not in str(error)
        return
    assert all(each.name.isprintable() for each in found)
