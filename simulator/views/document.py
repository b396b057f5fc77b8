"""The one serialiser: from plain data of any class to what `json` takes.

The event log, report.json, /lab/v1 and the command line's JSON all read it, so that a field has one name and one form
in all of them: camelCase keys, moments in RFC 3339 (UTC), enumerations by the word that people read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, lru_cache, partial
from typing import Any

from simulator.session.messages import Family, Notification, Open
from simulator.views.times import timestamp

_MOMENTS = frozenset({"time", "since", "due", "again", "started", "finished", "last_update"})
_PLAIN = frozenset({str, int, float, bool, type(None)})


def document(value: Any) -> Any:
    """A dataclass or a named tuple as a dictionary, with what it holds; anything else as JSON has it.

    A float field is a moment when its name says so (`time`, `since`, …, or `…_at`). A field that `repr` leaves out is
    left out here too. The properties that a class names in `DERIVED` are written after its fields.
    """
    kind: Any = type(value)
    return value if kind in _PLAIN else _writer(kind)(value)


def key(name: str) -> str:
    """`errorMessage` for `error_message`, `from` for `from_`."""
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(map(str.capitalize, rest))


@cache
def names(kind: type) -> tuple[tuple[str, str, bool], ...]:
    """Of a class whose objects become dictionaries: each field's name, its key, and whether it is a moment."""
    if is_dataclass(kind):
        found = [each.name for each in fields(kind) if each.repr]
    else:
        found = list(getattr(kind, "_fields", ()))
    found += getattr(kind, "DERIVED", ())
    return tuple((name, key(name), name in _MOMENTS or name.endswith("_at")) for name in found)


@cache
def _writer(kind: Any) -> Callable[[Any], Any]:
    """What writes the objects of a class; a portal asks for hundreds of sessions at once, so it is looked up once."""
    if issubclass(kind, Enum):
        words = {member: word(member) for member in kind}
        return words.__getitem__
    if issubclass(kind, str | int | float):
        return lambda value: value
    if issubclass(kind, bytes):
        return bytes.hex
    if kind is Notification:
        return lambda seen: {"code": int(seen.code), "subcode": int(seen.subcode), "text": str(seen)}
    if mine := names(kind):
        # A session's OPENs are the same each time that it is looked at.
        return lru_cache(4096)(partial(_fields_of, mine)) if kind is Open else partial(_fields_of, mine)
    if issubclass(kind, Mapping):
        return lambda pairs: {str(name): document(each) for name, each in pairs.items()}
    if issubclass(kind, frozenset | set):
        return lambda values: sorted(map(document, values))
    if issubclass(kind, list | tuple):
        return lambda values: [document(each) for each in values]
    return str


def _fields_of(mine: tuple[tuple[str, str, bool], ...], value: Any) -> dict[str, Any]:
    found = {}
    for name, key_, moment in mine:
        each = getattr(value, name)
        kind: Any = type(each)
        if moment and kind in (float, int):
            each = timestamp(each)
        elif kind not in _PLAIN:
            each = _writer(kind)(each)
        found[key_] = each
    return found


def word(value: Enum) -> str:
    """An enumeration's member as people read it."""
    if isinstance(value, Family):
        return value.label
    if isinstance(value.value, str):
        return value.value
    return value.name.lower().replace("_", "-")
