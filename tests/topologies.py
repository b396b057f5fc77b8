"""Topologies for tests: the shipped ones, with short times and whatever a test changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from simulator.topology.load import load
from simulator.topology.schema import Topology

SHIPPED = Path(__file__).parent.parent / "topologies"


def document(name: str = "exchange") -> dict[str, Any]:
    """A shipped topology as plain data, its times cut to what a machine needs."""
    found: dict[str, Any] = YAML(typ="safe").load(SHIPPED / f"{name}.yaml")
    found["times"] = {"soak": 0.2, "deadline": 20}
    return found


def mixed() -> dict[str, Any]:
    """The shipped exchange, and a private link of the same peer to a third edge."""
    found = document()
    found["edges"].append({"name": "ash-edge-3"})
    link = {"edge": "ash-edge-3", "ipv4": "198.51.100.4/30", "ipv6": "2001:db8:2::/127"}
    found["peerings"].append({"name": "private", "kind": "Direct", "peer": "contoso", "connections": [link]})
    return found


def build(found: dict[str, Any]) -> Topology:
    """Validated against the schema only."""
    return Topology.model_validate(found)


def shipped(name: str = "exchange") -> Topology:
    """A shipped topology, checked in full."""
    return load(SHIPPED / f"{name}.yaml")


def write(found: dict[str, Any], path: Path) -> Path:
    """As a file, for the command line."""
    YAML().dump(found, path)
    return path
