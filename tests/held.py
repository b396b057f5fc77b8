"""What objects hold on to: the memory behind one of them, and the containers of the process that grow."""

from __future__ import annotations

import gc
import sys
from collections import deque
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final

_CODE: Final = (type, ModuleType, FunctionType, BuiltinFunctionType)
_CONTAINERS: Final = (dict, list, set, deque, bytearray)


def octets(root: object) -> int:
    """Octets of memory of everything that is reachable from a root, but for code and classes."""
    seen, left, total = {id(root)}, [root], 0
    while left:
        each = left.pop()
        total += sys.getsizeof(each)
        for other in gc.get_referents(each):
            if id(other) not in seen and not isinstance(other, _CODE):
                seen.add(id(other))
                left.append(other)
    return total


def containers() -> list[Any]:
    """Every container of the process; they stay as long as the answer does."""
    gc.collect()
    return list({id(each): each for each in _containers()}.values())


def _containers() -> Iterator[Any]:
    for each in gc.get_objects():
        if isinstance(each, _CONTAINERS):
            yield each
        for other in gc.get_referents(each):  # a dictionary of plain values is not among the collector's own
            if isinstance(other, dict | bytearray):
                yield other


def names_of(container: object) -> set[str]:
    """`Class.attribute` of the objects that have it; nothing for a cache that says itself how long it may be."""
    found = set[str]()
    for owner in gc.get_referrers(container):
        if hasattr(owner, "cache_info"):
            return set() if owner.cache_info().maxsize is not None else {f"{owner.__module__}.{owner.__qualname__}"}
        for of in (owner, *(gc.get_referrers(owner) if isinstance(owner, dict) else ())):
            name = getattr(of, "__name__", type(of).__qualname__)
            found |= {f"{name}.{each}" for each in _attributes(of) if getattr(of, each, None) is container}
    return found or {f"{type(container).__name__} of {str(list(container)[-3:])[:300]}"}  # type: ignore[call-overload]


def _attributes(of: object) -> list[str]:
    slots = [name for kind in type(of).__mro__ for name in getattr(kind, "__slots__", ())]
    return [*getattr(of, "__dict__", ()), *slots]
