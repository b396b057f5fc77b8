"""The one serialiser: from plain data of any class to what `json` takes.

The event log, report.json, /lab/v1 and the command line's JSON all read it, so that a field has one name and one form
in all of them: camelCase keys, moments in RFC 3339 (UTC), enumerations by the word that people read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any

from simulator.session.messages import Family, Notification
from simulator.views.times import timestamp

_MOMENTS = frozenset({"time", "since", "due", "again", "started", "finished", "last_update"})


def document(value: Any) -> Any:
    """A dataclass or a named tuple as a dictionary, with what it holds; anything else as JSON has it.

    A float field is a moment when its name says so (`time`, `since`, …, or `…_at`). A field that `repr` leaves out is
    left out here too. The properties that a class names in `DERIVED` are written after its fields.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Enum):
        return _word(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Notification):
        return {"code": int(value.code), "subcode": int(value.subcode), "text": str(value)}
    kind: Any = type(value)
    if names := _names(kind):
        return {key: _field(getattr(value, name), moment) for name, key, moment in names}
    if isinstance(value, Mapping):
        return {str(key): document(each) for key, each in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(map(document, value))
    if isinstance(value, list | tuple):
        return [document(each) for each in value]
    return str(value)


def key(name: str) -> str:
    """`errorMessage` for `error_message`, `from` for `from_`."""
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(map(str.capitalize, rest))


@cache
def _names(kind: type) -> tuple[tuple[str, str, bool], ...]:
    """Of a class: its fields' names, their keys, and which of them are moments."""
    if is_dataclass(kind):
        names = [each.name for each in fields(kind) if each.repr]
    else:
        names = list(getattr(kind, "_fields", ()))
    names += getattr(kind, "DERIVED", ())
    return tuple((name, key(name), name in _MOMENTS or name.endswith("_at")) for name in names)


def _field(value: Any, moment: bool) -> Any:
    return timestamp(value) if moment and isinstance(value, float | int) else document(value)


def _word(value: Enum) -> Any:
    if isinstance(value, Family):
        return value.label
    if isinstance(value.value, str):
        return value.value
    return value.name.lower().replace("_", "-")
