"""Read a topology file: YAML 1.2, the schema, the checks. Every error names file, line and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from ipaddress import ip_network
from itertools import zip_longest
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from simulator.topology.check import problems
from simulator.topology.locations import ExchangeLocation, embedded
from simulator.topology.schema import Topology


@dataclass(frozen=True, slots=True)
class TopologyFault:
    """One error of a topology file. `line` counts from 1; 0 where it has none."""

    file: str
    line: int
    where: str
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.where}: {self.text}" if self.where else f"{place}: {self.text}"


class TopologyError(Exception):
    """The file is not a usable topology. `faults` has at least one entry."""

    def __init__(self, faults: Sequence[TopologyFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


def load(path: Path, *, own_files: bool = True, formats: Mapping[str, str] | None = None) -> Topology:
    """Raises TopologyError with everything that is wrong with the file.

    Without `own_files` the routers' own configuration files need not be there. `formats` as for `problems`.
    """
    return parse(_read(path), str(path), path.parent, own_files=own_files, formats=formats)


def parse(
    text: str,
    file: str = "<topology>",
    directory: Path = Path(),
    *,
    own_files: bool = True,
    formats: Mapping[str, str] | None = None,
) -> Topology:
    """A topology from YAML text; files that it names are relative to `directory`. Raises TopologyError."""
    document = _yaml(text, file)
    if not isinstance(document, CommentedMap):
        raise TopologyError(
            [TopologyFault(file, 1, "", "a topology is a mapping of keys (name:, exchange:, edges:, …)")]
        )
    try:
        topology = Topology.model_validate(_completed(_plain(document)), context={"directory": directory})
    except ValidationError as error:
        raise TopologyError(_schema_faults(error, document, file)) from None
    found = problems(topology, own_files=own_files, formats=formats or {})
    if found:
        raise TopologyError(
            [TopologyFault(file, _line(document, p.where), _dotted(document, p.where), p.text) for p in found]
        )
    return topology


def _completed(found: Any) -> Any:
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
    file = files("simulator.topology").joinpath("data/exchange.yaml")
    return parse(file.read_text(encoding="utf-8"), "the topology that comes with turnup")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = "there is no such file"
    except IsADirectoryError:
        text = "this is a directory: name a topology file"
    except UnicodeDecodeError:
        text = "this is not UTF-8 text: a topology is a YAML file"
    except OSError as error:
        text = f"cannot be read: {error.strerror}"
    raise TopologyError([TopologyFault(str(path), 0, "", text)])


def _yaml(text: str, file: str) -> Any:
    try:
        return YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = (error.problem or error.context or "not YAML").split("\n")[0]
        raise TopologyError([TopologyFault(file, mark.line + 1 if mark else 0, "", f"YAML: {problem}")]) from None
    except (YAMLError, ValueError, RecursionError) as error:
        problem = str(error).split("\n")[0] or type(error).__name__
        raise TopologyError([TopologyFault(file, 0, "", f"YAML: {problem}")]) from None


def _plain(node: Any) -> Any:
    if isinstance(node, CommentedMap):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    return node


def _schema_faults(error: ValidationError, document: CommentedMap, file: str) -> list[TopologyFault]:
    faults: dict[tuple[int, str], TopologyFault] = {}
    for detail in error.errors(include_url=False, include_input=True):
        path = tuple(part for part in detail["loc"])
        text = {
            "extra_forbidden": "there is no such key",
            "missing": "this key is missing",
        }.get(detail["type"], detail["msg"])
        if detail["type"] not in ("missing", "extra_forbidden") and isinstance(
            detail["input"], str | int | float | bool
        ):
            text += f", not {detail['input']!r}" if "md5" not in path else ""
        fault = TopologyFault(file, _line(document, path), _dotted(document, path), text)
        faults.setdefault((fault.line, fault.where), fault)
    return sorted(faults.values(), key=lambda fault: fault.line)


def _dotted(document: CommentedMap, path: Sequence[str | int]) -> str:
    """`peers[0].ipv4`; pydantic's names of union members, which are not in the file, are left out."""
    text, node = "", document
    for position, part in enumerate(path):
        if isinstance(part, int):
            text += f"[{part}]"
        elif position == len(path) - 1 or (isinstance(node, CommentedMap) and part in node):
            text += f".{part}" if text else part
        else:
            continue
        node = _child(node, part)
    return text


def _child(node: Any, part: str | int) -> Any:
    if isinstance(node, CommentedMap) and part in node:
        return node[part]
    if isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
        return node[part]
    return None


def _line(document: CommentedMap, path: Sequence[str | int]) -> int:
    """The line of the innermost element of `path` that is in the file."""
    node: Any = document
    line = 1
    for part in path:
        child = _child(node, part)
        if isinstance(node, CommentedMap) and part in node:
            line = node.lc.key(part)[0] + 1
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line = node.lc.item(part)[0] + 1
        elif not isinstance(node, CommentedMap | CommentedSeq):
            break
        else:
            continue
        node = child
    return line
