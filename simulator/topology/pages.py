"""The topology's schema as Markdown, for the documentation."""

from __future__ import annotations

from typing import Any

from simulator.topology.as8075 import table
from simulator.topology.locations import embedded
from simulator.topology.schema import Topology

_MOST = 24
"""Words that a cell lists."""


def keys() -> str:
    """Every key of a topology file, model by model."""
    schema = Topology.model_json_schema(by_alias=True)
    parts = [_table("the file", schema)]
    parts += [_table(name, part) for name, part in schema["$defs"].items() if "properties" in part]
    return "\n\n".join(parts)


def _table(name: str, schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    head = f"### {name}\n\n{schema.get('description', '').splitlines()[0] if schema.get('description') else ''}\n"
    lines = [head, "| key | value | default | meaning |", "|---|---|---|---|"]
    for key, part in schema["properties"].items():
        default = "required" if key in required else _default(part.get("default"))
        lines.append(f"| `{key}` | {_kind(part)} | {default} | {part.get('description', '').replace(chr(10), ' ')} |")
    return "\n".join(lines)


def _default(value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    return "see there" if isinstance(value, dict) else f"`{value}`"


def _kind(part: dict[str, Any]) -> str:
    if "$ref" in part:
        return str(part["$ref"]).rpartition("/")[2]
    if "enum" in part:
        shown = part["enum"] if len(part["enum"]) <= _MOST else [*part["enum"][:3], "…"]
        return " or ".join(f"`{value}`" for value in shown)
    if "const" in part:
        return f"`{part['const']}`"
    for union in ("anyOf", "oneOf", "allOf"):
        if union in part:
            kinds = dict.fromkeys(_kind(option) for option in part[union])
            return " or ".join(kind for kind in kinds if kind != "null")
    if part.get("type") == "array":
        return f"list of {_kind(part.get('items', {}))}"
    low, high = part.get("minimum", part.get("exclusiveMinimum")), part.get("maximum")
    bounds = f" {low} to {high}" if low is not None and high is not None else ""
    return f"{part.get('format') or part.get('type', 'anything')}{bounds}"


def sources() -> str:
    """The sources of the lists that come with turnup."""
    found = {**table().sources, **embedded().sources}
    used = [name for row in (*table().prefixes, *table().cdn) for name in row.sources]
    used += [name for place in embedded().facilities for name in place.sources]
    used += [name for place in embedded().exchanges for name in {*place.sources, *place.lan_sources}]
    lines = ["| source | date | licence | entries |", "|---|---|---|---|"]
    lines += [f"| {each.what} | {each.date} | {each.licence} | {used.count(name)} |" for name, each in found.items()]
    return "\n".join(lines)
