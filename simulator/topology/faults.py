"""What is wrong with a topology file, each fault one line with its place, and what may have been meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from simulator.counts import count_of
from simulator.topology.document import Position, YamlDocument
from simulator.topology.schema import Topology
from simulator.topology.suggest import address_meant, did_you_mean, prefix_meant

_LONGEST: Final = 60
"""Characters of a wrong value that an error repeats."""
_IP: Final = re.compile(r"ip_(v4|v6|any)_(network|address|interface)")
_VERSIONS: Final = {"v4": 4, "v6": 6, "any": None}


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


def schema_faults(
    error: ValidationError, document: YamlDocument, file: str, schema: type[BaseModel] = Topology
) -> list[TopologyFault]:
    """One fault a place, in the order of the file: of several that a union has, the one that says most."""
    best: dict[Position, tuple[int, str]] = {}
    for detail in error.errors(include_url=False, include_input=True):
        position = _position(detail, document)
        rank, text = _told(detail, position, schema)
        if position not in best or rank < best[position][0]:
            best[position] = rank, text
    # A union's other members say of a mapping that it is no word: what is wrong inside of it says more.
    inner = {position[:length] for position in best for length in range(len(position))}
    kept = {position: text for position, (rank, text) in best.items() if not (rank and position in inner)}
    faults = [TopologyFault(file, document.line(at), document.dotted(at), text) for at, text in kept.items()]
    return sorted(faults, key=lambda fault: fault.line)


def _position(detail: Any, document: YamlDocument) -> Position:
    """Where in the file: without pydantic's names of union members, with the key that is missing or too many."""
    node, found = document.data, []
    for number, part in enumerate(detail["loc"]):
        inside = (isinstance(node, dict) and part in node) or (
            isinstance(node, list) and isinstance(part, int) and part < len(node)
        )
        if inside:
            node = node[part]
        elif isinstance(part, str) and not (detail["type"] == "missing" and number == len(detail["loc"]) - 1):
            continue
        found.append(part)
    return tuple(found)


_MAPPING: Final = "a mapping of keys (key: value) is wanted"
_WANTED: Final = {
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dataclass_type": _MAPPING,
    "list_type": "a list is wanted",
    "tuple_type": "a list is wanted",
    "set_type": "a list is wanted",
    "frozen_set_type": "a list is wanted",
}
"""Kind of error → what is wanted, where pydantic's words are Python's."""
_COUNTS: Final = {"too_short": ("at least", "min_length"), "too_long": ("at most", "max_length")}


def _told(detail: Any, position: Position, schema: type[BaseModel]) -> tuple[int, str]:
    """(rank, text): 0 says what to do, 1 says what is wrong, 2 says it of a mapping that another type is expected."""
    kind, value = detail["type"], detail["input"]
    if kind == "missing":
        return 0, "this key is missing"
    if kind == "extra_forbidden":
        return 0, "there is no such key" + did_you_mean(str(position[-1]), keys_at(detail["loc"][:-1], schema))
    if kind in ("asn", "told"):
        return 0, str(detail["msg"])
    if kind in _COUNTS and isinstance(value, list | dict):
        word, bound = _COUNTS[kind]
        return 1, f"{word} {count_of(detail['ctx'][bound], 'entry', 'entries')}, not {len(value)}"
    words = _WANTED.get(kind, str(detail["msg"]))
    if isinstance(value, dict | list):
        return 2, words
    shown = "" if "md5" in position else f", not {_short(value)}"
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", detail["ctx"]["expected"])
        return 1, f"{words}{shown}{did_you_mean(value, known) if isinstance(value, str) else ''}"
    if found := _IP.fullmatch(kind):
        return _address_told(value, _VERSIONS[found[1]], found[2])
    return 1, f"{words}{shown}"


def _address_told(value: Any, version: int | None, kind: str) -> tuple[int, str]:
    text = value if isinstance(value, str) else ""
    what = {4: "IPv4 ", 6: "IPv6 ", None: ""}[version] + ("prefix" if kind == "network" else "address")
    if kind == "network" and (meant := prefix_meant(text, version)) is not None:
        return 0, f"{_short(value)} has host bits set: did you mean {meant}?"
    if kind == "address" and (meant := address_meant(text, version)) is not None:
        return 0, f"{_short(value)} is an address with a length: did you mean {meant}?"
    return 1, f"{_short(value)} is not an {what}" if version else f"{_short(value)} is not a {what}"


def _short(value: Any) -> str:
    text = getattr(value, "text", None) or repr(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def keys_at(path: Sequence[str | int], schema: type[BaseModel] = Topology) -> list[str]:
    """The keys that a mapping at this place may have, by the schema."""
    models: set[type[BaseModel]] = {schema}
    for part in path:
        named = {model for model in models if model.__name__ == part}
        inner = {found for model in models for found in _models_of(model, part)}
        models = named or inner or models
    return [field.alias or name for model in models for name, field in model.model_fields.items()]


def _models_of(model: type[BaseModel], part: str | int) -> set[type[BaseModel]]:
    return {
        found
        for name, field in model.model_fields.items()
        if part == (field.alias or name)
        for found in _models_in(field.annotation)
    }


def _models_in(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {found for part in get_args(annotation) for found in _models_in(part)}
