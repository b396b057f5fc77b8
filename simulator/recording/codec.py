"""Plain data as JSON and back, by the types that its classes declare: nothing is made but what a declaration names.

So a file of a stranger can hold nothing but data: no class is chosen by it, and what does not fit is refused.
"""

from __future__ import annotations

import types
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError


class CodecError(ValueError):
    """What was read is not what its type declares."""


_ADDRESSES: Final = (IPv4Address, IPv6Address, IPv4Network, IPv6Network)
_JSON: Final[dict[type, str]] = {
    type(None): "null",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
}
_SETS: Final = {set: set, frozenset: frozenset}


def encode(value: Any) -> Any:
    """Plain data as `json` takes it; a field that has its default is left out. Raises TypeError for anything else."""
    match value:
        case None | bool() | str():
            return value if not isinstance(value, Enum) else value.name
        case Enum():
            return value.name
        case int() | float():
            return value
        case bytes():
            return b64encode(value).decode()
        case IPv4Address() | IPv6Address() | IPv4Network() | IPv6Network() | Path():
            return str(value)
        case BaseModel():
            return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
        case Mapping():
            return [[encode(key), encode(each)] for key, each in value.items()]
        case tuple() if hasattr(value, "_asdict"):
            return {name: encode(each) for name, each in value._asdict().items()}
        case list() | tuple():
            return [encode(each) for each in value]
        case set() | frozenset():
            return sorted(map(encode, value), key=repr)
    if is_dataclass(value) and not isinstance(value, type):
        return {
            "is": type(value).__name__,
            **{
                each.name: encode(found)
                for each in fields(value)
                if not _is_default(each, found := getattr(value, each.name))
            },
        }
    raise TypeError(f"{type(value).__name__} is no plain data")


def _is_default(field: Any, value: Any) -> bool:
    if field.default is not MISSING:
        return type(field.default) is type(value) and bool(field.default == value)
    if field.default_factory is not MISSING:
        return bool(field.default_factory() == value)
    return False


def decode(kind: Any, data: Any) -> Any:
    """What `encode` made of a value that is declared as `kind`. Raises CodecError."""
    try:
        return _decoder(kind)(data)
    except CodecError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, Base64Error, ValidationError) as error:
        why = f"there is no {error}" if isinstance(error, KeyError) else next(iter(str(error).splitlines()), "")
        raise CodecError(f"no {_name(kind)}: {why}") from None


@cache
def _decoder(kind: Any) -> Callable[[Any], Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union(inner)
    if origin is Literal:
        return _one_of(inner)
    if kind is Any or kind is object:
        return lambda data: data
    if kind in (type(None), None):
        return _exactly(type(None))
    if kind is float:
        return _number
    if kind in (int, str, bool):
        return _exactly(kind)
    if kind is bytes:
        return lambda data: b64decode(_exactly(str)(data), validate=True)
    if kind is Path or kind in _ADDRESSES:
        return lambda data: kind(_exactly(str)(data))
    if origin in (tuple, list, set, frozenset):
        return _sequence(origin, inner)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        name, each = decode_of(inner[0]), decode_of(inner[1])
        return lambda data: {name(key): each(value) for key, value in _pairs(data)}
    if isinstance(origin, type) and issubclass(origin, Iterable):
        return _sequence(tuple, (inner[0], ...))
    if isinstance(kind, type):
        return _class(kind)
    raise CodecError(f"{kind} cannot be read back")


def decode_of(kind: Any) -> Callable[[Any], Any]:
    """The decoder of a type, looked up when it is needed: a class may hold others of its own."""
    return lambda data: _decoder(kind)(data)


def _class(kind: type) -> Callable[[Any], Any]:
    if issubclass(kind, Enum):
        return lambda data: kind[_exactly(str)(data)]
    if issubclass(kind, BaseModel):
        return kind.model_validate
    declared = get_type_hints(kind)
    known, needed = _fields_of(kind)

    def make(data: Any) -> Any:
        found = dict(_exactly(dict)(data))
        found.pop("is", None)
        if unknown := found.keys() - known:
            raise CodecError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
        if missing := needed - found.keys():
            raise CodecError(f"{kind.__name__} lacks its {', '.join(sorted(missing))}")
        return kind(**{name: _decoder(declared[name])(each) for name, each in found.items()})

    return make


def _fields_of(kind: Any) -> tuple[set[str], set[str]]:
    """Of a dataclass or a named tuple: all fields, and those without a default."""
    if hasattr(kind, "_fields"):
        return {*kind._fields}, {*kind._fields} - kind._field_defaults.keys()
    mine = fields(kind)
    has_none = {each.name for each in mine if each.default is MISSING and each.default_factory is MISSING}
    return {each.name for each in mine}, has_none


def _union(choices: tuple[Any, ...]) -> Callable[[Any], Any]:
    named: dict[str, Any] = {_name(each): each for each in choices if is_dataclass(each)}

    def choose(data: Any) -> Any:
        if data is None and type(None) in choices:
            return None
        if isinstance(data, dict) and data.get("is") in named:
            return _decoder(named[data["is"]])(data)
        for each in choices:
            try:
                return _decoder(each)(data)
            except (CodecError, TypeError, ValueError, KeyError):
                continue
        raise CodecError("none of what it may be")

    return choose


def _one_of(words: tuple[Any, ...]) -> Callable[[Any], Any]:
    def choose(data: Any) -> Any:
        if data not in words:
            raise CodecError(f"not one of {', '.join(map(str, words))}")
        return data

    return choose


def _sequence(origin: Any, inner: tuple[Any, ...]) -> Callable[[Any], Any]:
    if origin is tuple and not (len(inner) == 2 and inner[1] is ...):
        each = [decode_of(kind) for kind in inner]

        def fixed(data: Any) -> Any:
            return tuple(read(value) for read, value in zip(each, _exactly(list)(data), strict=True))

        return fixed
    read = decode_of(inner[0])
    return lambda data: origin(read(value) for value in _exactly(list)(data))


def _pairs(data: Any) -> Iterable[tuple[Any, Any]]:
    return [(key, value) for key, value in _exactly(list)(data)]


def _exactly(kind: type) -> Callable[[Any], Any]:
    def check(data: Any) -> Any:
        if type(data) is not kind:
            raise CodecError(f"{_in_json(kind)} is expected, not {_in_json(type(data))}")
        return data

    return check


def _number(data: Any) -> float:
    if type(data) not in (int, float):
        raise CodecError(f"a number is expected, not {_in_json(type(data))}")
    return float(data)


def _in_json(kind: type) -> str:
    return _JSON.get(kind, kind.__name__)


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind))
