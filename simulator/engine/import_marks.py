"""What AS8075's import does to routes that it would accept, and which of them no ROA covers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from simulator.diagnosis.evidence import Examples, ImportMarks
from simulator.policy.data.vrp import Validity
from simulator.policy.policy import Policy
from simulator.rib.adj_in import HeldRoute
from simulator.rib.attribute_set import AttributeSet
from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes

_EXAMPLES: Final = 3
_VALUES: Final = 8


def marks_of(routes: Iterable[HeldRoute], policy: Policy) -> ImportMarks:
    """The marks of a session's acceptable routes. Attributes are looked at once for each distinct set."""
    by_set: dict[tuple[Family, AttributeSet], list[bytes]] = {}
    for route in routes:
        if not route.hits:
            by_set.setdefault((route.family, route.attributes), []).append(route.key)
    vrps = policy.context.data.vrp
    med, communities, unsigned = _Tally(), _Tally(), _Tally()
    values: list[str] = []
    for (family, attributes), keys in by_set.items():
        path = attributes.path
        overwritten, gone = _lost(path, policy)
        values += [*([str(path.med)] if overwritten else ()), *gone.split()]
        med.add(family, keys, overwritten)
        communities.add(family, keys, gone)
        if vrps is not None:
            found = vrps.not_valid(family, keys, path.origin_as)
            unknown = [key for key, why in found if why is Validity.NOT_FOUND]
            unsigned.add(family, unknown, f"from AS{path.origin_as}" if path.origin_as else "without an origin AS")
    return ImportMarks(
        routes=sum(map(len, by_set.values())),
        med=med.found,
        communities=communities.found,
        unsigned=None if vrps is None else unsigned.found,
        values=tuple(dict.fromkeys(values))[:_VALUES],
    )


class _Tally:
    """How many prefixes have a mark, and the first few."""

    def __init__(self) -> None:
        self._count = 0
        self._examples: list[str] = []

    def add(self, family: Family, keys: list[bytes], said: str) -> None:
        """Count the prefixes, where there is something to say of them."""
        if said:
            self._count += len(keys)
            more = keys[: _EXAMPLES - len(self._examples)]
            self._examples += [f"{nlri.text(family, key)} ({said})" for key in more]

    @property
    def found(self) -> Examples:
        return self._count, tuple(self._examples)


def _lost(path: PathAttributes, policy: Policy) -> tuple[str, str]:
    """The MED that is overwritten with another, and the communities that are taken off, in words."""
    kept = policy.imported(path)
    med = f"MED {path.med}" if path.med not in (None, 0, kept.med) else ""
    gone = [f"{value >> 16}:{value & 0xFFFF}" for value in path.communities if value not in kept.communities]
    gone += [":".join(map(str, value)) for value in path.large_communities if value not in kept.large_communities]
    return med, " ".join(gone)
