"""The schema of topology files."""

from __future__ import annotations

import json
from ipaddress import IPv4Address

import pytest
from pydantic import ValidationError

from simulator.topology.schema import Node, Topology
from tests.topologies import build, document


def test_the_json_schema_is_valid_and_closed() -> None:
    schema = Topology.model_json_schema(by_alias=True)
    json.dumps(schema)
    assert schema["additionalProperties"] is False
    assert "max-prefixes" in schema["$defs"]["Peering"]["properties"]
    assert all("_" not in key for part in schema["$defs"].values() for key in part.get("properties", {}))


def test_keys_are_hyphenated_and_unknown_ones_refused() -> None:
    found = document()
    found["peerings"][0]["max-prefixes"] = {"ipv4": 7}
    assert build(found).peerings[0].max_prefixes.ipv4 == 7
    assert build(found).peerings[0].max_prefixes.ipv6 == 2000
    found["colour"] = "red"
    with pytest.raises(ValidationError, match="colour"):
        build(found)


@pytest.mark.parametrize(("family", "limit"), [("ipv4", 20000), ("ipv6", 2000)])
def test_max_prefixes_are_bounded_as_microsofts_clients_bound_them(family: str, limit: int) -> None:
    found = document()
    found["peerings"][0]["max-prefixes"] = {family: limit}
    build(found)
    for bad in (0, limit + 1):
        found["peerings"][0]["max-prefixes"] = {family: bad}
        with pytest.raises(ValidationError):
            build(found)


def test_a_node_without_ipv4_gets_a_stable_identifier_of_its_own() -> None:
    one, two = Node(name="one").identifier, Node(name="two").identifier
    assert one == Node(name="one").identifier
    assert one != two
    assert int(one) != 0
    assert Node.model_validate({"name": "n", "router-id": "1.2.3.4"}).identifier == IPv4Address("1.2.3.4")


def test_an_md5_key_does_not_show_in_a_repr() -> None:
    found = document()
    found["peerings"][0] |= {"md5": "s3cret", "peer-side": {"md5": "0ther"}}
    text = repr(build(found))
    assert "s3cret" not in text
    assert "0ther" not in text
