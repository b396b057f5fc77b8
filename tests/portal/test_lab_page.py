"""The lab's picture: nothing overlaps, from two nodes to sixty; every connection is in it, and leads to its page."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from simulator.connection.states import ConnectionState
from simulator.portal.lab_layout import NODE_HEIGHT, NODE_WIDTH, LabNode, lay_out_lab
from simulator.topology.load import load
from simulator.topology.schema import Topology
from tests.azure.provider import support as provider_support
from tests.portal.support import put_asn, put_peering, until_all
from tests.serving.support import served

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "topologies").glob("*.yaml"))


def exchange(peers: int, edges: int) -> Topology:
    """An exchange with so many nodes."""
    document = {
        "name": "many",
        "exchange": {"name": "IX", "lan": {"ipv4": "206.126.236.0/22"}},
        "edges": [{"name": f"edge-{n}", "ipv4": f"206.126.236.{n + 1}"} for n in range(edges)],
        "peers": [{"name": f"peer-{n}", "asn": 64496 + n, "ipv4": f"206.126.237.{n + 1}"} for n in range(peers)],
        "peerings": [{"name": "x", "peer": "peer-0", "families": ["IPv4"]}],
    }
    return Topology.model_validate(document)


@pytest.mark.parametrize(
    "topology",
    [
        *(load(path, own_files=False) for path in SHIPPED),
        *(exchange(*size) for size in ((1, 1), (9, 2), (20, 8), (56, 4))),
    ],
    ids=lambda topology: f"{topology.name}-{len(topology.peers)}",
)
def test_no_node_overlaps_another_or_its_area(topology: Topology) -> None:
    absent = [LabNode("absent", "absent", "", "")]
    drawing = lay_out_lab(topology, absent)
    names = [*(node.name for node in (*topology.edges, *topology.peers, *topology.customers)), "absent"]
    assert sorted(each.node.name for each in drawing.nodes) == sorted(names)
    for one, other in itertools.combinations(drawing.nodes, 2):
        assert abs(one.x - other.x) >= NODE_WIDTH or abs(one.y - other.y) >= NODE_HEIGHT
    for each in drawing.nodes:
        inside = [
            area
            for area in drawing.areas
            if area.x <= each.x
            and each.x + NODE_WIDTH <= area.x + area.width
            and area.y <= each.y
            and each.y + NODE_HEIGHT <= area.y + area.height
        ]
        assert len(inside) == 1
    assert all(
        area.x + area.width <= drawing.width and area.y + area.height <= drawing.height for area in drawing.areas
    )


async def test_every_connection_is_a_line_in_both_colours_that_leads_to_its_page(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        assert "No connection yet" in (await lab.client.get("/lab")).text
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        await until_all(lab.provider, ConnectionState.ACTIVE)
        page = (await lab.client.get("/lab")).text
        wires = re.findall(r'<a href="([^"]+)" class="wire"', page)
        assert len(wires) == 2 and page.count("wire-c c-active") == 2 and page.count("wire-b b-up") == 2
        for wire in wires:
            assert (await lab.client.get(wire)).status_code == 200


async def test_many_connections_are_squares_below_their_peers(tmp_path: Path) -> None:
    lab_topology = provider_support.topology(times={"deadline": 1})
    async with served(tmp_path, topology=lab_topology) as lab:
        await put_asn(lab.provider)
        for number in range(13):
            address = {"peerSessionIPv4Address": f"206.126.239.{number + 1}"}
            await put_peering(lab.provider, f"p{number}", address)
        page = (await lab.client.get("/lab")).text
        assert 'class="wire"' not in page
        assert page.count('class="chip"') == 6 and ">+20<" in page  # all of one peer, which has no router here
        assert "no router here" in page
