"""ARM resource ids. They keep the case in which they were written, and do not tell cases apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from simulator.azure.rest.fields import quoted

NAMESPACE: Final = "Microsoft.Peering"
_SCOPE: Final = re.compile(r"[A-Za-z0-9_.()-]{0,89}[A-Za-z0-9_()-]\Z")
"""A subscription or a resource group: up to 90 letters, and no full stop at the end (ARM)."""
_NAME: Final = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.-]{1,63}\Z")
"""A resource of Microsoft.Peering: a peeringName's letters and length in one version of the REST specification, taken
for all of them (simulator). `.` and `..` are steps of a path, and no names."""
SCOPE_RULE: Final = "1 to 90 letters, digits, _ - . ( ), with no . at the end"
NAME_RULE: Final = "1 to 63 letters, digits, _ - . and neither . nor .."


def is_scope(text: str) -> bool:
    """Whether a subscription or a resource group may be called so."""
    return _SCOPE.match(text) is not None


def is_name(text: str) -> bool:
    """Whether a resource may be called so."""
    return _NAME.match(text) is not None


def scope_fault(what: str, name: str) -> str:
    """Why a subscription or a resource group (`what`) cannot be called so; empty: it can."""
    return "" if is_scope(name) else f"The {what} {quoted(name)} is not valid: {SCOPE_RULE}"


def name_fault(type_: str, name: str) -> str:
    """Why a resource of a type cannot be called so; empty: it can."""
    return "" if is_name(name) else f"The name {quoted(name)} of {type_} is not valid: {NAME_RULE}"


@dataclass(frozen=True, slots=True)
class ResourceId:
    """`/subscriptions/S[/resourceGroups/G]/providers/Microsoft.Peering/TYPE/NAME[/TYPE/NAME…]`."""

    subscription: str
    group: str
    """Empty for a resource of the subscription itself."""
    types: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def type(self) -> str:
        """`Microsoft.Peering/peerings/registeredAsns`."""
        return "/".join((NAMESPACE, *self.types))

    @property
    def name(self) -> str:
        return self.names[-1]

    @property
    def parent(self) -> ResourceId:
        """Raises ValueError for a resource that has none."""
        if len(self.names) < 2:
            raise ValueError(f"{self} has no parent resource")
        return ResourceId(self.subscription, self.group, self.types[:-1], self.names[:-1])

    def child(self, type_: str, name: str) -> ResourceId:
        return ResourceId(self.subscription, self.group, (*self.types, type_), (*self.names, name))

    def __str__(self) -> str:
        group = f"/resourceGroups/{self.group}" if self.group else ""
        tail = "/".join(part for pair in zip(self.types, self.names, strict=True) for part in pair)
        return f"/subscriptions/{self.subscription}{group}/providers/{NAMESPACE}/{tail}"

    @property
    def key(self) -> str:
        return str(self).lower()


@lru_cache(4096)
def parse(text: str) -> ResourceId:
    """Raises ValueError, in one line, for what is no id of a Microsoft.Peering resource."""
    parts = text.strip("/").split("/")
    position = {part.lower(): index for index, part in reversed(list(enumerate(parts)))}
    if len(parts) < 6 or parts[0].lower() != "subscriptions" or NAMESPACE.lower() not in position:
        raise ValueError(f"'{text}' is not the id of a {NAMESPACE} resource")
    at = position[NAMESPACE.lower()]
    tail = parts[at + 1 :]
    group = parts[3] if at == 5 and parts[2].lower() == "resourcegroups" else ""
    if parts[at - 1].lower() != "providers" or at not in (3, 5) or (at == 5 and not group) or len(tail) % 2:
        raise ValueError(f"'{text}' is not the id of a {NAMESPACE} resource")
    if not is_scope(parts[1]) or not (group == "" or is_scope(group)) or not all(map(is_name, tail)):
        raise ValueError(f"'{text}' has a name that no resource can have: {NAME_RULE}")
    return ResourceId(parts[1], group, tuple(tail[::2]), tuple(tail[1::2]))
