"""The topology of a scenario: a shipped one, a file or one written in place, with the scenario's changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from simulator.scenarios.model import Variant
from simulator.topology.document import LARGEST, Position, YamlDocument, located, merge, read
from simulator.topology.faults import TopologyError, TopologyFault
from simulator.topology.files import FileReadError, read_text
from simulator.topology.kinds import KINDS, UNKNOWN
from simulator.topology.load import checked, parse
from simulator.topology.schema import Topology
from simulator.topology.suggest import did_you_mean, listed

_FIRSTS: Final = {"peers": "peer", "peerings": "peering", "edges": "edge", "customers": "customer"}
"""A list of the topology → the key of `changes` that is of its first element."""
_KEY: Final = "rehearsed"
"""The MD5 key of a lab that is played with MD5."""


def shipped() -> list[str]:
    """The names of the topologies that come with turnup."""
    folder = files("simulator").joinpath("topologies")
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def topology_of(
    given: Any, changes: Mapping[str, Any], variant: Variant, document: YamlDocument, file: Path
) -> Topology:
    """The lab of a file: `given` is a name, a path or the topology itself. Raises TopologyError."""
    base, beside = _base(given, document, file)
    found: dict[str, Any] = json.loads(json.dumps(base, default=str))  # aliases of the text are no longer shared
    for key, change in changes.items():
        lists = [name for name, first in _FIRSTS.items() if first == key]
        if lists and isinstance(found.get(lists[0]), list) and found[lists[0]] and isinstance(change, Mapping):
            merge(found[lists[0]][0], change)
        elif lists:
            at = ("changes", key)
            text = f"the topology has no {lists[0]}, or this is no mapping"
            raise TopologyError([TopologyFault(str(file), document.line(at), document.dotted(at), text)])
        else:
            merge(found, {key: change})
    apply(found, variant)
    written = located(found, lambda path: _line(path, document))
    return checked(written, str(file), beside)


def _base(given: Any, document: YamlDocument, file: Path) -> tuple[Any, Path]:
    """The topology as it stands, and the directory that its files are beside."""
    if not isinstance(given, str):
        return given, file.parent
    if given in shipped():
        text = files("simulator").joinpath(f"topologies/{given}.yaml").read_text(encoding="utf-8")
        return read(text).data, Path(str(files("simulator").joinpath("topologies")))
    path = file.parent / given
    if not (path.suffix in (".yaml", ".yml") or "/" in given or path.is_file()):
        hint = (
            did_you_mean(given, shipped()) or f" (there are: {listed(shipped())}; a file beside this one does as well)"
        )
        text = f"there is no topology '{given}'{hint}"
        raise TopologyError([TopologyFault(str(file), document.line(("topology",)), "topology", text)])
    try:
        text = read_text(path, LARGEST, "a topology is a YAML file")
    except FileReadError as error:
        text = f"{path}: {error}"
        raise TopologyError([TopologyFault(str(file), document.line(("topology",)), "topology", text)]) from None
    parse(text, str(path), path.parent)  # its own mistakes have its own lines
    return read(text).data, path.parent


def _line(path: Position, document: YamlDocument) -> int:
    """Where in the scenario a part of the merged topology comes from."""
    first, rest = path[0], path[1:]
    if isinstance(document.data.get("topology"), dict):
        inner = ("topology", *path)
        found = document.line(inner)
    else:
        found = document.line(("topology",))
    changes = document.data.get("changes")
    if not isinstance(changes, dict):
        return found
    if first in _FIRSTS and rest[:1] == (0,) and _FIRSTS[str(first)] in changes:
        return document.line(("changes", _FIRSTS[str(first)], *rest[1:]))
    return document.line(("changes", *path)) if first in changes else found


def apply(found: dict[str, Any], variant: Variant) -> None:
    """Change a topology, as plain data, to what a matrix says of the lab. Parts that are not as they should be are left
    for the checks to tell."""
    router, family, security = (variant.get(key) for key in ("router", "family", "security"))
    nodes = [*_mappings(found.get("peers")), *_mappings(found.get("customers"))]
    for node in nodes if router is not None else ():
        if KINDS.get(_kind(node), UNKNOWN).may_be_customer and not isinstance(node.get("router"), dict):
            node["router"] = router
    if any(not KINDS.get(_kind(node), UNKNOWN).on_loopback for node in nodes) and found.get("link") == "loopback":
        found["link"] = "netns"
    for peering in _mappings(found.get("peerings")):
        if family is not None:
            peering["families"] = [family]
        if security is not None:
            peering["md5"] = _KEY if "md5" in security else None
            peering["gtsm"] = "gtsm" in security


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _kind(node: Mapping[str, Any]) -> str:
    router = node.get("router", "simulated")
    return str(router.get("kind", "") if isinstance(router, dict) else router)
