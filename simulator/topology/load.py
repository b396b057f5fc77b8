"""Read a topology file: YAML 1.2, the schema, the checks. Every error names file, line and what to do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import files
from ipaddress import ip_network
from itertools import zip_longest
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simulator.topology.check import problems
from simulator.topology.document import LARGEST, DocumentError, YamlDocument, read
from simulator.topology.faults import TopologyError, TopologyFault, schema_faults
from simulator.topology.files import FileReadError, read_text
from simulator.topology.locations import ExchangeLocation, embedded
from simulator.topology.schema import Topology

__all__ = ["TopologyError", "TopologyFault", "checked", "default", "load", "parse"]


def load(path: Path, *, own_files: bool = True, formats: Mapping[str, str] | None = None) -> Topology:
    """Raises TopologyError with everything that is wrong with the file.

    Without `own_files` the routers' own configuration files need not be there. `formats` as for `problems`.
    """
    try:
        text = read_text(path, LARGEST, "a topology is a YAML file")
    except FileReadError as error:
        raise TopologyError([TopologyFault(str(path), 0, "", f"{error}{_shipped_hint(path)}")]) from None
    return parse(text, str(path), path.parent, own_files=own_files, formats=formats)


def _shipped_hint(path: Path) -> str:
    """What to do where the name of a shipped topology is given as a file's."""
    name = path.name.removesuffix(".yaml")
    shipped = {each.name for each in files("simulator").joinpath("topologies").iterdir()}
    meant = f"{name}.yaml" in shipped and not os.path.lexists(path)
    return f": 'turnup topologies copy {name}' puts the shipped one here" if meant else ""


def parse(
    text: str,
    file: str = "<topology>",
    directory: Path = Path(),
    *,
    own_files: bool = True,
    formats: Mapping[str, str] | None = None,
) -> Topology:
    """A topology from YAML text; files that it names are relative to `directory`. Raises TopologyError."""
    try:
        document = read(text)
    except DocumentError as error:
        raise TopologyError([TopologyFault(file, error.line, "", str(error))]) from None
    return checked(document, file, directory, own_files=own_files, formats=formats)


def checked(
    document: YamlDocument,
    file: str,
    directory: Path,
    *,
    own_files: bool = True,
    formats: Mapping[str, str] | None = None,
) -> Topology:
    """A topology from a document that was read already. Raises TopologyError."""
    if not isinstance(document.data, dict):
        raise TopologyError(
            [TopologyFault(file, 1, "", "a topology is a mapping of keys (name:, exchange:, edges:, …)")]
        )
    try:
        topology = Topology.model_validate(_completed(document.data), context={"directory": directory})
    except ValidationError as error:
        raise TopologyError(schema_faults(error, document, file)) from None
    found = problems(topology, own_files=own_files, formats=formats or {})
    if found:
        raise TopologyError(
            [TopologyFault(file, document.line(p.where), document.dotted(p.where), p.text) for p in found]
        )
    return topology


def _completed(found: dict[str, Any]) -> dict[str, Any]:
    """An exchange named by its PeeringDB id gets its LAN and AS8075's edges on it from the known list, where the file
    does not say them."""
    exchange = found.get("exchange")
    if not isinstance(exchange, dict) or not isinstance(exchange.get("peeringdb-ix"), int):
        return found
    known = embedded().exchange(exchange["peeringdb-ix"])
    if known is None:
        return found
    lan = {"ipv4" if prefix.version == 4 else "ipv6": str(prefix) for prefix in known.lan}
    filled = {"name": known.name, "metro": known.metro, "lan": lan, **exchange}
    edges = _edges(known, filled["lan"]) if "edges" not in found else []
    return {**found, "exchange": filled, **({"edges": edges} if edges else {})}


def _edges(known: ExchangeLocation, lan: Any) -> list[dict[str, str]]:
    """AS8075's addresses there, two by two; those that are not on the LAN are another LAN's."""
    prefixes = [str(prefix) for prefix in lan.values()] if isinstance(lan, dict) else []
    try:
        networks = [ip_network(prefix) for prefix in prefixes]
    except ValueError:  # the schema tells it, with its line
        return []
    on_it = [
        [address for address in addresses if any(address in network for network in networks)]
        for addresses in (known.microsoft_ipv4, known.microsoft_ipv6)
    ]
    return [
        {"name": f"edge-{number}", **{key: str(text) for key, text in (("ipv4", ipv4), ("ipv6", ipv6)) if text}}
        for number, (ipv4, ipv6) in enumerate(zip_longest(*on_it), 1)
    ]


def default() -> Topology:
    """The topology that comes with turnup: an exchange, two edges, one simulated peer."""
    file = files("simulator").joinpath("topologies/exchange.yaml")
    return parse(file.read_text(encoding="utf-8"), "the topology that comes with turnup")
