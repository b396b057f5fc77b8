"""Mistakes in labs whose router runs its user's own file: the file stays, and what can be is made at the other end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from simulator.connection.states import ConnectionState
from simulator.faults.load import load, load_all
from simulator.faults.own_file import why_not
from simulator.places.errors import LabError
from simulator.testing.lab import Lab
from simulator.testing.mistakes import in_full
from simulator.topology.schema import Topology
from tests.lab_support import require_bird
from tests.topologies import build, document

CONF = """router id 206.126.239.200;
protocol device {{}}
protocol static own {{ ipv4; route 192.0.2.0/24 blackhole; }}
protocol bgp microsoft {{
  local as 64496; neighbor 206.126.236.17 as 8075; connect retry time 1; {more}
  ipv4 {{ import all; export where proto = "own"; }};
}}
"""


def lab_of(tmp_path: Path, more: str = "", **peering: Any) -> Topology:
    file = tmp_path / "bird.conf"
    file.write_text(CONF.format(more=more))
    plain = document()
    plain["link"] = "netns"
    plain["times"] = {"soak": 0.1, "deadline": 4, "connect-retry": 1}
    plain["microsoft"] = {"announce": [{"prefixes": ["13.64.0.0/16"]}]}
    plain["peers"][0] |= {"router": {"kind": "bird", "config": str(file)}}
    plain["peerings"][0] |= {"connections": [{"edge": "ash-edge-1"}], "families": ["IPv4"], "expect": {}, **peering}
    return build(plain)


async def named(topology: Topology, fault: str) -> str:
    """The fault, where the diagnosis has what its file says; else what the diagnosis has."""
    lab = Lab(topology)
    lab.fault(fault)
    async with lab:
        await lab.peering().notify()
        await lab.peering().reaches(ConnectionState.PROVISIONING_FAILED)
        first, expected = lab.diagnosis.first, load(in_full(fault)).expect.causes[0]
        return fault if (first.cause, first.side) == (expected.cause, expected.side) else f"{fault}: {first}"


@pytest.mark.privileged
@pytest.mark.router
def test_a_fault_is_made_at_microsofts_side_on_the_link_and_at_the_edge(tmp_path: Path) -> None:
    require_bird()

    async def all_of(names: list[str], more: str, **peering: Any) -> list[str]:
        return await asyncio.gather(*(named(lab_of(tmp_path, more, **peering), name) for name in names))

    bare = ["md5-missing", "gtsm-at-microsoft-only", "bgp-filtered", "wrong-local-as", "wrong-neighbor-address"]
    assert asyncio.run(all_of(bare, "")) == bare
    protected = ["md5-wrong", "md5-not-agreed", "gtsm-at-peer-only"]
    more = 'password "a-key"; ttl security on;'
    assert asyncio.run(all_of(protected, more, md5="a-key", gtsm=True)) == protected
    assert (tmp_path / "bird.conf").read_text() == CONF.format(more=more)


@pytest.mark.parametrize(
    ("fault", "more", "why"),
    [
        ("md5-missing", {"md5": "a-key"}, "has an MD5 key, as was agreed: take it out of a copy"),
        ("md5-wrong", {}, "has not an MD5 key, since none was agreed: add it to a copy"),
        ("wrong-remote-as", {}, "it changes remote-as of the router, and"),
        ("bogons", {}, "says what the router announces"),
        ("shut-down", {}, "a scripted peer would stand in the place"),
        ("export-refuses-all", {}, "it is a statement of the router's configuration"),
    ],
)
def test_what_only_the_file_can_have_is_said(tmp_path: Path, fault: str, more: dict[str, Any], why: str) -> None:
    with pytest.raises(LabError) as error:
        Lab(lab_of(tmp_path, **more)).fault(fault)
    assert why in str(error.value)
    assert str(tmp_path / "bird.conf") in str(error.value)
    assert "\n" not in str(error.value)


def test_every_fault_can_be_made_or_says_why_not(tmp_path: Path) -> None:
    topology = lab_of(tmp_path)
    said = {fault.name: why_not(fault, topology.peers[0], topology.peerings[0]) for fault in load_all()}
    assert {name for name, why in said.items() if not why} >= {
        "bgp-filtered",
        "too-many-prefixes",
        "md5-missing-at-peer",
    }
    assert all("bird.conf" in why for why in said.values() if why)
