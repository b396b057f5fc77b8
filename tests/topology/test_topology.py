"""The schema of topology files."""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from pydantic import ValidationError

from simulator.policy.profiles import PROFILES
from simulator.policy.rules import RULES
from simulator.topology.document import read
from simulator.topology.kinds import KINDS, LANGUAGES
from simulator.topology.schema import Node, Topology
from tests.topologies import SHIPPED, build, document


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


def test_every_key_has_a_description() -> None:
    schema = Topology.model_json_schema(by_alias=True)
    parts = {"the file": schema, **schema["$defs"]}
    lacking = [
        f"{name}.{key}"
        for name, part in parts.items()
        for key, value in part.get("properties", {}).items()
        if not value.get("description")
    ]
    assert not lacking, f"Field(description=…) is missing: {', '.join(lacking)}"
    assert [name for name, part in parts.items() if not part.get("description")] == []


def test_what_there_is_a_list_of_has_its_values_in_the_schema() -> None:
    def enums(part: Any) -> list[list[str]]:
        if isinstance(part, dict):
            return ([part["enum"]] if "enum" in part else []) + [e for each in part.values() for e in enums(each)]
        return [e for each in part for e in enums(each)] if isinstance(part, list) else []

    schema = Topology.model_json_schema(by_alias=True)
    parts = schema["$defs"]
    assert enums(parts["Peer"]["properties"]["router"]) == [[*KINDS]]
    assert enums(parts["RouterChoice"]["properties"]["kind"]) == [[*KINDS]]
    assert enums(parts["RouterChoice"]["properties"]["format"]) == [[*LANGUAGES]]
    for model in ("Peering", "PolicyChoice"):
        assert enums(parts[model]["properties"]["profile"]) == [[*PROFILES]]
    (checks,) = enums(parts["Expect"]["properties"]["failing-checks"])
    assert {"S1", "R1", "R3.bogon-prefix"} <= set(checks)
    rules = parts["PolicyChoice"]["properties"]["rules"]
    assert set(rules["properties"]) == set(RULES)
    assert all(part["description"] for part in rules["properties"].values())
    limit = rules["properties"]["as-path-too-long"]["anyOf"][1]["properties"]["limit"]
    assert (limit["type"], limit["default"]) == ("integer", 50)
    asn = parts["Peer"]["properties"]["asn"]
    assert (asn["minimum"], asn["maximum"]) == (1, 4294967295)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_topologies_fit_the_schema_that_editors_have(path: Path) -> None:
    schema = Topology.model_json_schema(by_alias=True)
    jsonschema_rs.validate(schema, json.loads(json.dumps(read(path.read_text()).data)))
