"""What AS8075 announces where a topology chooses nothing, and what a peer must not announce."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from simulator.session.messages import Family
from simulator.topology.announced import announced_by
from simulator.topology.as8075 import known_prefixes, own_prefixes, table
from simulator.wire import nlri
from tests.topologies import build, document


def test_every_prefix_was_seen_by_two_sources_with_a_date() -> None:
    found = table()
    versions = [ip_network(row.prefix).version for row in found.prefixes]
    assert (versions.count(4), versions.count(6)) == (359, 29)
    assert len({row.prefix for row in found.prefixes}) == len(found.prefixes)
    for row in found.prefixes:
        assert len(set(row.sources)) >= 2, row
        assert set(row.sources) <= set(found.sources), row
        assert row.seen[:2] == "20", row
    assert all(source.licence and source.date for source in found.sources.values())


def announced(**changes: Any) -> dict[str, tuple[str, ...]]:
    """Prefix → (AS path, communities)."""
    found = document()
    found["exchange"] |= changes.pop("exchange", {})
    found |= changes
    topology = build(found)
    return {
        nlri.text(route.family, key): (route.attributes.as_path_text, *route.attributes.communities_text)
        for route in announced_by(topology, topology.edges[0])
        for key in route.keys
    }


def test_the_table_is_announced_unless_the_topology_chooses() -> None:
    found = announced()
    assert set(found) == {row.prefix for row in table().prefixes}
    assert set(found.values()) == {("",)}
    assert set(announced(microsoft={"announce": [{"prefixes": ["13.64.0.0/11"]}]})) == {"13.64.0.0/11"}
    assert announced(microsoft={"announce": []}) == {}


@pytest.mark.parametrize("exchange", [{"metro": "Seattle"}, {"metro": "seattle"}, {"peeringdb-ix": 13, "metro": None}])
def test_at_a_metro_with_cdn_prefixes_they_are_announced_behind_as8069(exchange: dict[str, Any]) -> None:
    found = announced(exchange=exchange)
    cdn = {row.prefix for row in table().cdn}
    assert len(cdn) == 8
    assert cdn <= set(found)
    assert found["20.157.110.0/24"] == ("8069", "8069:51026"), "the edge puts 8075 before it"


def test_a_direct_connections_facility_is_a_metro_too() -> None:
    found = document("direct")
    del found["microsoft"]["announce"]
    for facility, many in ((71, 8), (1, 0)):
        for connection in found["peerings"][0]["connections"]:
            connection["facility"] = facility
        topology = build(found)
        routes = announced_by(topology, topology.edges[0])
        assert sum(len(route.keys) for route in routes) == len(table().prefixes) + many


@pytest.mark.parametrize(
    ("prefix", "inside"),
    [
        ("13.64.0.0/11", True),
        ("13.65.1.0/24", True),
        ("2a01:111::/32", True),
        ("20.157.110.0/24", True),
        ("41.0.0.0/16", False),
    ],
)
def test_microsofts_prefixes_are_known_whatever_the_topology_announces(prefix: str, inside: bool) -> None:
    family, key = nlri.key(prefix)
    for known in (known_prefixes(), own_prefixes([]), own_prefixes(_own("192.0.2.0/24"))):
        assert (known.covering(family, key) is not None) is inside
    other = own_prefixes(_own("192.0.2.0/24"), 64999)
    assert other.covering(family, key) is None, "another AS has other prefixes"
    assert other.covering(*nlri.key("192.0.2.0/25")) == ("192.0.2.0/24", "announced by AS64999")


def _own(prefix: str) -> Any:
    topology = build({**document(), "microsoft": {"announce": [{"prefixes": [prefix]}]}})
    found = announced_by(topology, topology.edges[0])
    assert [route.family for route in found] == [Family.IPV4]
    return found
